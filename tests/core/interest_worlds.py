"""Worlds with planted tastes: which items belong together is known, how near they are differs.

The mean cosine of two items of one taste, and of two tastes:

    tight     0.86 and 0.00   as noise around axes
    loose     0.20 and 0.00   as an encoder's vectors of free text
    crowded   0.53 and 0.39   as texts that all begin alike
    texts     0.19 and 0.03   the default model's vectors of real sentences
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from stream.core.decay import Vector, direction
from stream.core.interests import fitted, pair_cosines, settle
from stream.core.profile import Interest
from stream.core.tuning import Tuning
from tests.core.fixtures.topics import TOPICS, vectors
from tests.core.samples import NOW, TUNING, axis, random_unit, unit

Interests = tuple[Interest, ...]
NAMES = ("tight", "loose", "crowded", "texts")
TASTES = 6
ITEMS = 12  # of a taste
DIMENSION = 384


@dataclass(frozen=True, slots=True)
class Item:
    item_id: str
    taste: int
    vector: Vector


@dataclass(frozen=True, slots=True)
class World:
    """Items in the order of tastes, and the numbers fitted to them."""

    items: tuple[Item, ...]
    centres: NDArray[np.float32]  # (TASTES, d) unit rows
    tuning: Tuning

    def of(self, *tastes: int) -> list[Item]:
        return [item for item in self.items if item.taste in tastes]


@cache
def world(name: str) -> World:
    rows = vectors() if name == "texts" else np.stack([*_planted(*_SHAPES[name])])
    tastes = list(dict.fromkeys(TOPICS))
    items = tuple(
        Item(f"{topic} {number}", tastes.index(topic), row)
        for number, (topic, row) in enumerate(zip(TOPICS, rows, strict=True))
    )
    sums = rows.reshape(TASTES, ITEMS, -1).sum(axis=1)
    return World(items, np.stack([*map(unit, sums)]), fitted(TUNING, pair_cosines(rows)))


#: Length of what all items share, and of an item's own, beside the taste's axis of length 1.
_SHAPES = {"tight": (0.0, 0.4), "loose": (0.0, 2.0), "crowded": (1.7, 1.83)}


def _planted(shared: float, noise: float) -> Iterable[Vector]:
    for number in range(TASTES * ITEMS):
        centre = axis(number // ITEMS, DIMENSION) + np.float32(shared) * axis(99, DIMENSION)
        yield unit(centre + np.float32(noise) * random_unit(number, DIMENSION))


def liked(items: Iterable[Item], tuning: Tuning, start: Interests = ()) -> Interests:
    """The interests after the items, one a second, each with strength 1."""
    return weighed(((item, 1.0) for item in items), tuning, start)


def weighed(
    events: Iterable[tuple[Item, float]],
    tuning: Tuning,
    start: Interests = (),
    *,
    since: float = NOW,
) -> Interests:
    """The interests after items with their strengths, one a second."""
    for number, (item, weight) in enumerate(events):
        start = settle(
            start,
            item.vector,
            weight,
            since + number,
            item_id=item.item_id,
            label=item.item_id,
            tuning=tuning,
        ).interests
    return start


def supported(interests: Interests) -> Interests:
    """Those that more than one item stands behind: the sum of different unit vectors is shorter
    than their number."""
    return tuple(i for i in interests if np.linalg.norm(i.mass.vector) < (1 - 1e-4) * i.mass.weight)


def taste_of(interest: Interest, found: World) -> int:
    """The taste whose centre its direction is nearest to."""
    pointing = direction(interest.mass.vector)
    assert pointing is not None
    return int(np.argmax(found.centres @ pointing))


def shares_by_taste(interests: Interests, found: World) -> dict[int, float]:
    """Share of the largest interest of each taste."""
    total = sum(i.mass.weight for i in interests)  # all as of about the same second
    shares: dict[int, float] = {}
    for interest in interests:
        taste = taste_of(interest, found)
        shares[taste] = max(shares.get(taste, 0.0), interest.mass.weight / total)
    return shares


def order(items: Iterable[Item], seed: int) -> list[Item]:
    pool = list(items)
    return [pool[place] for place in np.random.default_rng(seed).permutation(len(pool))]
