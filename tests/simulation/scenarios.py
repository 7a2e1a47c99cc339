"""What the producers sent. Equal times, so nothing decays and order does not change a sum; each
event has an item of its own, so a profile's ring of items counts effects event by event."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stream.core.hashes import hash32, hash64
from tests.commit.world import NOW, event

AT = NOW - 60
FORGOTTEN_AT = NOW - 50
AFTER = NOW - 40


@dataclass(frozen=True, slots=True)
class Expected:
    """What a user's profile must hold in the end: `items` by their number of effects."""

    items: Mapping[str, int]
    marks: Mapping[int, int]
    event_ids: frozenset[int]
    seen: frozenset[int]
    forgotten_at: float | None


@dataclass(frozen=True, slots=True)
class Scenario:
    """Records by partition, and how many of them a worker takes at once.

    chunk    records of a delivery
    cut      of them, those of one sub-chunk
    poison   places of records that nobody can read
    sweeps   how often a sweep may run beside
    later    records by partition that arrive when removals have been confirmed
    """

    name: str
    logs: Mapping[int, tuple[bytes, ...]]
    chunk: int = 2
    cut: int = 2
    sweeps: int = 0
    poison: frozenset[str] = field(default_factory=frozenset)
    later: Mapping[int, tuple[bytes, ...]] = field(default_factory=dict)

    @property
    def whole(self) -> dict[int, tuple[bytes, ...]]:
        """All records by partition, those that arrive later included."""
        return {p: (*log, *self.later.get(p, ())) for p, log in self.logs.items()}

    def expected(self) -> dict[str, Expected]:
        """By user; of the plain meaning of the records, whoever handles them in what order."""
        said: dict[str, dict[str, dict[str, Any]]] = {}
        marks: dict[str, dict[int, int]] = {}
        for partition, log in self.whole.items():
            for offset, value in enumerate(log):
                if f"in/{partition}/{offset}" in self.poison:
                    continue
                body = json.loads(value)
                said.setdefault(body["user_id"], {})[body["event_id"]] = body
                marks.setdefault(body["user_id"], {})[partition] = offset
        return {user: _expected(list(said[user].values()), marks[user]) for user in said}


def _expected(events: list[dict[str, Any]], marks: Mapping[int, int]) -> Expected:
    """Each event once, however often it was sent; forgetting leaves only what is newer."""
    forgets = [one for one in events if one["type"] == "forget"]
    since = max((one["at"] for one in forgets), default=None)
    counted = [one for one in events if since is None or one["at"] > since]
    items = [one["item_id"] for one in counted]
    return Expected(
        dict.fromkeys(items, 1),
        marks,
        frozenset(hash64(one["event_id"]) for one in (*counted, *forgets)),
        frozenset(map(hash32, items)),
        since,
    )


def like(user: str, number: int, at: float = AT) -> bytes:
    """Items 0, 3, 6 are of one taste, 1, 4, 7 of another: users move between segments."""
    return event("like", f"i{number}", user_id=user, event_id=f"{user}{number}", at=at)


def forget(user: str) -> bytes:
    return event("forget", None, user_id=user, event_id=f"{user}-forget", at=FORGOTTEN_AT)


BROKEN = b'{"user_id": "a"'

SCENARIOS = (
    Scenario(
        "two users, always together, in two partitions",
        {
            0: (like("a", 0), like("b", 0), like("a", 1), like("b", 1)),
            1: (like("b", 3), like("a", 3), like("b", 4), like("a", 4)),
        },
    ),
    Scenario(
        "two users in two partitions, a repeat in the other one, a poison record",
        {
            0: (like("a", 0), like("b", 0), like("a", 1), like("b", 1)),
            1: (like("b", 4), like("a", 4), like("a", 1), BROKEN),
        },
        poison=frozenset({"in/1/3"}),
    ),
    Scenario(
        "one user, cut small, repeats in the same partition",
        {
            0: (like("a", 0), like("a", 1), like("a", 1), like("a", 4)),
            1: (like("a", 3), like("a", 0)),
        },
        chunk=2,
        cut=1,
        sweeps=2,
    ),
    Scenario(
        "a user forgotten in one partition, older events in the other",
        {
            0: (like("a", 0), forget("a"), like("a", 4, AFTER), like("b", 0)),
            1: (like("a", 1), like("b", 1), like("a", 2)),
        },
        later={0: (like("a", 6), like("a", 7, AFTER)), 1: (forget("a"), like("a", 8, AFTER))},
    ),
    Scenario(
        "a user forgotten for good",
        {0: (like("a", 0), like("a", 1), forget("a")), 1: (like("a", 4), BROKEN, like("a", 0))},
        later={0: (like("a", 6), forget("a")), 1: (like("a", 7), like("a", 1))},
        chunk=3,
        cut=1,
        sweeps=1,
        poison=frozenset({"in/1/1"}),
    ),
)
