"""The packed state of real users stays within its budget: it decides how many machines we need."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from stream.core.catalogue import Catalogue, Entry
from stream.core.fold import Observation, fold
from stream.core.profile import Profile
from stream.core.rank import rank
from stream.core.tuning import EventKind, Tuning
from stream.demo import movielens
from stream.embedded.archives import movielens_dir
from stream.store.codec import pack
from tests.conftest import CACHE

pytestmark = pytest.mark.integration

BUDGET_BYTES = 8192
DIMENSION = 384
KIND = EventKind(1.0, rated=True)


def test_the_demos_profiles_are_within_the_budget_at_p95() -> None:
    """Every tenth user of MovieLens-100K with all ratings folded and a list made."""
    folder = movielens_dir(CACHE)
    vectors = np.random.default_rng(0).normal(size=(2000, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    entries = [
        Entry(film.item_id, film.title, vectors[place], film.genres)
        for place, film in enumerate(movielens.films(folder))
    ]
    catalogue = Catalogue(DIMENSION, tuple(entries))
    by_user = defaultdict(list)
    for place, rating in enumerate(movielens.ratings(folder)):
        by_user[rating.user_id].append((place, rating))

    sizes = []
    for user in sorted(by_user)[::10]:
        observations = [_observed(place, rating, catalogue) for place, rating in by_user[user]]
        profile = fold(Profile(user, version=1_795_000_000_000), observations, Tuning()).profile
        (current,) = rank([profile], [tuple(o.event_id for o in observations)], catalogue, Tuning())
        row = pack(replace(profile, current=current), etag=1, tuning=Tuning())
        sizes.append(len(row.state.encode()))

    assert np.percentile(sizes, 95) <= BUDGET_BYTES


def _observed(place: int, rating: movielens.Rating, catalogue: Catalogue) -> Observation:
    entry = catalogue.get(rating.item_id)
    assert entry is not None
    return Observation(
        event_id=f"rating-{place}",
        kind=KIND,
        at=rating.at,
        source="0123456789abcdef",
        offset=place,
        item_id=rating.item_id,
        rating=rating.stars,
        rating_max=5,
        vector=entry.vector,
        categories=entry.categories,
        label=entry.label,
    )
