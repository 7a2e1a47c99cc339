"""Parts of a score with each item of the user's history taken out, exactly and all at once.

Not followed are the ways in which a history without the item would have been folded differently:
how later items clustered, and the user's mean rating.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.core.catalogue import Catalogue
from stream.core.decay import ABSENT_WEIGHT, factor
from stream.core.neighbours import normal, reach
from stream.core.profile import Profile
from stream.core.tuning import Tuning

Floats = NDArray[np.float64]

SESSION, AVERSION, TASTES = 0, 1, 2  # places of the masses; the interests follow in their order


@dataclass(frozen=True, slots=True)
class Sums:
    """A profile's masses as of its newest event; absent ones are zero.

    weights  (m,)
    vectors  (m, d) float32
    """

    weights: Floats
    vectors: NDArray[np.float32]


def content_without(
    profile: Profile,
    items: Sequence[str],
    rows: NDArray[np.intp],
    catalogue: Catalogue,
    tuning: Tuning,
) -> Floats:
    """(1 + i, k) interest + session - aversion of the offers in `rows` (k,), by their weights.

    First with the whole history, then without each of the items.
    """
    sums = _sums(profile, catalogue.dimension, tuning)
    vectors = _vectors(items, catalogue)  # (1 + i, d)
    along: Floats = (vectors @ sums.vectors.T).astype(np.float64)  # (1 + i, m)
    taken = _taken(profile, items, sums, along, tuning)  # (1 + i, m)
    offers = catalogue.vectors[rows].T  # (d, k)
    dots = sums.vectors @ offers - taken[:, :, None] * (vectors @ offers)[:, None, :]
    squares = (sums.vectors**2).sum(axis=1) - 2 * taken * along + taken**2
    left = sums.weights - taken
    left[left < ABSENT_WEIGHT] = 0
    believed = left / (left + tuning.confidence_weight)  # (1 + i, m)
    lengths = np.sqrt(np.maximum(squares, ABSENT_WEIGHT**2))
    match = np.maximum(dots * (believed / lengths)[:, :, None], 0)  # (1 + i, m, k)
    # Where next to nothing is left, the length is rounding: a cosine is at most 1 all the same.
    np.minimum(match, believed[:, :, None], out=match)
    tastes = left[:, TASTES:]
    shares = tastes / np.maximum(tastes.max(axis=1, initial=0.0), ABSENT_WEIGHT)[:, None]
    best = (shares[:, :, None] * match[:, TASTES:]).max(axis=1, initial=0.0)
    gave: Floats = tuning.interest_part * best
    gave += tuning.session_part * match[:, SESSION] - tuning.aversion_part * match[:, AVERSION]
    return gave


def _sums(profile: Profile, dimension: int, tuning: Tuning) -> Sums:
    masses = [
        (profile.session, tuning.session_half_life_s),
        (profile.aversion, tuning.aversion_half_life_s),
        *((one.mass, tuning.interest_half_life_s) for one in profile.interests),
    ]
    weights = np.zeros(len(masses))
    vectors = np.zeros((len(masses), dimension), np.float32)
    for place, (mass, half_life_s) in enumerate(masses):
        if mass is not None:
            decayed = factor(max(profile.as_of - mass.at, 0.0), half_life_s)
            weights[place] = decayed * mass.weight
            vectors[place] = np.float32(decayed) * mass.vector
    return Sums(weights, vectors)


def _vectors(items: Sequence[str], catalogue: Catalogue) -> NDArray[np.float32]:
    """(1 + i, d) the items' vectors after a row of zeros; zeros where they have none."""
    table = np.zeros((1 + len(items), catalogue.dimension), np.float32)
    rows = np.array([catalogue.rows.get(item_id, -1) for item_id in items], np.intp)
    known = np.flatnonzero(rows >= 0)
    table[1 + known] = catalogue.vectors[rows[known]]
    return table


def _taken(
    profile: Profile, items: Sequence[str], sums: Sums, along: Floats, tuning: Tuning
) -> Floats:
    """(1 + i, m) weight that goes from each mass with each item; never more than is there."""
    taken = np.zeros(along.shape)
    places = {item_id: place for place, item_id in enumerate(items, 1)}
    _take_recent(taken, profile, places, tuning)
    _take_medoids(taken, profile, places, sums, tuning)
    taken[~along.any(axis=1)] = 0  # without a vector it is in no mass
    return np.minimum(taken, sums.weights)


