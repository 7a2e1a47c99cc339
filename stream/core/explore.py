"""Exploration: places of a list that are drawn by lot, so that the unknown gets a chance.

The lots are what would hardly come up by score: cold items (little used so far, or just published),
and items of categories next to the user's own that the user has not touched (expansion). One lot
is as likely as any other, so its propensity is 1 / the number of lots. The draw is a function of
user and version: the same profile gets the same list again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.core.catalogue import Catalogue
from stream.core.categories import NONE, Categories
from stream.core.hashes import hash64
from stream.core.parts import Scores
from stream.core.profile import Profile
from stream.core.tuning import Tuning

#: Most lots of one kind, the best by score: what is tried should have a chance with the user.
LOTS_MAX = 50
#: Categories of the user, heaviest first, whose neighbours are an expansion.
KNOWN_MAX = 5

GREEDY, EXPLORATION, EXPANSION = "greedy", "exploration", "expansion"


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a list.

    row         of the catalogue
    propensity  probability with which this place got this item, given the places before it
    source      GREEDY, EXPLORATION (a cold item) or EXPANSION (an adjacent category)
    """

    row: int
    propensity: float
    source: str


def explored(
    profile: Profile, total: Scores, kept: Sequence[int], catalogue: Catalogue, tuning: Tuning
) -> list[Place]:
    """The last `exploration_places` of a list, fewer where there are not so many lots.

    total  (n,) the user's scores; -inf for what must not be offered
    kept   rows that the list has already
    """
    open_to = np.isfinite(total)
    open_to[list(kept)] = False
    beyond = _best(total, open_to & _untouched(profile, catalogue.categories))
    cold = _best(total, open_to & _cold(profile, catalogue, tuning))
    lots = sorted({*cold.tolist(), *beyond.tolist()})
    expansion = set(beyond.tolist())
    places: list[Place] = []
    for number in range(min(tuning.exploration_places, len(lots))):
        seed = hash64(f"{profile.user_id}\0{profile.version}\0{number}")
        row = lots[seed % len(lots)]
        source = EXPANSION if row in expansion else EXPLORATION
        places.append(Place(row, 1 / len(lots), source))
        lots.remove(row)
    return places


def _best(total: Scores, mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Rows of the LOTS_MAX best by score under the mask, in no order."""
    found = np.flatnonzero(mask)
    if len(found) <= LOTS_MAX:
        return found
    best: NDArray[np.intp] = found[np.argpartition(-total[found], LOTS_MAX)[:LOTS_MAX]]
    return best


def _cold(profile: Profile, catalogue: Catalogue, tuning: Tuning) -> NDArray[np.bool_]:
    """(n,) hardly used so far, or published within the last half-life of freshness."""
    heat = catalogue.heat_at(profile.as_of, half_life_s=tuning.hotness_half_life_s)
    since = profile.as_of - tuning.freshness_half_life_s
    cold: NDArray[np.bool_] = (heat < tuning.cold_events) | (catalogue.published_at > since)
    return cold


def _untouched(profile: Profile, categories: Categories) -> NDArray[np.bool_]:
    """(n,) in a category next to one of the user's that the user has not touched."""
    weights = profile.categories.weights
    touched = categories.known(sorted(weights, key=lambda name: (-weights[name], name)))
    heaviest = touched[:KNOWN_MAX]
    near = categories.adjacent[heaviest]
    flags = categories.no_flags()
    flags[near[near != NONE]] = True
    flags[touched] = False
    return categories.flagged(flags)
