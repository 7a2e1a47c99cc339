"""What is true of a world: what its messages never say, and a method is to find out."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from stream.errors import Misconfigured


class Group(Struct, frozen=True):
    """Users who share a distribution.

    kind    `single`, `double` or `triple`: how many main categories
    shares  (c,) of the categories, in their order; sum to 1
    """

    id: str
    kind: str
    shares: tuple[float, ...]


class Taste(Struct, frozen=True):
    """What a user likes from a moment on.

    since   seconds since the epoch; `from` in the file
    group   whose distribution it was drawn around
    shares  (c,) of the categories, in their order; sum to 1
    """

    since: float = field(name="from")
    group: str
    shares: tuple[float, ...]


class User(Struct, frozen=True):
    """A user's planted facts. `group` is the first taste's; a bot has none, and no taste."""

    id: str
    bot: bool
    group: str | None
    tastes: tuple[Taste, ...]

    def taste_at(self, at: float) -> Taste | None:
        """What the user likes at a time; of before the first day the first taste. None: a bot."""
        if not self.tastes:
            return None
        return self.tastes[max(0, bisect_right(self.tastes, at, key=_since) - 1)]


class Good(Struct, frozen=True):
    """An item's planted facts.

    born, dies  seconds since the epoch; dies None: not in these days
    announced   whether its message says from the beginning when it will go
    quality     what people give it beyond their taste: mean 0, standard deviation 1
    weight      how often it is taken before others of its category
    """

    id: str
    category: str
    born: float
    dies: float | None
    announced: bool
    quality: float
    weight: float


class Burst(Struct, frozen=True):
    """Some hours, seconds since the epoch, in which all are busier, mostly about one item."""

    start: float
    end: float
    item: str


class Quiet(Struct, frozen=True):
    """A span in which nobody does anything, seconds since the epoch."""

    start: float
    end: float


class Truth(Struct, frozen=True, dict=True):
    """All that was planted. `plan`: what the world was made from, the seed included."""

    plan: dict[str, Any]
    categories: tuple[str, ...]
    groups: tuple[Group, ...]
    bursts: tuple[Burst, ...]
    quiet: tuple[Quiet, ...]
    users: tuple[User, ...]
    items: tuple[Good, ...]

    @cached_property
    def user(self) -> Mapping[str, User]:
        """By id."""
        return {user.id: user for user in self.users}

    @cached_property
    def group_of(self) -> Mapping[str, str]:
        """The first group of every user who is no bot."""
        return {user.id: user.group for user in self.users if user.group is not None}

    @cached_property
    def drifts(self) -> Mapping[str, tuple[float, ...]]:
        """When each user's taste changed, seconds; empty: it never did."""
        return {user.id: tuple(one.since for one in user.tastes[1:]) for user in self.users}

    @cached_property
    def bots(self) -> frozenset[str]:
        """Ids of the users who are none."""
        return frozenset(user.id for user in self.users if user.bot)

    @cached_property
    def category_of(self) -> Mapping[str, str]:
        """By item."""
        return {good.id: good.category for good in self.items}

    def taste_at(self, user_id: str, at: float) -> Taste | None:
        """What a user likes at a time; of before the first day the first taste. None: a bot."""
        return self.user[user_id].taste_at(at)

    def group_at(self, user_id: str, at: float) -> str | None:
        """The group whose taste a user has at a time; None: a bot's."""
        taste = self.taste_at(user_id, at)
        return None if taste is None else taste.group

    def shares_at(self, user_id: str, at: float) -> dict[str, float]:
        """Share by category of a user's taste at a time; empty: a bot's."""
        taste = self.taste_at(user_id, at)
        return {} if taste is None else dict(zip(self.categories, taste.shares, strict=True))


def read(path: Path) -> Truth:
    """The truth of a file that `interestream simulate` wrote. Raises Misconfigured."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Truth)
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read ({error.strerror})") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path} is no truth of a simulation ({error})") from error


def write(truth: Truth, path: Path) -> None:
    """As JSON for people and programs; the same truth gives the same bytes."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(truth), indent=1) + b"\n")


def _since(taste: Taste) -> float:
    return taste.since
