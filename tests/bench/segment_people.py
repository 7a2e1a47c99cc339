"""Many users for a store, made and written by the service's own code."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stream.core.decay import Mass
from stream.core.fold import Observation, fold
from stream.core.profile import Membership, Profile
from stream.core.segment_fit import fit
from stream.core.segments import SegmentModel
from stream.core.tuning import DAY_S, EventKind, Tuning
from stream.store.codec import pack
from stream.store.collections import Store
from stream.store.rows import fresh_etag
from tests.support import load

GROUPS, NOISE = 8, 0.5
AT_ONCE = 500  # users in a write
MODEL_ROWS = 5000

Matrix = NDArray[np.float32]


async def fill(store: Store, tuning: Tuning, users: int) -> None:
    """Users of planted groups, each in the segment of a model in force that was fitted to some."""
    centres = _units(np.random.default_rng(1).normal(size=(GROUPS, load.DIMENSION)))
    like = template(tuning)
    claim = await store.segments.claim(int(time.time() * 1000))
    assert claim is not None
    some = np.concatenate([tastes for tastes, _ in _batches(centres, min(users, MODEL_ROWS))])
    model = fit(some, count=GROUPS, version=claim.version, before=None)
    await store.segments.save(model)
    assert await store.segments.switch(model.version, claim.etag)
    now = time.time()
    done = 0
    for tastes, interests in _batches(centres, users):
        people = [
            profile(like, done + place, tastes[place], interests[place], model)
            for place in range(len(tastes))
        ]
        rows = [pack(one, fresh_etag(), tuning, now=now) for one in people]
        stored = await store.users.save(rows, dict.fromkeys(one.user_id for one in people))
        assert len(stored) == len(people)
        done += len(people)


def _batches(centres: Matrix, users: int) -> Iterator[tuple[Matrix, NDArray[np.float32]]]:
    """(b, d) tastes and (b, 2, d) interests, each as heavy as it is long: three parts of the
    user's own group, one of any."""
    for first in range(0, users, AT_ONCE):
        size = min(AT_ONCE, users - first)
        rng = np.random.default_rng((2, first))
        groups = rng.integers(0, GROUPS, (size, 2))
        noise = _units(rng.normal(size=(size, 2, centres.shape[1])))
        interests = _units(centres[groups] + NOISE * noise) * np.array([[3.0], [1.0]])
        yield _units(interests.sum(axis=1)), interests.astype(np.float32)


def template(tuning: Tuning) -> Profile:
    """Somebody with two interests and a past."""
    axes = np.eye(load.DIMENSION, dtype=np.float32)
    now = time.time() - 2 * DAY_S
    seen = [
        Observation(
            event_id=f"past-{number}",
            kind=EventKind(0.8),
            at=now + 600.0 * number,
            source="past/0",
            offset=number,
            item_id=f"film-{number}",
            vector=axes[number % 2],
            categories=(load.GENRES[number % 2],),
            label=load.GENRES[number % 2],
        )
        for number in range(20)
    ]
    return fold(Profile("somebody"), seen, tuning).profile


def profile(
    like: Profile, number: int, taste: Matrix, interests: Matrix, model: SegmentModel
) -> Profile:
    """The template with these interests (2, d), in the segment nearest to the taste."""
    nearest = int(np.argmax(np.stack([one.centroid for one in model.segments]) @ taste))
    masses = [Mass(float(np.linalg.norm(row)), row, like.as_of) for row in interests]
    return replace(
        like,
        user_id=user_id(number),
        version=1,
        interests=tuple(
            replace(one, mass=mass) for one, mass in zip(like.interests, masses, strict=True)
        ),
        membership=Membership(model.segments[nearest].id, model.version, like.as_of),
    )


def user_id(number: int) -> str:
    return f"user-{number}"


def _units(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    units: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(
        np.float32
    )
    return units
