"""What every recommender must beat. Baselines learn at once, where the worker learns at flushes."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stream.core.tuning import DAY_S

Scores = NDArray[np.float64]
Rows = NDArray[np.float32]

WEEK_S = 7 * DAY_S
KNN_ITEMS_MAX = 10_000  # its table is items x items: 400 MB
CONTENT_HALF_LIFE = 5.0  # events
CONTENT_ITEMS = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked about: the user's items, oldest first, as rows, and the time in seconds."""

    history: NDArray[np.intp]
    at: float


class Baseline(Protocol):
    """Scores of all items before an event, and then the event."""

    def scores(self, asked: Asked) -> Scores:
        """(n,) float64; larger is better. A new array, the caller's own."""

    def learn(self, asked: Asked, row: int) -> None:
        """The user of `asked` used the item; `history` is as of before. First uses only."""


class Chance:
    """Random scores."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._rng = np.random.default_rng(0)

    def scores(self, asked: Asked) -> Scores:
        return self._rng.random(self._count)

    def learn(self, asked: Asked, row: int) -> None:
        """Chance does not learn."""


class Popular:
    """Events of all time."""

    def __init__(self, count: int) -> None:
        self._counts = np.zeros(count)

    def scores(self, asked: Asked) -> Scores:
        return self._counts.copy()

    def learn(self, asked: Asked, row: int) -> None:
        self._counts[row] += 1


class PopularLately:
    """Events of the last `window_s` seconds."""

    def __init__(self, count: int, window_s: float) -> None:
        self._counts = np.zeros(count)
        self._window_s = window_s
        self._events: deque[tuple[float, int]] = deque()

    def scores(self, asked: Asked) -> Scores:
        while self._events and self._events[0][0] <= asked.at - self._window_s:
            self._counts[self._events.popleft()[1]] -= 1
        return self._counts.copy()

    def learn(self, asked: Asked, row: int) -> None:
        self._events.append((asked.at, row))
        self._counts[row] += 1


class PopularDecayed:
    """Events, each worth half after every half-life."""

    def __init__(self, count: int, half_life_s: float) -> None:
        self._sums = np.zeros(count)
        self._half_life_s = half_life_s
        self._at: float | None = None

    def scores(self, asked: Asked) -> Scores:
        return self._sums.copy()  # a common factor changes no order

    def learn(self, asked: Asked, row: int) -> None:
        before = asked.at if self._at is None else self._at
        if asked.at > before:
            self._sums *= np.exp2(-(asked.at - before) / self._half_life_s)
        self._at = max(before, asked.at)
        self._sums[row] += 1


class Content:
    """Cosine to the decayed mean of the vectors of the user's last items."""

    def __init__(self, vectors: Rows) -> None:
        self._vectors = vectors

    def scores(self, asked: Asked) -> Scores:
        last = asked.history[-CONTENT_ITEMS:][::-1]
        weights = np.exp2(-np.arange(len(last)) / CONTENT_HALF_LIFE).astype(np.float32)
        mean = weights @ self._vectors[last]  # (k,)·(k, d) -> (d,)
        return (self._vectors @ mean).astype(np.float64)

    def learn(self, asked: Asked, row: int) -> None:
        """The caller keeps the histories."""


class ItemKnn:
    """Cosine of co-occurrence with all of the user's items (Linden, Smith and York, 2003)."""

    def __init__(self, count: int) -> None:
        self._together = np.zeros((count, count), np.float32)
        self._counts = np.zeros(count, np.float32)

    def scores(self, asked: Asked) -> Scores:
        scale = 1 / np.sqrt(np.maximum(self._counts, 1))  # (n,)
        own = scale[asked.history]
        return (scale * (own @ self._together[asked.history])).astype(np.float64)

    def learn(self, asked: Asked, row: int) -> None:
        self._together[row, asked.history] += 1
        self._together[asked.history, row] += 1
        self._counts[row] += 1


def make(vectors: Rows, half_life_s: float) -> Mapping[str, Baseline]:
    """All baselines by name; item-kNN only where its table is small enough.

    vectors      (n, d) unit float32, zeros where an item has none
    half_life_s  of decayed popularity
    """
    count = len(vectors)
    found: dict[str, Baseline] = {
        "random": Chance(count),
        "popularity": Popular(count),
        "popularity (7 days)": PopularLately(count, WEEK_S),
        "popularity (decayed)": PopularDecayed(count, half_life_s),
        "content": Content(vectors),
    }
    if count <= KNN_ITEMS_MAX:
        found["item-knn"] = ItemKnn(count)
    return found
