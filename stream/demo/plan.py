"""What the demo's producer sends, in order: ratings, and the mischief that real producers make."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from stream.demo.movielens import Rating

DUPLICATES = 10
REPEAT_WITHIN = 30
LATE = 10
UNKNOWN_ITEMS = 8


@dataclass(frozen=True, slots=True)
class Send:
    """One record of the events topic. `rating` is its place in the time order, where it is one."""

    key: bytes
    value: bytes
    rating: int | None = None
    repeat: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """`history` goes out at full speed, `live` at a rate; `ratings` are shifted to end now."""

    ratings: tuple[Rating, ...]
    history: tuple[Send, ...]
    live: tuple[Send, ...]


def plan(ratings: Sequence[Rating], *, live: int, now: float, seed: int = 0) -> Plan:
    """The ratings in time order, the last one at `now`, mixed with a handful of bad input.

    live  how many of the last ratings are sent at a rate
    """
    shift = now - ratings[-1].at
    shifted = tuple(Rating(r.user_id, r.item_id, r.stars, r.at + shift) for r in ratings)
    sends = [_rating(place, rating) for place, rating in enumerate(shifted)]
    cut = max(len(sends) - live, 0)
    history = _with_mischief(sends[:cut], random.Random(seed), now)  # noqa: S311  # no secret
    return Plan(shifted, tuple(history), tuple(sends[cut:]))


def event_id(place: int) -> str:
    """The id of the rating at `place`."""
    return f"rating-{place}"


def _rating(place: int, rating: Rating) -> Send:
    message = {
        "event_id": event_id(place),
        "user_id": rating.user_id,
        "item_id": rating.item_id,
        "type": "rating",
        "at": rating.at,
        "rating": rating.stars,
        "rating_max": 5,
    }
    return Send(rating.user_id.encode(), json.dumps(message).encode(), place)


def _with_mischief(sends: list[Send], chance: random.Random, now: float) -> list[Send]:
    """Duplicates, late ones, unknown items and malformed ones, spread over the history."""
    if not sends:
        return sends
    mixed = list(sends)
    for _ in range(min(LATE, len(sends) // 10)):  # late: sent long after its neighbours in time
        mixed.append(mixed.pop(chance.randrange(len(mixed) // 2)))
    for _ in range(DUPLICATES):  # as a producer's retry: soon after the original
        place = chance.randrange(len(mixed))
        again = replace(mixed[place], repeat=True)
        mixed.insert(place + chance.randrange(1, REPEAT_WITHIN), again)
    for number in range(UNKNOWN_ITEMS):
        mixed.insert(chance.randrange(len(mixed) + 1), _unknown_item(number, sends, now))
    for key, value in malformed(now):
        mixed.insert(chance.randrange(len(mixed) + 1), Send(key, value))
    return mixed


def _unknown_item(number: int, sends: Sequence[Send], now: float) -> Send:
    key = sends[number * 97 % len(sends)].key
    message = {
        "event_id": f"unknown-{number}",
        "user_id": key.decode(),
        "item_id": f"film-nobody-knows-{number}",
        "type": "click",
        "at": now - 3600,
    }
    return Send(key, json.dumps(message).encode())


def malformed(now: float) -> list[tuple[bytes, bytes]]:
    """(key, value) of records that must end in the dead letters, or be counted and skipped."""
    good = {"user_id": "1", "item_id": "1", "type": "click", "at": now - 60}
    bad: list[object] = [
        {**good, "at": (now - 60) * 1000},  # milliseconds
        {**good, "at": "2026-01-01T00:00:00"},  # no time zone
        {**good, "at": now + 86_400},  # far in the future
        {**good, "user_id": 17},  # a number where a string belongs
        {**good, "item_id": ""},
        {**good, "item_id": "x" * 1000},
        {**good, "dwell_s": -5},
        {"user_id": "1", "item_id": "1", "at": now - 60},  # no type
        {**good, "type": "teleport"},  # skipped: unknown type
        {**good, "user_id": "anonymous"},  # skipped: nobody in particular
        {**good, "at": now - 500 * 86_400},  # skipped: too old
    ]
    values = [json.dumps(message).encode() for message in bad]
    values += [b'{"user_id": "1", "item', b"\xff\xfe\x00not text", b'{"at": NaN}', b"[]"]
    return [(b"1", value) for value in values]
