"""The parts of a score: each a fixed bounded transform of what is known, for all items at once.

    interest    largest over the interests of cosine x confidence x share of the largest
    session     cosine to the session's direction x its confidence
    neighbours  what users of the same items went on to
    hotness     1 - exp(-decayed count / scale); less in other domains than a new user's
    crowd       the same of the counts of the user's segment alone
    freshness   2^(-age / half-life); 0 for items that do not say when they were published
    aversion    cosine to what was disliked x its confidence, and it counts against the item

Every part is in [0, 1] before its weight and knows nothing of the other users of a chunk. One whose
weight is 0 is not computed. Beside these a part can be plugged in that needs more than the core
has: `stream.core.sequence` makes one of a trained model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.core.catalogue import Catalogue
from stream.core.crowd import at_home, crowd
from stream.core.decay import Mass, Vector, confidence, direction, weight_at
from stream.core.neighbours import nearness
from stream.core.profile import Profile, interest_weights
from stream.core.tuning import Tuning

Scores = NDArray[np.float32]
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Part:
    """One part.

    weight   what it counts in the score; below 0 where it counts against an item
    compute  (u, n) in [0, 1] for u profiles, each as of its newest event, and n items
    without  (1 + i, k) the part of the k items in some rows: first with the whole history, then
             without each of i items, which are the different ones of `recent`, newest first. None
             where `stream.core.because` has a closed form, or the history has no say
    version  of what `compute` reads beside its arguments; "" where that is nothing
    """

    name: str
    weight: Callable[[Tuning], float]
    compute: Callable[[Sequence[Profile], Catalogue, Tuning], Scores]
    without: Callable[[Profile, Sequence[str], Rows, Catalogue], Scores] | None = None
    version: str = ""


def weighted(
    profiles: Sequence[Profile],
    catalogue: Catalogue,
    tuning: Tuning,
    parts: Sequence[Part],
) -> dict[str, Scores]:
    """Weight times part by name, each (u, n); parts of weight 0 are left out."""
    return {
        part.name: np.float32(weight) * part.compute(profiles, catalogue, tuning)
        for part in parts
        if (weight := part.weight(tuning))
    }


def interest(profiles: Sequence[Profile], catalogue: Catalogue, tuning: Tuning) -> Scores:
    rows = [tastes(profile, catalogue, tuning) for profile in profiles]
    first = np.cumsum([0, *(len(own) for own in rows[:-1])])  # (u,) each user's first interest
    match = _match([row for own in rows for row in own], catalogue)  # (Σk, n)
    best: Scores = np.maximum.reduceat(match, first, axis=0)  # (u, n)
    return best


def session(profiles: Sequence[Profile], catalogue: Catalogue, tuning: Tuning) -> Scores:
    half_life_s = tuning.session_half_life_s
    rows = [believed(p.session, p.as_of, half_life_s, catalogue, tuning) for p in profiles]
    return _match(rows, catalogue)


def aversion(profiles: Sequence[Profile], catalogue: Catalogue, tuning: Tuning) -> Scores:
    half_life_s = tuning.aversion_half_life_s
    rows = [believed(p.aversion, p.as_of, half_life_s, catalogue, tuning) for p in profiles]
    return _match(rows, catalogue)


def hotness(profiles: Sequence[Profile], catalogue: Catalogue, tuning: Tuning) -> Scores:
    table = np.empty((len(profiles), len(catalogue)), np.float32)
    for row, profile in enumerate(profiles):
        count = catalogue.heat_at(profile.as_of, half_life_s=tuning.hotness_half_life_s)
        hot = 1 - np.exp(-count / tuning.hotness_scale)
        table[row] = at_home(hot, profile, catalogue, tuning)
    return table


def freshness(profiles: Sequence[Profile], catalogue: Catalogue, tuning: Tuning) -> Scores:
    now = np.array([profile.as_of for profile in profiles])
    age_s = np.maximum(now[:, None] - catalogue.published_at, 0.0)  # (u, n); inf where not given
    fresh: Scores = np.exp2(-age_s / tuning.freshness_half_life_s).astype(np.float32)
    return fresh


PARTS = (
    Part("interest", lambda tuning: tuning.interest_part, interest),
    Part("session", lambda tuning: tuning.session_part, session),
    Part("neighbours", lambda tuning: tuning.neighbours_part, nearness),
    Part("hotness", lambda tuning: tuning.hotness_part, hotness),
    Part("crowd", lambda tuning: tuning.crowd_part, crowd),
    Part("freshness", lambda tuning: tuning.freshness_part, freshness),
    Part("aversion", lambda tuning: -tuning.aversion_part, aversion),
)


def _match(queries: Sequence[Vector], catalogue: Catalogue) -> Scores:
    """(q, n) cosines of the queries to all items times the queries' lengths; never below 0."""
    match: Scores = np.maximum(np.stack(queries) @ catalogue.vectors.T, 0)  # (q, d)·(d, n)
    return match


def tastes(profile: Profile, catalogue: Catalogue, tuning: Tuning) -> list[Vector]:
    """Directions of the interests, as far as they count; a row of zeros where there are none."""
    weights = interest_weights(profile, profile.as_of, tuning)
    largest = max(weights, default=0.0)
    rows = [
        np.float32(weight / largest)
        * believed(one.mass, profile.as_of, tuning.interest_half_life_s, catalogue, tuning)
        for one, weight in zip(profile.interests, weights, strict=True)
        if weight > 0
    ]
    return rows or [np.zeros(catalogue.dimension, np.float32)]


def believed(
    mass: Mass | None, now: float, half_life_s: float, catalogue: Catalogue, tuning: Tuning
) -> Vector:
    """(d,) a mass's direction times its confidence as of `now`; zeros where it points nowhere."""
    weight = weight_at(mass, now, half_life_s=half_life_s)
    unit = None if mass is None or weight <= 0 else direction(mass.vector)
    if unit is None:
        return np.zeros(catalogue.dimension, np.float32)
    return np.float32(confidence(weight, tuning.confidence_weight)) * unit
