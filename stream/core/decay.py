"""Forward decay: sums in which an observation's worth halves every half-life.

The algebra of Cormode, Shkapenyuk, Srivastava and Xu, "Forward Decay" (ICDE 2009): a sum is kept
at a reference time; bringing it to another time is one factor. Any order of arrival gives the same
mass up to rounding, and masses of disjoint histories merge by addition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp2

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]

#: A sum lighter than this is absent: its direction would be noise.
ABSENT_WEIGHT = 1e-6


@dataclass(frozen=True, slots=True)
class Mass:
    """A decayed sum at a reference time.

    weight  sum of strengths, >= 0, as of `at`
    vector  (d,) float32, sum of strength times unit vector, as of `at`
    at      seconds since the epoch: the newest observation's time
    """

    weight: float
    vector: Vector
    at: float


def factor(elapsed_s: float, half_life_s: float) -> float:
    """What is left of a weight after `elapsed_s` >= 0 seconds; 0.0 after very long ones.

    Raises ValueError for a half-life that is not above 0.
    """
    if not half_life_s > 0:
        raise ValueError(f"half_life_s is {half_life_s}, must be above 0")
    return exp2(-elapsed_s / half_life_s)


def absorb(
    mass: Mass | None, vector: Vector, weight: float, at: float, *, half_life_s: float
) -> Mass:
    """Add one observation; a late one lands where it belongs.

    The newest time seen becomes the reference, so "newer" and "older" are the same arithmetic,
    and any order of arrival gives the same mass.

    vector       (d,) float32, unit norm
    weight       in [0, 1]; 0 moves only the reference time
    at           event time, seconds since the epoch
    half_life_s  seconds, > 0

    Raises ValueError if vector and mass differ in shape.
    """
    scaled: Vector = np.float32(weight) * vector
    return fuse(mass, Mass(weight, scaled, at), half_life_s=half_life_s)


def fuse(left: Mass | None, right: Mass, *, half_life_s: float) -> Mass:
    """Masses of two disjoint histories as one, at the newer reference time.

    Raises ValueError if their vectors differ in shape.
    """
    if left is None:
        return right
    if left.vector.shape != right.vector.shape:
        raise ValueError(f"vectors of shape {left.vector.shape} and {right.vector.shape}")
    at = max(left.at, right.at)
    a = factor(at - left.at, half_life_s)
    b = factor(at - right.at, half_life_s)
    vector: Vector = np.float32(a) * left.vector + np.float32(b) * right.vector
    return Mass(a * left.weight + b * right.weight, vector, at)


def weight_at(mass: Mass | None, now: float, *, half_life_s: float) -> float:
    """The mass's weight as of `now` (but not before `mass.at`); 0.0 where it is absent."""
    if mass is None:
        return 0.0
    weight = mass.weight * factor(max(now - mass.at, 0.0), half_life_s)
    return weight if weight >= ABSENT_WEIGHT else 0.0


def confidence(weight: float, weight_half: float) -> float:
    """w / (w + w0), in [0, 1): how much a direction of this weight is to be believed."""
    return weight / (weight + weight_half)


def direction(vector: Vector) -> Vector | None:
    """The unit vector, or None where nothing (or nothing finite) points anywhere."""
    norm = float(np.linalg.norm(vector))
    if not 1e-12 < norm < float("inf"):
        return None
    return (vector / np.float32(norm)).astype(np.float32, copy=False)


@dataclass(frozen=True, slots=True)
class Tally:
    """Decayed weights by name at one reference time, e.g. a user's weight per category."""

    weights: Mapping[str, float] = field(default_factory=dict)
    at: float = 0.0

    def add(
        self, names: tuple[str, ...], weight: float, at: float, *, half_life_s: float, most: int
    ) -> Tally:
        """Spread `weight` evenly over `names`; the lightest beyond `most` names go."""
        if not names:
            return self
        now = max(self.at, at)
        old = factor(now - self.at, half_life_s)
        new = factor(now - at, half_life_s) * weight / len(names)
        weights = {name: weight * old for name, weight in self.weights.items()}
        for name in names:
            weights[name] = weights.get(name, 0.0) + new
        weights = {name: left for name, left in weights.items() if left > 1e-9}
        if len(weights) > most:
            weights = dict(sorted(weights.items(), key=lambda row: -row[1])[:most])
        return Tally(weights, now)

    def shares(self, *, prior: float) -> dict[str, float]:
        """Shares of the names among themselves, which sum to 1, under a Dirichlet prior of total
        weight `prior`; {} where empty."""
        if not self.weights:
            return {}
        each = prior / len(self.weights)
        total = sum(self.weights.values()) + prior
        return {name: (weight + each) / total for name, weight in self.weights.items()}
