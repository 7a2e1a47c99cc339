"""Who decides what a user is shown: the world's own front page, or lists from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from stream.wire.messages import Recommendation


@dataclass(frozen=True, slots=True)
class Shown:
    """A list that a user is shown. `items`: ids, best first; unknown ones are passed over."""

    recommendation_id: str
    items: tuple[str, ...]


class Shows(Protocol):
    """Asked whenever a user looks, with all events of before that time already handed out."""

    def shown(self, user_id: str, at: float) -> Shown | None:
        """The user's list at a time, seconds; None: the front page."""
        ...


class FrontPage:
    """Everybody gets the world's own page: each place of any category, an item by popularity."""

    def shown(self, user_id: str, at: float) -> Shown | None:
        return None


class ClosedLoop:
    """The newest list of each user, as consumers of recommendations keep it."""

    def __init__(self) -> None:
        self._lists: dict[str, Shown] = {}
        self._versions: dict[str, int] = {}

    def take(self, message: Recommendation) -> None:
        """A message of the recommendations topic; one that was overtaken changes nothing."""
        if message.version < self._versions.get(message.user_id, message.version):
            return
        self._versions[message.user_id] = message.version
        items = [offer.item_id for offer in message.items]
        self.offer(message.user_id, items, message.recommendation_id)

    def offer(self, user_id: str, items: Sequence[str], recommendation_id: str) -> None:
        """From now on the user is shown these; an empty list leaves the front page."""
        self._lists[user_id] = Shown(recommendation_id, tuple(items))

    def shown(self, user_id: str, at: float) -> Shown | None:
        own = self._lists.get(user_id)
        return own if own is not None and own.items else None
