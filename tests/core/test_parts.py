"""Parts of a score: bounded, of one user alone, and off means off."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.candidates import history
from stream.core.catalogue import Catalogue
from stream.core.hashes import hash32
from stream.core.parts import PARTS, Part, Scores, freshness, interest, session, weighted
from stream.core.profile import Membership, Profile
from stream.core.signals import Row
from tests.core.samples import (
    DAY_S,
    DIMENSION,
    NOW,
    TUNING,
    axis,
    entry,
    folded,
    histories,
    law,
    observation,
    random_unit,
)
from tests.core.worlds import with_pairs

by_name = pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
pair_weights = st.dictionaries(
    st.tuples(*[st.integers(0, 12).map("item-{}".format)] * 2), st.floats(0.01, 1000), max_size=20
)


@st.composite
def worlds(draw: st.DrawFn) -> Catalogue:
    """Items of any age and heat, some without a vector, used together now and then."""
    entries = [
        entry(
            f"item-{n}",
            draw(st.sampled_from([random_unit(n), None])),
            published_at=draw(st.none() | st.floats(NOW - 900 * DAY_S, NOW + 900 * DAY_S)),
            domain=draw(st.sampled_from([None, "films", "books"])),
        )
        for n in range(draw(st.integers(1, 13)))
    ]
    paired = with_pairs(Catalogue(DIMENSION, tuple(entries)), draw(pair_weights))
    return paired.with_rows({i: draw(_heated(row)) for i, row in paired.learned.items()})


@st.composite
def _heated(draw: st.DrawFn, row: Row) -> Row:
    by_segment = draw(st.dictionaries(st.sampled_from([1, SEGMENT]), st.floats(0, 1e6)))
    segments, crowds = sorted(by_segment), [by_segment[one] for one in sorted(by_segment)]
    return replace(
        row,
        at=NOW - draw(st.floats(0, 30 * DAY_S)),
        hotness=draw(st.floats(0, 1e6)),
        segments=np.array(segments, np.uint32),
        crowds=np.array(crowds, np.float32),
    )


SEGMENT = hash32("s1")
profiles = st.builds(
    lambda events, membership: replace(folded(*events).profile, membership=membership),
    histories(size=12),
    st.sampled_from([None, Membership("s1", 1, NOW), Membership("s2", 1, NOW)]),
)
EVERY = replace(TUNING, crowd_part=0.1)  # off by default


@by_name
@law
@given(user=profiles, catalogue=worlds())
def test_a_part_is_between_nothing_and_one(part: Part, user: Profile, catalogue: Catalogue) -> None:
    values = part.compute([user], catalogue, TUNING)

    assert values.shape == (1, len(catalogue))
    assert values.dtype == np.float32
    assert (values >= 0).all()
    assert (values <= 1 + 1e-6).all()


@by_name
@law
@given(users=st.lists(profiles, min_size=1, max_size=4), catalogue=worlds())
def test_a_part_knows_nothing_of_the_other_users(
    part: Part, users: list[Profile], catalogue: Catalogue
) -> None:
    together = part.compute(users, catalogue, TUNING)

    for row, user in enumerate(users):
        alone = part.compute([user], catalogue, TUNING)
        assert np.allclose(together[row], alone[0], rtol=0, atol=1e-6)


@by_name
@law
@given(user=profiles, catalogue=worlds(), rnd=st.randoms(use_true_random=False))
def test_the_order_of_the_items_does_not_matter(
    part: Part, user: Profile, catalogue: Catalogue, rnd: np.random.Generator
) -> None:
    order = list(range(len(catalogue)))
    rnd.shuffle(order)
    entries = tuple(catalogue.entries[row] for row in order)
    shuffled = Catalogue(DIMENSION, entries, catalogue.learned)

    values = part.compute([user], catalogue, TUNING)[:, order]

    assert np.allclose(part.compute([user], shuffled, TUNING), values, rtol=0, atol=1e-6)


@by_name
@law
@given(user=profiles, catalogue=worlds(), chosen=st.sets(st.integers(0, 12), min_size=1))
def test_an_item_scores_in_an_excerpt_as_in_the_whole(
    part: Part, user: Profile, catalogue: Catalogue, chosen: set[int]
) -> None:
    """An excerpt has the user's own items besides, as every one that lists are made of."""
    some = [row for row in chosen if row < len(catalogue)]
    rows = np.union1d(some, history(user, catalogue)).astype(np.intp)
    vectors = {e.item_id: e.vector for e in catalogue.entries if e.vector is not None}
    excerpt = catalogue.lightened().excerpt(rows, vectors, catalogue.learned)

    values = part.compute([user], catalogue, TUNING)[:, rows]

    assert np.allclose(part.compute([user], excerpt, TUNING), values, rtol=0, atol=1e-6)


@by_name
def test_a_part_that_is_off_is_not_computed(part: Part) -> None:
    def fail(*_: object) -> Scores:
        raise AssertionError(f"{part.name} was computed")

    broken = [replace(p, compute=fail) if p is part else p for p in PARTS]
    weight: dict[str, Any] = {f"{part.name}_part": 0.0}
    off = replace(EVERY, **weight)

    catalogue = Catalogue(DIMENSION, (entry("i", axis(0)),))

    parts = weighted([Profile("u", as_of=NOW)], catalogue, off, broken)

    assert set(parts) == {p.name for p in PARTS} - {part.name}


def test_freshness_halves_with_age_and_needs_a_time() -> None:
    half_life_s = TUNING.freshness_half_life_s
    times = [NOW, NOW - half_life_s, NOW - 2 * half_life_s, None, NOW + 5]
    entries = [entry(f"i{n}", axis(0), published_at=at) for n, at in enumerate(times)]
    catalogue = Catalogue(DIMENSION, tuple(entries))

    [values] = freshness([Profile("u", as_of=NOW)], catalogue, TUNING)

    assert values.tolist() == [1.0, 0.5, 0.25, 0.0, 1.0]


def test_an_interest_counts_by_its_share_of_the_largest_and_by_its_confidence() -> None:
    """Weights 0.6 and 0.3: confidence w / (w + 1), the second times a half."""
    two = [observation(0, vector=axis(0), dwell_s=1e9), observation(1, vector=axis(1), at=NOW)]
    catalogue = Catalogue(DIMENSION, (entry("a", axis(0)), entry("b", axis(1))))

    [values] = interest([folded(*two).profile], catalogue, TUNING)

    assert values.tolist() == pytest.approx([0.6 / 1.6, 0.5 * 0.3 / 1.3], rel=1e-3)


def test_a_session_wears_off_by_its_half_life() -> None:
    profile = folded(observation(0, vector=axis(0))).profile
    catalogue = Catalogue(DIMENSION, (entry("a", axis(0)),))
    later = replace(profile, as_of=NOW + TUNING.session_half_life_s)

    values = session([profile, later], catalogue, TUNING)[:, 0]

    assert values.tolist() == pytest.approx([0.3 / 1.3, 0.15 / 1.15], rel=1e-5)
