"""What a log of events determines, computed all at once and the plain way.

Nothing of the service's own folding is used: sums are closed forms over the whole history, in
double precision, and every constant is written down a second time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from tests.support.load import APPLIES
from tests.support.records import Kept

DAY_S = 86_400.0
HALF_LIVES_S = {
    "session": 1800.0,
    "interests": 14 * DAY_S,
    "aversion": 30 * DAY_S,
    "categories": 30 * DAY_S,
}
STRENGTHS = {
    "view": 0.1,
    "skip": -0.2,
    "hide": -0.8,
    "like": 0.8,
    "dislike": -0.8,
    "add_to_cart": 0.7,
    "purchase": 1.0,
}
REVIEW_TEXT = 0.2
SENTIMENT = 0.3  # share of the text in a review that has a rating too
UNRATED = 0.6  # what is left of a text's sentiment without a rating
SILENT = ("view", "impression", "forget")  # types that ask for no list

Vectors = Mapping[str, NDArray[np.float32]]  # by item id, or by text


@dataclass(frozen=True, slots=True)
class Known:
    """The items of the store, and the vectors of the texts that events bring."""

    vectors: Vectors
    categories: Mapping[str, tuple[str, ...]]
    texts: Vectors


@dataclass(frozen=True, slots=True)
class Part:
    """One observation's share of a sum: `weight` times `vector`, at a time."""

    weight: float
    vector: NDArray[np.float32]
    at: float


