"""Profiles to pack, and what packing makes of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stream.core.decay import Mass, Tally
from stream.core.distribution import SHOWN_MAX
from stream.core.hashes import hash32, hash64, short_id
from stream.core.lately import DAYS_MAX, Lately, day_of
from stream.core.profile import (
    Change,
    Interest,
    InterestShare,
    Membership,
    Offer,
    Profile,
    Recent,
    StoredList,
)
from stream.core.strength import RatingMean
from stream.store.codec import pack, unpack
from tests.core.samples import (
    NOW,
    TUNING,
    axis,
    near,
)

DIMENSION = 384
CHANGE = Change("c", 1.0, None, "s1", "films", "event", "e", 0.5, 1)


def read_back(profile: Profile) -> Profile:
    """As `Users.load` gives it: under the name that was asked for."""
    row = pack(profile, 1, TUNING, now=NOW)
    return unpack(replace(row, user_id=profile.user_id))


def full_profile() -> Profile:
    """Every ring full, as an eager reader of a large site has it."""
    rng = np.random.default_rng(0)

    def mass(seed: int) -> Mass:
        weight = float(rng.uniform(1, 40))
        return Mass(weight, np.float32(weight) * near(axis(0, DIMENSION), seed), NOW + seed / 7)

    interests = tuple(
        Interest(short_id(n)[:8], mass(n), str(1000 + n), float(rng.uniform()), f"Category {n}")
        for n in range(5)
    )
    made = tuple(
        Offer(
            str(1500 + n),
            round(float(rng.uniform()), 6),
            "interest",
            1.0,
            (str(1000 + n), str(1100 + n)),
            {"interest": 0.4123, "session": 0.2456, "hotness": 0.3421} if n < 3 else {},
        )
        for n in range(10)
    )
    current = StoredList(
        1_700_000_000_123,
        NOW,
        (short_id("event"),),
        made,
        tuple(InterestShare(i.id, i.label, float(rng.uniform())) for i in interests),
        float(rng.uniform()),
        float(rng.uniform()),
        "abcdef01",
        {f"Category {n}": 0.1234 for n in range(SHOWN_MAX)},
    )
    categories = {f"Category {n}": float(rng.uniform()) for n in range(18)}
    days = {day_of(NOW) - n: categories for n in range(DAYS_MAX)}
    return Profile(
        "user-1234",
        version=1_700_000_000_123,
        as_of=NOW + 0.5,
        session=mass(10),
        interests=interests,
        aversion=mass(11),
        categories=Tally(categories, NOW),
        lately=Lately(days),
        ratings=RatingMean(float(rng.uniform()) * 100, 150),
        recent=tuple(
            Recent(str(1000 + n), NOW + n, float(rng.uniform()), interests[n % 5].id)
            for n in range(50)
        ),
        seen=tuple(hash32(str(n)) for n in range(500)),
        event_ids=tuple(hash64(str(n)) for n in range(64)),
        marks=tuple((f"{short_id('topic')}/{n}", 100_000 + n) for n in range(8)),
        offered=tuple(hash32(str(n)) for n in range(40)),
        current=current,
        membership=Membership("abcdef01", 17, NOW),
    )
