"""Clustering a user's observations into interests, one at a time.

What counts is the *mean cosine* of an observation to an interest's own observations, which the mass
knows: vector · sum / weight. Unlike the cosine to the direction it means the same for an interest
of one item and of a hundred, so one taste does not break up while it is young, and it is on the
scale of the encoder's cosines between items, so the threshold can be read off a catalogue.

An observation joins the nearest interest if it is near enough, else starts one. An interest that
has come as near to another, by the mean cosine between their observations, merges with it. What
has little weight must be nearer: one cosine is a noisy guess at the mean of many, and two tastes
that were joined by it do not come apart again. With all places taken the two merge whose difference
matters least, or one that hardly counts goes. This depends on the order of arrival; the masses
themselves do not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from stream.core.decay import Mass, Vector, absorb, direction, fuse, weight_at
from stream.core.hashes import short_id
from stream.core.profile import Interest
from stream.core.tuning import Tuning

#: With all places taken, an interest with less than this share of the whole goes before any merge.
NEGLIGIBLE_SHARE = 0.02
#: Items whose cosines are looked at, spread over the catalogue: 32,000 pairs tell mean and
#: deviation to 0.01 in a few milliseconds, and items of one taste differ by ten times that.
SAMPLED_ITEMS = 256
#: Fewer items than this say little about the next ones.
FITTED_FROM_ITEMS = 50


@dataclass(frozen=True, slots=True)
class Settled:
    """Interests after one more observation.

    taken   id of the interest that has it
    gone    id of the interest that merged into another just now, or ""
    heir    id of the one that it merged into, or ""
    """

    interests: tuple[Interest, ...]
    taken: str
    gone: str = ""
    heir: str = ""


@dataclass(frozen=True, slots=True)
class PairCosines:
    """Mean and standard deviation of the cosine of two items of a catalogue."""

    mean: float
    deviation: float


def pair_cosines(vectors: NDArray[np.float32]) -> PairCosines | None:
    """How near two different items usually are; None where too few have a vector.

    vectors  (n, d) unit rows; rows of zeros stand for items without a vector
    """
    rows = vectors[np.any(vectors, axis=1)]
    if len(rows) < FITTED_FROM_ITEMS:
        return None
    if len(rows) > SAMPLED_ITEMS:
        rows = rows[np.linspace(0, len(rows) - 1, SAMPLED_ITEMS).astype(np.intp)]
    gram = (rows @ rows.T).astype(np.float64)  # (n, d)·(d, n) -> (n, n)
    np.fill_diagonal(gram, 0.0)
    pairs = len(rows) * (len(rows) - 1)  # each counted twice, an item with itself not at all
    mean = float(gram.sum()) / pairs
    squares = float(np.square(gram).sum()) / pairs
    return PairCosines(mean, sqrt(max(squares - mean**2, 0.0)))


def fitted(tuning: Tuning, cosines: PairCosines | None) -> Tuning:
    """With the thresholds that fit these items; as it is where nothing is known of them.

    Encoders and texts differ: two films' titles with genres have a cosine of 0.39 on average, two
    product texts of 0.06, by the same model. No fixed threshold is right for both.
    """
    if cosines is None:
        return tuning
    return replace(
        tuning,
        interest_merge_cosine=cosines.mean + tuning.interest_merge_spread * cosines.deviation,
        interest_young_cosine=tuning.interest_young_spread * cosines.deviation,
    )


def settle(
    interests: tuple[Interest, ...],
    vector: Vector,
    weight: float,
    at: float,
    *,
    item_id: str,
    label: str,
    tuning: Tuning,
) -> Settled:
    """The interests after one more observation; at most `tuning.interests_max`.

    vector  (d,) unit float32; weight in (0, 1]; at in seconds
    """
    sums, weights = _sums(interests, len(vector)), _weights(interests)
    beyond = sums @ vector / weights - _asked(weights, tuning)  # (k, d)·(d,) -> (k,)
    nearest = int(np.argmax(beyond)) if interests else -1
    if nearest >= 0 and beyond[nearest] >= 0:
        grown = _grown(interests[nearest], vector, weight, at, item_id, label, tuning)
        row = (*interests[:nearest], grown, *interests[nearest + 1 :])
        return _reunited(row, nearest, sums, weights, tuning)
    mass = Mass(weight, np.float32(weight) * vector, at)
    started = Interest(_new_id(interests, item_id, at), mass, item_id, 1.0, label)
    row = (*_present(interests, at, tuning), started)
    if len(row) <= tuning.interests_max:
        return Settled(row, started.id)
    return _squeezed(row, tuning)


def _sums(interests: tuple[Interest, ...], dimension: int) -> NDArray[np.float32]:
    """(k, d); divided by the weights it is each one's mean observation, of length 1 at most."""
    if not interests:
        return np.empty((0, dimension), np.float32)
    return np.stack([interest.mass.vector for interest in interests])


def _weights(interests: tuple[Interest, ...]) -> NDArray[np.float32]:
    """(k,) each as of its own time: silence makes a mean older, not noisier."""
    return np.array([max(interest.mass.weight, 1e-12) for interest in interests], np.float32)


