"""Planted worlds for ranking: what must come out is known beforehand."""

from __future__ import annotations

from stream.core.catalogue import Catalogue, Heat
from stream.core.fold import Observation
from stream.core.profile import Profile
from stream.core.rank import rank
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


def parity_world() -> Catalogue:
    """Even items around one axis, odd items around another; all equally hot."""
    entries = [entry(f"item-{n}", near(axis(n % 2), n, 0.5)) for n in range(ITEMS)]
    return Catalogue(DIMENSION, tuple(entries), {e.item_id: Heat(5.0, NOW) for e in entries})


def liking(catalogue: Catalogue, *item_ids: str, user_id: str = "user") -> Profile:
    events = [event_on(catalogue, n, i) for n, i in enumerate(item_ids)]
    return folded(*events, start=Profile(user_id)).profile


def event_on(catalogue: Catalogue, number: int, item_id: str) -> Observation:
    """The user likes an item of the catalogue."""
    item = catalogue.get(item_id)
    vector = None if item is None else item.vector
    return observation(number, kind=LIKE, item_id=item_id, vector=vector)


def offered(profile: Profile, catalogue: Catalogue) -> list[str]:
    [made] = rank([profile], [()], catalogue, TUNING)
    return [offer.item_id for offer in made.offers]
