"""Streaming neighbours at work: how near items are to what a user did last.

Rows of co-occurrence are normalised here, by the square roots of both items' counts, because the
other item's count changes without the row being written. This is item-to-item collaborative
filtering (Linden, Smith and York, 2003) over a stream's decayed sums.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import exp2, sqrt

import numpy as np
from numpy.typing import NDArray

from stream.core.catalogue import Catalogue, Neighbours
from stream.core.profile import Profile, Recent, different
from stream.core.tuning import Tuning

Scores = NDArray[np.float32]


def nearness(profiles: Sequence[Profile], catalogue: Catalogue, tuning: Tuning) -> Scores:
    """(u, n) float32 in [0, 1): how near each item is to what each user did last.

    The mean over the user's last items of their co-occurrence with the item over the root of both
    counts, the k-th last weighing 2^(-k / `neighbour_query_half_life`), saturated as x / (x + x0).
    Every count is taken `neighbour_prior_count` higher: two items that were used once, together,
    are not as near as numbers say. Everything is as of the newest event learned from, so a user's
    nearness does not depend on who else is asked for.
    """
    width = len(catalogue)
    asked = [
        (user * width, weight, found)
        for user, profile in enumerate(profiles)
        for weight, found in _query(profile.recent, catalogue, tuning)
    ]
    lengths = [len(found.columns) for _, _, found in asked]
    starts = np.repeat(np.array([start for start, _, _ in asked], np.intp), lengths)
    weights = np.repeat(np.array([weight for _, weight, _ in asked], np.float64), lengths)
    columns, values = normal([found for _, _, found in asked], catalogue, tuning)
    size = len(profiles) * width
    sums = np.bincount(starts + columns, weights * values, size).astype(np.float64)
    return _saturated(sums.reshape(len(profiles), width) * reach(catalogue, tuning), tuning)


def _last(recent: Sequence[Recent], tuning: Tuning) -> list[str]:
    """The user's last different items, newest first."""
    return different(recent)[: tuning.neighbour_window]


def _query(
    recent: Sequence[Recent], catalogue: Catalogue, tuning: Tuning
) -> Iterator[tuple[float, Neighbours]]:
    """Neighbours of the user's last items, newest first, with weights that sum to 1."""
    last = _last(recent, tuning)
    weights = np.exp2(-np.arange(len(last)) / tuning.neighbour_query_half_life)
    for weight, item_id in zip((weights / weights.sum()).tolist(), last, strict=True):
        yield weight, catalogue.neighbours_of(item_id)


def normal(
    found: Sequence[Neighbours], catalogue: Catalogue, tuning: Tuning
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """(Σm,) rows of the neighbours, one item's after the other's, and (Σm,) co-occurrence with each
    over the root of the item's own count, both as of `learned_at`."""
    columns = [np.zeros(0, np.intp), *(one.columns for one in found)]
    weights = [np.zeros(0, np.float32), *(one.weights for one in found)]
    norms = np.array([_norm(one, catalogue, tuning) for one in found], np.float64)
    each = np.repeat(norms, [len(one.columns) for one in found])
    return np.concatenate(columns), np.concatenate(weights).astype(np.float64) * each


def _norm(found: Neighbours, catalogue: Catalogue, tuning: Tuning) -> float:
    left = exp2((found.at - catalogue.learned_at) / tuning.neighbour_half_life_s)
    return left / sqrt(found.count * left + tuning.neighbour_prior_count)


def reach(catalogue: Catalogue, tuning: Tuning) -> NDArray[np.float64]:
    """(n,) 1 over the root of each item's own count; 0 where it was never counted.

    Computed once for a snapshot, since it is asked for every user: not to be changed.
    """
    held = catalogue.__dict__.setdefault(_HELD, {})
    key = tuning.neighbour_half_life_s, tuning.neighbour_prior_count
    if key not in held:
        counts = catalogue.counts(half_life_s=tuning.neighbour_half_life_s)
        roots = np.sqrt(counts + tuning.neighbour_prior_count)
        held[key] = np.divide(1.0, roots, out=np.zeros_like(roots), where=counts > 0)
    found: NDArray[np.float64] = held[key]
    return found


#: Where a snapshot keeps it, like its other derived arrays.
_HELD = "_reach"


def _saturated(sums: NDArray[np.float64], tuning: Tuning) -> Scores:
    return (sums / (sums + tuning.neighbour_scale)).astype(np.float32)
