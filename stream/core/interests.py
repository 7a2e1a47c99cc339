"""Clustering a user's observations into interests, one at a time.

An observation joins the nearest interest if it is near enough, else starts a new one. With all
places taken, the two nearest merge or the lightest goes. This depends on the order of arrival;
the masses themselves do not.
"""

from __future__ import annotations

from itertools import combinations, count

import numpy as np

from stream.core.decay import Mass, Vector, absorb, direction, fuse, weight_at
from stream.core.hashes import short_id
from stream.core.profile import Interest
from stream.core.tuning import Tuning

#: With all places taken, an interest with less than this share of the whole goes before any merge.
NEGLIGIBLE_SHARE = 0.02


def join(
    interests: tuple[Interest, ...],
    vector: Vector,
    weight: float,
    at: float,
    *,
    item_id: str,
    label: str,
    tuning: Tuning,
) -> tuple[Interest, ...]:
    """The interests after one more observation; at most `tuning.interests_max`.

    vector  (d,) unit float32; weight > 0; at in seconds
    """
    nearest, cosine = _nearest(interests, vector)
    if nearest >= 0 and cosine >= tuning.interest_merge_cosine:
        grown = _grown(interests[nearest], vector, weight, at, item_id, label, tuning)
        return (*interests[:nearest], grown, *interests[nearest + 1 :])
    mass = Mass(weight, np.float32(weight) * vector, at)
    started = Interest(_new_id(interests, item_id, at), mass, item_id, 1.0, label)
    if len(interests) < tuning.interests_max:
        return (*interests, started)
    return _squeezed((*interests, started), tuning)


def _new_id(interests: tuple[Interest, ...], item_id: str, at: float) -> str:
    """An id that no other interest has: an item and the text of its review may start one each."""
    taken = {interest.id for interest in interests}
    names = (short_id(item_id, at, number)[:8] for number in count(len(interests)))
    return next(name for name in names if name not in taken)


def _nearest(interests: tuple[Interest, ...], vector: Vector) -> tuple[int, float]:
    if not interests:
        return -1, -1.0
    sums = np.stack([interest.mass.vector for interest in interests])  # (k, d)
    norms = np.maximum(np.linalg.norm(sums, axis=1), 1e-12)
    cosines = (sums @ vector) / norms  # (k,)
    best = int(np.argmax(cosines))
    return best, float(cosines[best])


def _grown(
    interest: Interest,
    vector: Vector,
    weight: float,
    at: float,
    item_id: str,
    label: str,
    tuning: Tuning,
) -> Interest:
    mass = absorb(interest.mass, vector, weight, at, half_life_s=tuning.interest_half_life_s)
    unit = direction(mass.vector)
    nearness = -1.0 if unit is None else float(unit @ vector)
    if nearness > interest.nearness and item_id:
        return Interest(interest.id, mass, item_id, nearness, label)
    # The direction drifts away from an old medoid: its nearness wears off, so a nearer item can
    # take over without the medoid's vector being at hand.
    return Interest(
        interest.id, mass, interest.medoid, min(interest.nearness, 0.999) - 0.001, interest.label
    )


def _squeezed(interests: tuple[Interest, ...], tuning: Tuning) -> tuple[Interest, ...]:
    """One fewer: the lightest goes if it hardly counts, else the two nearest merge."""
    now = max(interest.mass.at for interest in interests)
    half_life_s = tuning.interest_half_life_s
    weights = [weight_at(i.mass, now, half_life_s=half_life_s) for i in interests]
    lightest = int(np.argmin(weights[:-1]))  # what has just started is not the one to go
    if weights[lightest] < NEGLIGIBLE_SHARE * sum(weights):
        return (*interests[:lightest], *interests[lightest + 1 :])
    units = [direction(interest.mass.vector) for interest in interests]
    left, right = max(combinations(range(len(interests)), 2), key=lambda p: _cosine(units, *p))
    heavy, light = (left, right) if weights[left] >= weights[right] else (right, left)
    kept, gone = interests[heavy], interests[light]
    mass = fuse(kept.mass, gone.mass, half_life_s=half_life_s)
    merged = Interest(kept.id, mass, kept.medoid, kept.nearness, kept.label)
    return tuple(merged if i is kept else i for i in interests if i is not gone)


def _cosine(units: list[Vector | None], left: int, right: int) -> float:
    a, b = units[left], units[right]
    return -1.0 if a is None or b is None else float(a @ b)
