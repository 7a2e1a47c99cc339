"""From places to hit rate and NDCG, and how far two models' figures differ on the same events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PLACES = 10
RESAMPLES = 2000

Values = NDArray[np.float64]


def hits(places: NDArray[np.int64]) -> Values:
    """(n,) 1 where the place is among the first ten, else 0."""
    return np.asarray(places <= PLACES, np.float64)


def gains(places: NDArray[np.int64]) -> Values:
    """(n,) 1 / log2(place + 1) for the first ten places, else 0: NDCG with one right answer."""
    return np.where(places <= PLACES, 1 / np.log2(places + 1), 0.0)


@dataclass(frozen=True, slots=True)
class Change:
    """Relative to the reference, with its 95 % interval."""

    change: float
    low: float
    high: float


def change(reference: Values, other: Values, users: Sequence[str]) -> Change:
    """How much larger the mean of `other` is, as a share of the reference's.

    Both are (n,) over the same events. Users are drawn again, and with a user both figures of all
    its events: what makes an event hard is the same for both and cancels.

    Raises ValueError where the reference is nothing but zeros.
    """
    if not reference.any():
        raise ValueError("the reference has no hit at all: nothing can be compared to it")
    names, owner = np.unique(np.array(users), return_inverse=True)
    ours = np.bincount(owner, weights=reference, minlength=len(names))
    theirs = np.bincount(owner, weights=other, minlength=len(names))
    drawn = np.random.default_rng(0).integers(0, len(names), (RESAMPLES, len(names)))
    base = np.maximum(ours[drawn].sum(axis=1), 1e-12)
    changes = theirs[drawn].sum(axis=1) / base - 1
    low, high = np.percentile(changes, [2.5, 97.5])
    return Change(float(theirs.sum() / ours.sum() - 1), float(low), float(high))
