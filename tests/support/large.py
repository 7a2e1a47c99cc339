"""A world with more items than are scored whole: clusters of items, users of a few of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stream.core.catalogue import Catalogue, Entry
from stream.core.fold import Observation, fold
from stream.core.hashes import hash32
from stream.core.interests import fitted
from stream.core.profile import Profile
from stream.core.signals import PLACES, Row
from stream.core.tuning import DAY_S, EventKind, Tuning
from stream.store.rows import ItemRow, NeighbourRow, fresh_etag

NOW = 1_700_000_000.0
LIKE, HIDE = EventKind(0.8), EventKind(-0.8)
#: Of what a user does: how much is in the user's own clusters, and how much is disliked.
OWN, DISLIKED = 0.8, 0.1
TASTES = 3
SPREAD = 0.9  # length of what is added to a cluster's unit centre


@dataclass(frozen=True)
class Large:
    """A catalogue with everything at hand, and users of it.

    clusters  (n,) of the items
    """

    whole: Catalogue
    clusters: NDArray[np.intp]
    profiles: tuple[Profile, ...]

    def item_rows(self) -> list[ItemRow]:
        return [_item_row(entry) for entry in self.whole.entries]

    def neighbour_rows(self) -> list[NeighbourRow]:
        return [
            NeighbourRow(
                item_id=item_id,
                count=row.count,
                hotness=row.hotness,
                at=row.at,
                revision=1,
                etag=fresh_etag(),
                pairs=(row.others, row.weights),
            )
            for item_id, row in self.whole.learned.items()
        ]


def large(
    *,
    items: int,
    dimension: int,
    clusters: int,
    users: int,
    tuning: Tuning,
    events: int = 40,
    neighbours: int = 60,
    seed: int = 0,
) -> Large:
    """Half of the items were used, by a power law; who was used together is of one cluster."""
    rng = np.random.default_rng(seed)
    own = rng.integers(0, clusters, items)
    centres = _units(rng.normal(size=(clusters, dimension)))
    noise = SPREAD * _units(rng.normal(size=(items, dimension)))
    vectors = _units(centres[own] + noise).astype(np.float32)
    entries = tuple(
        Entry(
            f"item-{n}",
            f"title {n}",
            vectors[n],
            categories=(f"c{own[n] % 20}",),
            domain=f"d{own[n] % 10}",
            published_at=NOW - float(age) if age < 60 * DAY_S else None,
        )
        for n, age in enumerate(rng.uniform(0, 400 * DAY_S, items))
    )
    members = [np.flatnonzero(own == cluster) for cluster in range(clusters)]
    learned = _learned(rng, own, members, min(neighbours, PLACES))
    whole = Catalogue(dimension, entries, learned)
    folding = fitted(tuning, whole.pair_cosines)
    profiles = tuple(
        _profile(f"user-{n}", rng, whole, members, events, folding) for n in range(users)
    )
    return Large(whole, own, profiles)


def _learned(
    rng: np.random.Generator,
    own: NDArray[np.intp],
    members: list[NDArray[np.intp]],
    neighbours: int,
) -> dict[str, Row]:
    hashes = np.array([hash32(f"item-{n}") for n in range(len(own))], np.uint32)
    rows = {}
    for rank, item in enumerate(rng.permutation(len(own))[: len(own) // 2]):
        count = 2000.0 / (rank + 2) ** 0.7
        others = np.unique(hashes[rng.choice(members[own[item]], neighbours)])
        weights = rng.exponential(count / 20, len(others)).astype(np.float32)
        at = NOW - float(rng.uniform(0, 3 * DAY_S))
        rows[f"item-{item}"] = Row(count, count / 4, at, others, weights)
    return rows


def _profile(
    user_id: str,
    rng: np.random.Generator,
    whole: Catalogue,
    members: list[NDArray[np.intp]],
    events: int,
    tuning: Tuning,
) -> Profile:
    tastes = rng.choice(len(members), TASTES, replace=False)
    observations = []
    for n in range(int(rng.integers(1, events + 1))):
        inside = rng.random() < OWN
        cluster = rng.choice(tastes) if inside else rng.integers(0, len(members))
        entry = whole.entries[rng.choice(members[cluster])]
        observations.append(
            Observation(
                event_id=f"{user_id}/{n}",
                kind=HIDE if rng.random() < DISLIKED else LIKE,
                at=NOW - 600.0 * (events - n),
                source="topic/0",
                offset=n,
                item_id=entry.item_id,
                vector=entry.vector,
                categories=entry.categories,
                label=entry.label,
            )
        )
    return replace(fold(Profile(user_id), observations, tuning).profile, version=1)


def _item_row(entry: Entry) -> ItemRow:
    return ItemRow(
        item_id=entry.item_id,
        title=entry.title,
        text="",
        categories=entry.categories,
        domain=entry.domain,
        lang=entry.lang,
        published_at=entry.published_at,
        expires_at=entry.expires_at,
        available=entry.available,
        content_hash="",
        deleted_at=None,
        revision=1,
        etag=fresh_etag(),
        vector=entry.vector,
    )


def _units(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    units: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return units
