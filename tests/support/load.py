"""A planned load: items around planted topics, and what real producers send about them.

Every record carries its fate, so that who checks the outcome need not decode as the service does.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

DIMENSION = 384
TOPICS = 6
PER_TOPIC = 20
GENRES = ("drama", "comedy", "noir", "western", "musical", "war")
ENCODED = ("A garden of slow tomatoes", "Engines of the night train", "How the tide is measured")
REVIEWS = (
    "A quiet story about a lighthouse keeper and the sea.",
    "Loud cars, louder explosions, no plot at all.",
)
STAND_IN = "An old film that no catalogue knows"
DAY_S = 86_400.0
APPLIES = ""  # the fate of an event that is understood
FOREIGN = "foreign"  # of a record that is not of the load


@dataclass(frozen=True, slots=True)
class Planned:
    """One record of the events topic. `fate`: APPLIES, or the reason it is refused or skipped."""

    key: bytes | None
    value: bytes | None
    fate: str = APPLIES

    @property
    def record(self) -> tuple[bytes | None, bytes | None]:
        return self.key, self.value


def items() -> list[tuple[bytes, bytes]]:
    """(key, value) of the items: most bring their vectors, some are encoded."""
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(TOPICS, DIMENSION))
    records = []
    for number in range(TOPICS * PER_TOPIC):
        topic = number % TOPICS
        vector = centres[topic] + 0.3 * rng.normal(size=DIMENSION)  # cosine within a topic: 0.9
        vector /= np.linalg.norm(vector)
        message = {
            "item_id": f"film-{number}",
            "title": f"Film {number}",
            "categories": [GENRES[topic], *(["classic"] if number % 3 == 0 else [])],
            "vectors": {"text": [round(float(x), 5) for x in vector]},
        }
        records.append(_record(message))
    for number, title in enumerate(ENCODED):
        records.append(_record({"item_id": f"text-{number}", "title": title}))
    return records


def _record(message: dict[str, Any]) -> tuple[bytes, bytes]:
    return message["item_id"].encode(), json.dumps(message).encode()


class Load:
    """The events of `users` users in the order of sending; the same seed gives the same load.

    now  the last event's time, seconds; it is also the clock that the bad times are bad by
    """

    def __init__(self, *, users: int, events: int, now: float, seed: int = 0) -> None:
        self._chance = random.Random(seed)
        self._users, self._now = users, now
        self._serial = 0
        self.events = list(self._mixed(events))

    def fate(self, value: bytes | None) -> str:
        """Of a record with this value; the same value always has the same."""
        return self._fates.get(value, FOREIGN)

    def _mixed(self, count: int) -> Iterator[Planned]:
        """Good events in time order, and behind or between them all that goes wrong."""
        chance = self._chance
        good = [self._good(place / count) for place in range(count)]
        for place in range(count // 50, count, 50):  # a producer's repeat, some time later
            good.append(good[place])
            good[-1], good[min(place + 40, count - 1)] = good[min(place + 40, count - 1)], good[-1]
        repeats = [self._changed_repeat(chance.choice(good[: count // 2])) for _ in range(8)]
        poison = [Planned(self._key(), value, fate) for fate, value in poisons(self._now)]
        for extra in [*repeats, *self._forgetful(), *poison, *poison]:
            good.insert(chance.randrange(len(good) // 2, len(good)), extra)
        self._fates = {one.value: one.fate for one in good}
        yield from good

    def _good(self, share: float) -> Planned:
        """An event at its place in the last three hours; one in twenty comes days late.

        One in ten is of a visitor who never comes again: what is missed of it stays missed.
        """
        chance = self._chance
        if chance.random() < 0.02:
            return self._wandering(share)
        user = f"user-{int(self._users * chance.random() ** 1.5)}"
        if chance.random() < 0.1:
            self._serial += 1
            user = f"visitor-{self._serial}"
        at = self._at(share) - (chance.uniform(0.1, 5) * DAY_S if chance.random() < 0.05 else 0)
        message = {"user_id": user, "at": at, **self._what()}
        if chance.random() < 0.9:
            message["event_id"] = self._id()
        if chance.random() < 0.3:
            message["at"] = datetime.fromtimestamp(at, UTC).isoformat()
        return Planned(user.encode(), json.dumps(message).encode())

    def _what(self) -> dict[str, Any]:
        chance = self._chance
        item = f"film-{chance.randrange(TOPICS * PER_TOPIC)}"
        if chance.random() < 0.05:
            item = f"text-{chance.randrange(len(ENCODED))}"
        kinds: list[tuple[int, dict[str, Any]]] = [
            (30, {"type": "rating", "rating": chance.randint(1, 5)}),
            (4, {"type": "rating", "rating": chance.randint(1, 10), "rating_max": 10}),
            (18, {"type": "click", "dwell_s": round(chance.uniform(0, 90), 2)}),
            (4, {"type": "click"}),
            (8, {"type": "like"}),
            (6, {"type": "hide"}),
            (4, {"type": "dislike"}),
            (4, {"type": "skip"}),
            (12, {"type": "view"}),
            (3, {"type": "purchase"}),
            (3, {"type": "review", "rating": 5, "text": chance.choice(REVIEWS)}),
            (2, {"type": "review", "text": chance.choice(REVIEWS)}),
            (2, {"type": "impression", "offers": [item, "film-0"]}),
            (1, {"type": "like", "item_id": f"nobody-knows-{chance.randrange(9)}"}),
            (1, {"type": "like", "item_id": "unheard-of", "item_title": STAND_IN}),
        ]
        (kind,) = chance.choices([kind for _, kind in kinds], [weight for weight, _ in kinds])
        return kind if kind["type"] == "impression" else {"item_id": item, **kind}

    def _wandering(self, share: float) -> Planned:
        """A user's event under another key: its partition, and so its order, is anybody's guess."""
        chance = self._chance
        message = {
            "user_id": f"wanderer-{chance.randrange(3)}",
            "at": self._at(share),
            "event_id": self._id(),
            "item_id": f"film-{chance.randrange(TOPICS * PER_TOPIC)}",
            "type": "like",
        }
        key = chance.choice([None, f"key-{chance.randrange(99)}".encode()])
        return Planned(key, json.dumps(message).encode())

    def _changed_repeat(self, original: Planned) -> Planned:
        """Another event under an id that its user's profile has seen a moment ago, or long ago."""
        assert original.value is not None
        message = json.loads(original.value)
        return Planned(original.key, json.dumps({**message, "context": {"try": 2}}).encode())

    def _forgetful(self) -> list[Planned]:
        """Users who are forgotten now and then: what is older no longer counts."""
        found = []
        for number in range(10):
            user = f"user-{number * 3}"
            message = {"user_id": user, "type": "forget", "at": self._at(0.6 + number / 40)}
            found.append(Planned(user.encode(), json.dumps(message).encode()))
        return found

    def _at(self, share: float) -> float:
        return round(self._now - 3 * 3600 * (1 - share) - 60, 3)

    def _key(self) -> bytes:
        return f"user-{self._chance.randrange(self._users)}".encode()

    def _id(self) -> str:
        self._serial += 1
        return f"event-{self._serial}"


