"""Planted worlds for ranking: what must come out is known beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from stream.core.allowed import EVERYTHING, Filters
from stream.core.catalogue import Catalogue
from stream.core.decay import Tally
from stream.core.fold import Observation
from stream.core.hashes import hash32
from stream.core.parts import Scores
from stream.core.profile import Profile
from stream.core.rank import rank
from stream.core.signals import Row
from stream.core.tuning import Tuning
from tests.core.samples import (
    DIMENSION,
    LIKE,
    NOW,
    TUNING,
    axis,
    entry,
    folded,
    near,
    observation,
)

ITEMS = 60
#: Lists are the best items by score, and nothing else.
PLAIN = replace(TUNING, diversity=0.0, calibration=0.0, category_cap=1.0, exploration_places=0)


def parity_world() -> Catalogue:
    """Even items around one axis, odd items around another; all equally hot."""
    entries = [entry(f"item-{n}", near(axis(n % 2), n, 0.5)) for n in range(ITEMS)]
    return Catalogue(DIMENSION, tuple(entries), {e.item_id: Row(0.0, 5.0, NOW) for e in entries})


def liking(catalogue: Catalogue, *item_ids: str, user_id: str = "user") -> Profile:
    events = [event_on(catalogue, n, i) for n, i in enumerate(item_ids)]
    return folded(*events, start=Profile(user_id)).profile


def event_on(catalogue: Catalogue, number: int, item_id: str) -> Observation:
    """The user likes an item of the catalogue."""
    item = catalogue.get(item_id)
    vector = None if item is None else item.vector
    return observation(number, kind=LIKE, item_id=item_id, vector=vector)


def offered(
    profile: Profile, catalogue: Catalogue, tuning: Tuning = PLAIN, filters: Filters = EVERYTHING
) -> list[str]:
    [made] = rank([profile], [()], catalogue, tuning, filters)
    return [offer.item_id for offer in made.offers]


def shelf_world() -> Catalogue:
    """Ten items each of six categories, each category around an axis, all equally hot.

    Every tenth item of a category is of the next category too, so neighbours in the circle of
    categories are the ones that share items.
    """
    entries = [
        entry(
            f"item-{n}",
            near(axis(n % 6), n, 0.5),
            categories=(f"c{n % 6}", f"c{(n + 1) % 6}") if n < 6 else (f"c{n % 6}",),
        )
        for n in range(ITEMS)
    ]
    return Catalogue(DIMENSION, tuple(entries), {e.item_id: Row(0.0, 50.0, NOW) for e in entries})


def with_pairs(catalogue: Catalogue, pairs: Mapping[tuple[str, str], float]) -> Catalogue:
    """With co-occurrences of these weights, in both directions; every item was used ten times."""
    both = {**pairs, **{(right, left): weight for (left, right), weight in pairs.items()}}
    rows = {}
    for item in catalogue.entries:
        others = {hash32(r): weight for (left, r), weight in both.items() if left == item.item_id}
        rows[item.item_id] = Row(
            10.0,
            5.0,
            NOW,
            np.array(sorted(others), np.uint32),
            np.array([others[other] for other in sorted(others)], np.float32),
        )
    return catalogue.with_rows(rows)


def known(*categories: str, user_id: str = "u", version: int = 1) -> Profile:
    """A user of long standing who likes these categories equally."""
    some = liking(shelf_world(), *(f"item-{n}" for n in range(20)), user_id=user_id)
    return replace(some, version=version, categories=Tally(dict.fromkeys(categories, 1.0), NOW))


def flat(best: int = 0) -> Scores:
    """Scores in `shelf_world`: all nearly as good, the category `best` a little better."""
    total = 1 - np.arange(ITEMS, dtype=np.float32) / 10_000
    total[best::6] += np.float32(0.05)
    return total[None].astype(np.float32)
