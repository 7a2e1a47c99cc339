"""Held-out ranking: every second rating is looked up in its user's ranking before it is learned.

Profile, fold and score are the worker's own, on MovieLens-100K in time order; popularity is learned
at once, where the worker learns it with a delay, which is the same for every model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stream.core.catalogue import Catalogue, Entry, Heat, hotter
from stream.core.decay import Vector
from stream.core.fold import Observation, fold
from stream.core.profile import Profile
from stream.core.rank import score
from stream.core.tuning import EventKind, Tuning
from stream.demo.movielens import Film, Rating

FIRST = 20_000  # ratings that are only learned
EVERY = 2
RATING = EventKind(1.0, rated=True)
#: As the worker ranks; and by the vectors alone, where a difference between models shows most.
RANKINGS = ("all parts", "content alone")


@dataclass(frozen=True, slots=True)
class Ranks:
    """Places, from 1, at which users' next films stood, (n,) by ranking; the users, (n,)."""

    places: Mapping[str, NDArray[np.int64]]
    users: Sequence[str]


def ranks(
    films: Sequence[Film], vectors: Mapping[str, Vector], ratings: Sequence[Rating], tuning: Tuning
) -> Ranks:
    """Play all ratings; rank the film of every second one after the first FIRST.

    vectors  (d,) unit float32 by item id

    Ratings of users of whom nothing is known yet are not ranked.
    """
    entries = [Entry(f.item_id, f.title, vectors[f.item_id], f.genres) for f in films]
    dimension = len(next(iter(vectors.values())))
    catalogue = Catalogue(dimension, tuple(entries))
    profiles: dict[str, Profile] = {}
    heat: dict[str, Heat] = {}
    found: dict[str, list[int]] = {name: [] for name in RANKINGS}
    users: list[str] = []
    for start, end in _spans(len(ratings)):
        for place in range(start, end):
            _learn(place, ratings[place], catalogue, profiles, heat, tuning)
        if end == len(ratings) or ratings[end].user_id not in profiles:
            continue
        profile = profiles[ratings[end].user_id]
        catalogue = catalogue.with_heat(heat)
        for name, at in _places(profile, ratings[end].item_id, catalogue, tuning).items():
            found[name].append(at)
        users.append(profile.user_id)
    return Ranks({name: np.array(places) for name, places in found.items()}, users)


def _spans(count: int) -> Iterator[tuple[int, int]]:
    """Ratings to learn before the next one to rank, as (first, one after the last)."""
    first = min(FIRST, count)
    return pairwise([0, *range(first, count, EVERY), count])


def _learn(
    place: int,
    rating: Rating,
    catalogue: Catalogue,
    profiles: dict[str, Profile],
    heat: dict[str, Heat],
    tuning: Tuning,
) -> None:
    entry = catalogue.get(rating.item_id)
    assert entry is not None
    seen = Observation(
        event_id=str(place),
        kind=RATING,
        at=rating.at,
        source="ratings",
        offset=place,
        item_id=rating.item_id,
        rating=rating.stars,
        rating_max=5,
        vector=entry.vector,
        categories=entry.categories,
        label=entry.label,
    )
    before = profiles.get(rating.user_id) or Profile(rating.user_id)
    folded = fold(before, [seen], tuning)
    profiles[rating.user_id] = folded.profile
    for more in folded.increments:
        heat[more.item_id] = hotter(
            heat.get(more.item_id), more.weight, more.at, half_life_s=tuning.hotness_half_life_s
        )


def _places(profile: Profile, item_id: str, catalogue: Catalogue, tuning: Tuning) -> dict[str, int]:
    """The film's place among all that the user has not seen; ties by row, as in a list."""
    scored = score([profile], catalogue, tuning)
    row = catalogue.rows[item_id]
    content = scored.total[0] - scored.parts["hotness"][0] - scored.parts["neighbours"][0]
    totals = dict(zip(RANKINGS, (scored.total[0], content), strict=True))
    return {name: _place(total, row) for name, total in totals.items()}


def _place(total: NDArray[np.float32], row: int) -> int:
    ahead = (total > total[row]) | ((total == total[row]) & (np.arange(len(total)) < row))
    return int(np.count_nonzero(ahead)) + 1  # what is filtered stands at -inf