def poisons(now: float) -> list[tuple[str, bytes | None]]:
    """(fate, value) of records that have no effect."""
    good = {"user_id": "user-1", "item_id": "film-1", "type": "like", "at": round(now - 60, 3)}

    def but(**fields: Any) -> bytes:
        return json.dumps({**good, **fields}).encode()

    return [
        ("missing_value", None),
        ("malformed_json", but()[:-3]),
        ("malformed_json", b'{"context":{"a":' + b"[" * 3000),
        ("invalid_utf8", b"\xff\xfe" + but()),
        ("not_finite", but(dwell_s=float("nan"))),
        ("out_of_range", but(dwell_s=-5)),
        ("wrong_type", but(user_id=17)),
        ("missing_field", but(item_id=None)),
        ("empty_id", but(item_id=" ")),
        ("id_too_long", but(item_id="x" * 1000)),
        ("text_too_long", but(text="t" * 20_000)),
        ("time_in_milliseconds", but(at=now * 1000)),
        ("no_time_zone", but(at="2026-01-01T00:00:00")),
        ("invalid_time", but(at="yesterday")),
        ("in_future", but(at=now + 2 * DAY_S)),
        ("unknown_type", but(type="teleport")),
        ("ignored_user", but(user_id="anonymous")),
        ("too_old", but(at=now - 500 * DAY_S)),
    ]


#: Fates that are only counted; the others end in the dead letters.
COUNTED = ("unknown_type", "ignored_user", "too_old")