def _take_recent(taken: Floats, profile: Profile, places: dict[str, int], tuning: Tuning) -> None:
    """Each entry of the ring takes its decayed strength from the masses that it joined.

    An interest that is not there any more has faded or gone, and its entries' weight with it.
    """
    if not profile.recent:
        return
    numbers = {one.id: number for number, one in enumerate(profile.interests, TASTES)}
    place = np.array([places[entry.item_id] for entry in profile.recent])
    joined = np.array([numbers.get(entry.interest, -1) for entry in profile.recent])
    somewhere = np.array([bool(entry.interest) for entry in profile.recent])
    strength = np.array([entry.strength for entry in profile.recent])
    age_s = np.maximum(profile.as_of - np.array([entry.at for entry in profile.recent]), 0)
    fits = (  # mass of each entry or -1, what it adds at its time, the mass's half-life
        (np.where(somewhere, SESSION, -1), strength, tuning.session_half_life_s),
        (joined, strength, tuning.interest_half_life_s),
        (np.where(strength < 0, AVERSION, -1), -strength, tuning.aversion_half_life_s),
    )
    for mass, worth, half_life_s in fits:
        there = mass >= 0
        left = np.maximum(worth, 0) * np.exp2(-age_s / half_life_s)
        np.add.at(taken, (place[there], mass[there]), left[there])


def _take_medoids(
    taken: Floats, profile: Profile, places: dict[str, int], sums: Sums, tuning: Tuning
) -> None:
    """A medoid that has left the ring takes at most what the ring does not account for.

    And at most a strength of 1 at the time of the oldest entry that the ring still has.
    """
    ring = {entry.item_id for entry in profile.recent}
    oldest = min((entry.at for entry in profile.recent), default=profile.as_of)
    most = factor(max(profile.as_of - oldest, 0.0), tuning.interest_half_life_s)
    for number, one in enumerate(profile.interests, TASTES):
        if one.medoid in places and one.medoid not in ring:
            rest = float(sums.weights[number] - taken[:, number].sum())
            taken[places[one.medoid], number] = min(max(rest, 0.0), most)


def nearness_without(
    profile: Profile,
    items: Sequence[str],
    rows: NDArray[np.intp],
    catalogue: Catalogue,
    tuning: Tuning,
) -> Floats:
    """(1 + i, k) the part "neighbours", before its weight, of the offers in `rows` (k,).

    First with the whole history, then without each of the items: those after it move up.

    items  (i,) the different ones of `profile.recent`, newest first
    """
    asked = min(len(items), tuning.neighbour_window)
    fewer = min(len(items) - 1, tuning.neighbour_window)  # asked where one is gone
    sums = np.zeros((1 + len(items), len(rows)))
    if asked:
        said = _said(items[: tuning.neighbour_window + 1], rows, catalogue, tuning)
        step = np.exp2(1 / tuning.neighbour_query_half_life)
        weights = step ** -np.arange(len(said))
        until = np.zeros((1 + len(said), len(rows)))  # sums over the items before each place
        np.cumsum(weights[:, None] * said, axis=0, out=until[1:])
        sums[:] = until[asked] / weights[:asked].sum()
        older = step * (until[fewer + 1] - until[1 : asked + 1])  # (asked, k) by the item gone
        sums[1 : asked + 1] = (until[:asked] + older) / max(weights[:fewer].sum(), ABSENT_WEIGHT)
    saturated: Floats = sums / (sums + tuning.neighbour_scale)
    return saturated


def _said(
    items: Sequence[str], rows: NDArray[np.intp], catalogue: Catalogue, tuning: Tuning
) -> Floats:
    """(i, k) normalised co-occurrence of the items with the offers."""
    found = [catalogue.neighbours_of(item_id) for item_id in items]
    own = np.repeat(np.arange(len(items)), [len(one.columns) for one in found])
    columns, values = normal(found, catalogue, tuning)
    places = np.full(len(catalogue), -1)
    places[rows] = np.arange(len(rows))
    offers = places[columns]
    there = np.flatnonzero(offers >= 0)
    table = np.zeros((len(items), len(rows)))
    table[own[there], offers[there]] = values[there]
    said: Floats = table * reach(catalogue, tuning)[rows]
    return said
