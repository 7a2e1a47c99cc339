"""How far two models' figures differ on the same events, as a share of the first one's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.evaluate.intervals import Users

RESAMPLES = 2000

Values = NDArray[np.float64]


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
    drawn = Users.of(users, resamples=RESAMPLES)
    ours = np.bincount(drawn.owner, weights=reference)  # (u,)
    theirs = np.bincount(drawn.owner, weights=other)
    base = np.maximum(drawn.drawn @ ours, 1e-12)  # (b, u)·(u,) -> (b,)
    changes = drawn.drawn @ theirs / base - 1
    low, high = np.percentile(changes, [2.5, 97.5])
    return Change(float(theirs.sum() / ours.sum() - 1), float(low), float(high))