@dataclass
class Expected:
    """A user's profile after all of the log."""

    marks: dict[str, int] = field(default_factory=dict)
    forgotten_at: float | None = None
    as_of: float = 0.0
    liked: list[Part] = field(default_factory=list)
    disliked: list[Part] = field(default_factory=list)
    categories: list[tuple[str, float, float]] = field(default_factory=list)
    ratings: list[float] = field(default_factory=list)
    touched: list[tuple[str, float, float]] = field(default_factory=list)  # item, time, strength
    event_ids: list[str] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    touched_when_listed: int = 0
    outcomes: list[str] = field(default_factory=list)

    def sum_of(self, parts: Iterable[Part], half_life_s: float) -> tuple[float, Any, float]:
        """(weight, vector, time): the closed form of a decayed sum, as of its newest part."""
        parts = list(parts)
        at = max(part.at for part in parts)
        left = np.array([2.0 ** (-(at - part.at) / half_life_s) for part in parts])
        weights = left * [part.weight for part in parts]
        return float(weights.sum()), weights @ np.array([p.vector for p in parts], float), at

    def category_weights(self) -> dict[str, float]:
        at = max((when for _, _, when in self.categories), default=0.0)
        weights: dict[str, float] = {}
        for name, weight, when in self.categories:
            left = weight * 2.0 ** (-(at - when) / HALF_LIVES_S["categories"])
            weights[name] = weights.get(name, 0.0) + left
        return weights

    def lately(self) -> dict[int, dict[str, float]]:
        """By day since the epoch what came in it, as of its end: the last eight days."""
        newest = max((when // DAY_S for _, _, when in self.categories), default=0.0)
        days: dict[int, dict[str, float]] = {}
        for name, weight, when in self.categories:
            number = int(when // DAY_S)
            if number >= newest - 7:
                left = 2.0 ** (-((number + 1) * DAY_S - when) / HALF_LIVES_S["categories"])
                day = days.setdefault(number, {})
                day[name] = day.get(name, 0.0) + weight * left
        return days

    def recent(self) -> list[tuple[str, float, float]]:
        """The last 50 by time, oldest first."""
        return sorted(self.touched, key=lambda row: row[1])[-50:]

    def seen(self) -> list[int]:
        """Hashes of the items in the order of their last touch."""
        last_first = dict.fromkeys(item for item, _, _ in reversed(self.touched))
        return [hashed(item, 4) for item in reversed(last_first)]


def recompute(
    log: Iterable[Kept],
    fate: Callable[[bytes | None], str],
    source_of: Callable[[int], str],
    known: Known,
) -> dict[str, Expected]:
    """Every user's profile, from the events topic's records in the order of their partitions.

    fate       of a record's value: APPLIES where it is understood
    source_of  the name under which a partition's marks are kept
    """
    users: dict[str, Expected] = {}
    for record in log:
        if fate(record.value) != APPLIES:
            continue
        assert record.value is not None
        event = json.loads(record.value)
        user = users.setdefault(event["user_id"], Expected())
        user.marks[source_of(record.partition)] = record.offset
        users[event["user_id"]] = _after(user, event, record.value, known)
    return users


def _after(user: Expected, event: dict[str, Any], value: bytes, known: Known) -> Expected:
    name, at = event.get("event_id") or hashed_hex(value), _seconds(event["at"])
    if name in user.event_ids[-64:]:
        user.outcomes.append("repeated")
        return user
    if user.forgotten_at is not None and at <= user.forgotten_at:
        user.outcomes.append("forgotten")
        return user
    user.outcomes.append("applied")
    if event["type"] == "forget":
        return Expected(marks=user.marks, forgotten_at=at, event_ids=[name], outcomes=user.outcomes)
    user.event_ids.append(name)
    user.as_of = max(user.as_of, at)
    worth = _worth(user, event)
    if "rating" in event:
        user.ratings.append(_share(event))
    _add(user, event, worth, at, known)
    if event["type"] not in SILENT:
        user.causes.append(name)
        user.touched_when_listed = len(user.touched)
    return user


def _add(user: Expected, event: dict[str, Any], worth: float, at: float, known: Known) -> None:
    item = event.get("item_id", "")
    vector = known.vectors.get(item)
    if vector is None and "item_title" in event:
        vector = known.texts[event["item_title"]]
    if worth < 0 and vector is not None:
        user.disliked.append(Part(-worth, vector, at))
    if worth > 0 and vector is not None:
        user.liked.append(Part(worth, vector, at))
    if worth > 0:
        names = known.categories.get(item, ())
        user.categories += [(name, worth / len(names), at) for name in names]
    if worth > 0 and event.get("text"):
        user.liked.append(Part(REVIEW_TEXT, known.texts[event["text"]], at))
    if item:
        user.touched.append((item, at, worth))


def _worth(user: Expected, event: dict[str, Any]) -> float:
    kind = event["type"]
    if kind in ("rating", "review"):
        return _review(user, event)
    if kind == "click":
        dwell_s = event.get("dwell_s", 20.0)
        return float(0.6 * dwell_s / (dwell_s + 20.0))
    return STRENGTHS.get(kind, 0.0)


def _review(user: Expected, event: dict[str, Any]) -> float:
    side = _sentiment(event.get("text", ""))
    if "rating" not in event:
        return UNRATED * (side or 0.0)
    mean = (sum(user.ratings) + 0.7 * 5) / (len(user.ratings) + 5)
    rated = min(max((_share(event) - mean) / 0.4, -1.0), 1.0)
    return rated if side is None else (1 - SENTIMENT) * rated + SENTIMENT * side


@cache
def _sentiment(text: str) -> float | None:
    """Of one short English sentence, which is all that the load's reviews are."""
    scores = SentimentIntensityAnalyzer().polarity_scores(text)
    if scores["pos"] == scores["neg"] == 0:
        return None
    return float(scores["compound"]) if abs(scores["compound"]) >= 0.05 else 0.0


def _share(event: dict[str, Any]) -> float:
    return float(event["rating"] / event.get("rating_max", 5))


def _seconds(at: float | str) -> float:
    return datetime.fromisoformat(at).timestamp() if isinstance(at, str) else at


def hashed(text: str, size: int) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=size).digest(), "little")


def hashed_hex(value: bytes) -> str:
    return blake2b(value, digest_size=16).hexdigest()
