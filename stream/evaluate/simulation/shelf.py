"""What there is at a moment, and how often each of it is taken: it moves forward in time."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from stream.evaluate.simulation.truth import Burst, Good


class Shelf:
    """Items by number, a category each: the remainder of the number by `categories`."""

    def __init__(self, goods: Sequence[Good], bursts: Sequence[Burst], categories: int) -> None:
        self._goods, self._categories = goods, categories
        self._number = {good.id: number for number, good in enumerate(goods)}
        self._base = np.array([good.weight for good in goods])
        self._now = np.zeros(len(goods))
        self._sums: list[list[float]] = [[] for _ in range(categories)]  # running sums of weights
        self._stale = set(range(categories))
        self._there: list[int] | None = None
        self._changes = self._planned(bursts)
        self._next = 0

    def move(self, at: float) -> None:
        """What is born, gone or in demand by this time, seconds; never back."""
        while self._next < len(self._changes) and self._changes[self._next][0] <= at:
            _, number, part = self._changes[self._next]
            self._next += 1
            mates = self._now[number % self._categories :: self._categories]
            others = float(mates.sum() - self._now[number])
            # in a burst as much as all others of its category together
            self._now[number] = others if part == math.inf else part * self._base[number]
            self._stale.add(number % self._categories)
            self._there = None

    def pick(self, category: int, u: float) -> int:
        """An item of a category, as often as it is popular; `u` in [0, 1) decides."""
        if category in self._stale:
            self._sums[category] = np.cumsum(self._now[category :: self._categories]).tolist()
            self._stale.discard(category)
        sums = self._sums[category]
        return category + bisect_right(sums, u * sums[-1]) * self._categories

    def anything(self, u: float) -> int:
        """Any item that is there, each as likely."""
        if self._there is None:
            self._there = np.flatnonzero(self._now).tolist()
        return self._there[int(u * len(self._there))]

    def there(self, number: int, at: float) -> bool:
        """Whether an item is there at a time, seconds."""
        good = self._goods[number]
        return good.born <= at and (good.dies is None or at < good.dies)

    def number(self, item_id: str) -> int | None:
        """Of an item of this world; None: of another."""
        return self._number.get(item_id)

    def good(self, number: int) -> Good:
        """Its planted facts."""
        return self._goods[number]

    def category(self, number: int) -> int:
        """The category's place in the shares of a taste."""
        return number % self._categories

    def _planned(self, bursts: Sequence[Burst]) -> list[tuple[float, int, float]]:
        """(when, item, times its usual weight), in time order; infinity: in a burst."""
        changes = [(good.born, number, 1.0) for number, good in enumerate(self._goods)]
        changes += [(g.dies, n, 0.0) for n, g in enumerate(self._goods) if g.dies is not None]
        for burst in bursts:
            number = self._number[burst.item]
            changes += [(burst.start, number, math.inf), (burst.end, number, 1.0)]
        return sorted(changes)
