"""What everybody's events say about items, learned event by event: one row an item.

A row has the item's own count, its hotness, how much of that came from users of at most CROWDS
segments, and how often at most PLACES other items were used by the same users around the same time,
all decayed. Everything here is a sum, so increments gathered by different workers add up in any
order; only which neighbours and segments keep a place depends on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import exp2

import numpy as np
from numpy.typing import NDArray

from stream.core.decay import factor
from stream.core.fold import Increment, Pairing
from stream.core.hashes import hash32
from stream.core.tuning import Tuning

PLACES = 200  # neighbours of a row
CROWDS = 16  # segments of a row: twice as many as a model has by default, for refits bring new ones
FAR_EXPONENT = 500.0  # 2 to this is still far from the largest double

Hashes = NDArray[np.uint32]
Weights = NDArray[np.float32]

NO_HASHES: Hashes = np.zeros(0, np.uint32)
NO_WEIGHTS: Weights = np.zeros(0, np.float32)


@dataclass(frozen=True, slots=True)
class Row:
    """What events say about one item; every number is decayed to `at`.

    count    of the item's own events, by `neighbour_half_life_s`
    hotness  of the same, by `hotness_half_life_s`
    at       seconds since the epoch
    others   (m,) distinct 32-bit hashes of items, ascending
    weights  (m,) co-occurrence with each of them, by `neighbour_half_life_s`
    segments  (s,) distinct 32-bit hashes of segments' ids, ascending
    crowds    (s,) hotness that users of each of them brought
    """

    count: float
    hotness: float
    at: float
    others: Hashes = field(default_factory=lambda: NO_HASHES)
    weights: Weights = field(default_factory=lambda: NO_WEIGHTS)
    segments: Hashes = field(default_factory=lambda: NO_HASHES)
    crowds: Weights = field(default_factory=lambda: NO_WEIGHTS)

    def pairs(self) -> Iterable[tuple[int, float]]:
        """Each neighbour's hash and weight."""
        return zip(self.others.tolist(), self.weights.tolist(), strict=True)

    def by_segment(self) -> Iterable[tuple[int, float]]:
        """Each segment's hash and the hotness that its users brought."""
        return zip(self.segments.tolist(), self.crowds.tolist(), strict=True)


class Gathered:
    """Sums of one item since they were last taken, before any bound on places.

    They are kept in units of the first observation's time ("Forward Decay", Cormode et al., 2009),
    so that an observation costs the same however many came before it.
    """

    __slots__ = ("_at", "_count", "_hotness", "_landmark", "_pairs", "_segments")

    def __init__(self, at: float) -> None:
        self._landmark = self._at = at
        self._count = self._hotness = 0.0
        self._pairs: dict[int, float] = {}
        self._segments: dict[int, float] = {}

    def add(self, weight: float, at: float, tuning: Tuning, segment: int | None = None) -> None:
        """One more event of the item, by a user of the segment with this hash, if of any."""
        long, short = self._scales(at, tuning)
        self._count += weight * long
        self._hotness += weight * short
        if segment is not None:
            self._segments[segment] = self._segments.get(segment, 0.0) + weight * short

    def pair(self, others: Iterable[tuple[int, float]], at: float, tuning: Tuning) -> None:
        """One more event of the item together with others: hashes and weights."""
        long, _ = self._scales(at, tuning)
        for other, weight in others:
            self._pairs[other] = self._pairs.get(other, 0.0) + weight * long

    def merge(
        self,
        count: float,
        hotness: float,
        pairs: Iterable[tuple[int, float]],
        at: float,
        tuning: Tuning,
        segments: Iterable[tuple[int, float]] = (),
    ) -> None:
        """What was gathered elsewhere, as of `at`."""
        long, short = self._scales(at, tuning)
        self._count += count * long
        self._hotness += hotness * short
        self.pair(pairs, at, tuning)
        for segment, weight in segments:
            self._segments[segment] = self._segments.get(segment, 0.0) + weight * short

    def row(self, tuning: Tuning) -> Row:
        """The sums as of the newest observation."""
        long, short = self._scales(self._at, tuning)
        others, weights = _arrays(self._pairs, long)
        segments, crowds = _arrays(self._segments, short)
        return Row(
            self._count / long,
            self._hotness / short,
            self._at,
            others,
            weights,
            segments,
            crowds,
        )

    def _scales(self, at: float, tuning: Tuning) -> tuple[float, float]:
        """What an observation of this time weighs, in units of the landmark's."""
        shortest_s = min(tuning.neighbour_half_life_s, tuning.hotness_half_life_s)
        if (max(at, self._at) - self._landmark) / shortest_s > FAR_EXPONENT:
            self._move(max(at, self._at), tuning)
        self._at = max(self._at, at)
        age_s = at - self._landmark
        return exp2(age_s / tuning.neighbour_half_life_s), exp2(age_s / tuning.hotness_half_life_s)

    def _move(self, landmark: float, tuning: Tuning) -> None:
        elapsed_s = landmark - self._landmark
        long = factor(elapsed_s, tuning.neighbour_half_life_s)
        short = factor(elapsed_s, tuning.hotness_half_life_s)
        self._count *= long
        self._hotness *= short
        self._pairs = {other: weight * long for other, weight in self._pairs.items()}
        self._segments = {segment: weight * short for segment, weight in self._segments.items()}
        self._landmark = landmark


