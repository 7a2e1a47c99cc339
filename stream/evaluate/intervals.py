"""How far a figure may be off: users are drawn again, and with a user all of its rankings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

RESAMPLES = 1000
CELLS_MAX = 20_000_000  # of the table of draws: 80 MB; with very many users fewer resamples do


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Users:
    """Which user each ranking belongs to, and how often each user is drawn in each resample."""

    owner: NDArray[np.intp]
    drawn: NDArray[np.float32]

    @classmethod
    def of(cls, users: Sequence[str], *, seed: int = 0, resamples: int = RESAMPLES) -> Users:
        names, owner = np.unique(np.array(users, object), return_inverse=True)
        rng = np.random.default_rng(seed)
        rounds = max(min(resamples, CELLS_MAX // max(len(names), 1)), 1)
        count = len(names)
        rows = (rng.integers(0, count, count) for _ in range(rounds))
        drawn = np.stack([np.bincount(row, minlength=count) for row in rows])
        return cls(owner, drawn.astype(np.float32))

    def mean(self, values: Values) -> Interval:
        """The mean of some values of rankings, (r,); nan is left out.

        Raises ValueError where no value is known.
        """
        known = ~np.isnan(values)
        if not known.any():
            raise ValueError("no value is known: there is no mean")
        count = self.drawn.shape[1]
        owner = self.owner[known]
        total = np.bincount(owner, weights=values[known], minlength=count)
        number = np.bincount(owner, minlength=count)
        sums, numbers = self.drawn @ total, self.drawn @ number  # (b, u)·(u,) -> (b,)
        means = sums[numbers > 0] / numbers[numbers > 0]
        low, high = np.percentile(means, [2.5, 97.5])
        return Interval(float(values[known].mean()), float(low), float(high))


@dataclass(frozen=True, slots=True)
class Paired:
    """How much larger one method's mean is than another's on the same rankings.

    change  as a share of the other's mean; None where that is 0
    """

    difference: Interval
    change: float | None

    @property
    def sure(self) -> bool:
        """Whether the interval has only one sign."""
        return self.difference.low > 0 or self.difference.high < 0


def paired(users: Users, values: Values, other: Values) -> Paired:
    """`values` against `other`, both (r,) over the same rankings.

    What makes a ranking hard is the same for both and cancels, so the interval is narrower than
    those of the two means.
    """
    difference = users.mean(values - other)
    known = ~np.isnan(values - other)
    base = float(other[known].mean())
    return Paired(difference, difference.value / base if base else None)