def _asked(weights: NDArray[np.float32], tuning: Tuning) -> NDArray[np.float32]:
    """(k,) the mean cosine that joining asks for, given the weight behind it.

    A mean over n pairs deviates by 1/√n of one pair's deviation.
    """
    rooted: NDArray[np.float32] = np.sqrt(np.maximum(weights, np.float32(1)))
    asked: NDArray[np.float32] = np.float32(tuning.interest_young_cosine) / rooted
    asked += np.float32(tuning.interest_merge_cosine)
    return asked


def _new_id(interests: tuple[Interest, ...], item_id: str, at: float) -> str:
    """An id that no other interest has: an item and the text of its review may start one each."""
    taken = {interest.id for interest in interests}
    names = (short_id(item_id, at, number)[:8] for number in count(len(interests)))
    return next(name for name in names if name not in taken)


def _present(interests: tuple[Interest, ...], at: float, tuning: Tuning) -> tuple[Interest, ...]:
    """Those with weight left: one that has faded away gives its place up and is not merged."""
    now = max((at, *(i.mass.at for i in interests)))
    half_life_s = tuning.interest_half_life_s
    return tuple(i for i in interests if weight_at(i.mass, now, half_life_s=half_life_s) > 0)


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
    left = _nearness_left(interest, mass)
    unit = direction(mass.vector)
    nearness = -1.0 if unit is None else float(unit @ vector)
    if item_id and (nearness > left or interest.medoid in ("", item_id)):
        return Interest(interest.id, mass, item_id, nearness, label)
    return Interest(interest.id, mass, interest.medoid, left, interest.label)


def _nearness_left(interest: Interest, mass: Mass) -> float:
    """The medoid's cosine to the direction of `mass`, without having the medoid's vector.

    The direction turned by some angle; its cosine times the old nearness is exact where all
    observations are equally far from each other, as items of one taste are but for noise.
    """
    old = interest.mass.vector
    lengths = sqrt(float(old @ old) * float(mass.vector @ mass.vector))
    return interest.nearness * float(old @ mass.vector) / lengths if lengths > 1e-12 else -1.0


def _reunited(
    interests: tuple[Interest, ...],
    grown: int,
    sums: NDArray[np.float32],
    weights: NDArray[np.float32],
    tuning: Tuning,
) -> Settled:
    """One that has grown merges with the nearest other if they have come near enough.

    sums, weights  (k, d) and (k,) from before, of which only the grown one's have changed

    One merge at most: what it brings near to a third is looked at when it grows again.
    """
    mass = interests[grown].mass
    pairs = weights * np.float32(max(mass.weight, 1.0))  # (k,)
    near = sums @ mass.vector / (weights * np.float32(mass.weight))  # (k, d)·(d,) -> (k,)
    beyond = near - _asked(pairs, tuning)
    beyond[grown] = -np.inf
    nearest = int(np.argmax(beyond))
    if beyond[nearest] < 0:
        return Settled(interests, interests[grown].id)
    settled = _merged(interests, grown, nearest, tuning)
    return replace(settled, taken=settled.heir)


def _squeezed(interests: tuple[Interest, ...], tuning: Tuning) -> Settled:
    """One fewer; the last has just started.

    The lightest goes if it hardly counts. Else the two merge that cost the least (Ward 1963: the
    harmonic weight times the squared distance of the means), so a stray item goes before two
    tastes become one. What has just started is judged as if it were of average weight: by its own
    it would always go, and a user with strong tastes could never take up another.
    """
    now = max(interest.mass.at for interest in interests)
    half_life_s = tuning.interest_half_life_s
    weights = np.array([weight_at(i.mass, now, half_life_s=half_life_s) for i in interests])
    started = interests[-1]
    lightest = int(np.argmin(weights[:-1]))
    if weights[lightest] < NEGLIGIBLE_SHARE * weights.sum():
        return Settled((*interests[:lightest], *interests[lightest + 1 :]), started.id)
    weights[-1] = weights.mean()
    means = _sums(interests, len(started.mass.vector)) / _weights(interests)[:, None]  # (k, d)
    gram = means @ means.T  # (k, d)·(d, k) -> (k, k)
    squares = np.diag(gram)
    distances = squares[:, None] + squares[None, :] - 2 * gram
    costs = distances * np.multiply.outer(weights, weights) / np.add.outer(weights, weights)
    np.fill_diagonal(costs, np.inf)
    left, right = divmod(int(np.argmin(costs)), len(interests))
    settled = _merged(interests, left, right, tuning)
    return replace(settled, taken=settled.heir if settled.gone == started.id else started.id)


def _merged(interests: tuple[Interest, ...], left: int, right: int, tuning: Tuning) -> Settled:
    """Two become one, which has the heavier one's id and place; `taken` is left to the caller."""
    half_life_s = tuning.interest_half_life_s
    now = max(interests[left].mass.at, interests[right].mass.at)
    pair = sorted(
        (interests[left], interests[right]),
        key=lambda i: -weight_at(i.mass, now, half_life_s=half_life_s),
    )
    kept, gone = pair
    mass = fuse(kept.mass, gone.mass, half_life_s=half_life_s)
    near, speaks = max(
        ((_nearness_left(one, mass), one) for one in pair),
        key=lambda row: (row[1].medoid != "", row[0]),
    )
    merged = Interest(kept.id, mass, speaks.medoid, near, speaks.label)
    rest = tuple(merged if i is kept else i for i in interests if i is not gone)
    return Settled(rest, "", gone.id, kept.id)