def _arrays(sums: Mapping[int, float], unit: float) -> tuple[Hashes, Weights]:
    """Hashes, ascending, and their sums in another unit."""
    if not sums:
        return NO_HASHES, NO_WEIGHTS
    hashes = sorted(sums)
    values = [sums[one] / unit for one in hashes]
    return np.array(hashes, np.uint32), np.array(values, np.float32)


def gather(
    into: dict[str, Gathered],
    increments: Iterable[Increment],
    pairings: Iterable[Pairing],
    tuning: Tuning,
) -> None:
    """Add what some folded events say, by item."""
    for one in increments:
        segment = None if one.segment is None else hash32(one.segment)
        _of(into, one.item_id, one.at).add(one.weight, one.at, tuning, segment)
    for pairing in pairings:
        at, own = pairing.at, hash32(pairing.item_id)
        pairs = list(zip(map(hash32, pairing.others), pairing.weights, strict=True))
        if pairs:
            _of(into, pairing.item_id, at).pair(pairs, at, tuning)
        for other, weight in zip(pairing.others, pairing.weights, strict=True):
            _of(into, other, at).pair([(own, weight)], at, tuning)


def _of(into: dict[str, Gathered], item_id: str, at: float) -> Gathered:
    if item_id not in into:
        into[item_id] = Gathered(at)
    return into[item_id]


def grown(row: Row | None, more: Gathered | Row, tuning: Tuning, rng: np.random.Generator) -> Row:
    """The row after what was gathered, at most PLACES neighbours and CROWDS segments.

    Where all places are taken a newcomer of weight w takes that of the lightest, m, with
    probability w / (w + m), and then weighs m + w. So it is expected to weigh w, and keeps what
    comes to it: plain truncation shuts newcomers out of hot rows for weeks, for none of their
    increments alone is heavy enough (compare "Unbiased Space Saving", Ting, 2018).
    """
    fresh = more.row(tuning) if isinstance(more, Gathered) else more
    if row is None:
        row = Row(0.0, 0.0, fresh.at)
    at = max(row.at, fresh.at)
    old, new = (factor(at - one.at, tuning.neighbour_half_life_s) for one in (row, fresh))
    hot_old, hot_new = (factor(at - one.at, tuning.hotness_half_life_s) for one in (row, fresh))
    others, weights = _union(
        (row.others, np.float32(old) * row.weights),
        (fresh.others, np.float32(new) * fresh.weights),
        PLACES,
        rng,
    )
    segments, crowds = _union(
        (row.segments, np.float32(hot_old) * row.crowds),
        (fresh.segments, np.float32(hot_new) * fresh.crowds),
        CROWDS,
        rng,
    )
    return Row(
        old * row.count + new * fresh.count,
        hot_old * row.hotness + hot_new * fresh.hotness,
        at,
        others,
        weights,
        segments,
        crowds,
    )


def _union(
    old: tuple[Hashes, Weights],
    new: tuple[Hashes, Weights],
    most: int,
    rng: np.random.Generator,
) -> tuple[Hashes, Weights]:
    if not len(new[0]):
        return old
    places = np.searchsorted(old[0], new[0])
    known = places < len(old[0])
    known[known] = old[0][places[known]] == new[0][known]
    weights = old[1].copy()
    weights[places[known]] += new[1][known]
    others, newcomers = old[0].copy(), np.flatnonzero(~known)
    newcomers = newcomers[np.argsort(-new[1][newcomers], kind="stable")]  # the heaviest first
    free = max(most - len(others), 0)
    inside, contesting = newcomers[:free], newcomers[free:]
    others = np.concatenate([others, new[0][inside]])
    weights = np.concatenate([weights, new[1][inside]])
    for one, chance in zip(contesting, rng.random(len(contesting)), strict=True):
        lightest = int(np.argmin(weights))
        least, weight = float(weights[lightest]), float(new[1][one])
        if chance * (weight + least) < weight:
            others[lightest], weights[lightest] = new[0][one], np.float32(weight + least)
    order = np.argsort(others)
    return others[order], weights[order]
