"""What a user's interest is divided into: shares, how spread they are, how far they have moved.

Shares are over *categories*: these mean the same in a week and for another user, while interests
are clusters, which merge and part. They are the mean of the posterior under a symmetric Dirichlet
prior of total weight `tuning.category_prior`, over the categories that the user has touched and
one more place for all others. Without that place, whoever clicked once would be said to care for
one category alone, whatever the prior; with the whole catalogue in its stead, shares would change
as the catalogue does, differ from worker to worker, and not come out of a replay as they were.

The shares of *interests* have no prior: there is no place for clusters that do not exist yet, and
to draw the ones that do together would make stray items large.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from math import floor, fsum, log, log1p, sqrt
from typing import TypeVar

from stream.core.decay import factor
from stream.core.profile import InterestShare, Profile, interest_shares, trust
from stream.core.tuning import Tuning

#: Categories that an output names, largest first; the rest is what they leave to 1.
SHOWN_MAX = 8
SHARE_DIGITS = 4

Place = TypeVar("Place", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Distribution:
    """A user's shares by category, largest first; with `other`, of all else, they sum to 1.

    weight  of what is known, decayed: 0.0 leaves all to the prior
    """

    shares: Mapping[str, float]
    other: float
    weight: float

    @property
    def places(self) -> dict[str | None, float]:
        """All shares; None is the place of what was never touched."""
        named: dict[str | None, float] = dict(self.shares.items())
        return named | {None: self.other}

    @property
    def entropy(self) -> float:
        """In nats, from 0.0 where nothing is known to the log of the number of places."""
        return abs(fsum(p * log(p) for p in (*self.shares.values(), self.other) if p > 0))

    @property
    def shown(self) -> dict[str, float]:
        """The largest, rounded down, so that what they leave to 1 is never less than nothing."""
        scale = 10**SHARE_DIGITS
        largest = islice(self.shares.items(), SHOWN_MAX)
        return {name: floor(share * scale) / scale for name, share in largest}


@dataclass(frozen=True, slots=True)
class Portrait:
    """What every output says of a user's interest.

    interests   largest first; their shares sum to 1
    categories  the largest shares of the distribution; what they leave to 1 is all else
    entropy     of the whole distribution, nats
    confidence  in [0, 1); grows with what is known, falls with silence
    """

    interests: tuple[InterestShare, ...]
    categories: Mapping[str, float]
    entropy: float
    confidence: float


def portrait(profile: Profile, labels: Mapping[str, str], now: float, tuning: Tuning) -> Portrait:
    """As of `now`. `labels` by interest id take the place of those that are known."""
    found = distribution(profile, now, tuning)
    return Portrait(
        interests=tuple(
            replace(row, label=labels.get(row.id, row.label))
            for row in interest_shares(profile, now, tuning)
        ),
        categories=found.shown,
        entropy=found.entropy,
        confidence=trust(profile, now, tuning),
    )


def distribution(profile: Profile, now: float, tuning: Tuning) -> Distribution:
    """Of the user's categories as of `now`, in seconds, but not before the newest event."""
    return posterior(_weights(profile, now, tuning), prior=tuning.category_prior)


def drift(profile: Profile, now: float, tuning: Tuning) -> float | None:
    """Jensen-Shannon distance of the distribution to the one of a week before, in [0, 1].

    None where nothing had come by then, or nobody kept it. A week is between 7 and 8 days: back to
    the start of a day, UTC.

    Both have the same places and the evidence of whichever has less, so a user of whom more of the
    same is learned has not moved, and of whom little was known cannot have moved far.
    """
    half_life_s = tuning.category_half_life_s
    here = _weights(profile, now, tuning)
    before = profile.lately.before(profile.categories, now, half_life_s=half_life_s)
    totals = fsum(here.values()), fsum(before.values())
    if not min(totals):
        return None
    left, right = (
        posterior(
            {name: weight / total * min(totals) for name, weight in weights.items()},
            prior=tuning.category_prior,
        )
        for weights, total in zip((here, before), totals, strict=True)
    )
    return js_distance(left.places, right.places)


def _weights(profile: Profile, now: float, tuning: Tuning) -> dict[str, float]:
    tally = profile.categories
    left = factor(max(now - tally.at, 0.0), tuning.category_half_life_s)
    return {name: left * weight for name, weight in tally.weights.items()}


def posterior(weights: Mapping[str, float], *, prior: float) -> Distribution:
    """Shares of decayed weights, each >= 0, under a Dirichlet prior of total weight `prior` > 0.

    The prior is divided evenly over the names and the place of all others.
    """
    known, each = fsum(weights.values()), prior / (len(weights) + 1)
    shares = {name: (weight + each) / (known + prior) for name, weight in weights.items()}
    largest = dict(sorted(shares.items(), key=lambda row: (-row[1], row[0])))
    return Distribution(largest, each / (known + prior), known)


def js_distance(p: Mapping[Place, float], q: Mapping[Place, float]) -> float:
    """The root of the Jensen-Shannon divergence to base 2: a metric in [0, 1].

    p, q  shares that sum to 1; what one of them does not name has no share in it

    (Endres and Schindelin, "A New Metric for Probability Distributions", 2003.)
    """
    divergence = fsum(_divergence(p.get(key, 0.0), q.get(key, 0.0)) for key in p.keys() | q.keys())
    return sqrt(min(max(divergence, 0.0), 1.0))


def _divergence(a: float, b: float) -> float:
    """One place's part: a/2·log2(a/m) + b/2·log2(b/m) with m = (a + b)/2.

    By the difference as a share of the sum, which keeps its digits where the two are nearly equal.
    """
    if a == b:
        return 0.0
    if not min(a, b):
        return max(a, b) / 2
    d = (a - b) / (a + b)
    return (a + b) / 4 * ((1 + d) * log1p(d) + (1 - d) * log1p(-d)) / log(2)
