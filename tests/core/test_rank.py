"""Ranking: nobody gets what must not be offered, and a list is the best of the rest."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.catalogue import Catalogue, Entry
from stream.core.hashes import hash32
from stream.core.parts import PARTS
from stream.core.profile import Profile
from stream.core.rank import SHARED_PLACES, rank, score, shares_of
from stream.core.signals import Row
from tests.core.samples import (
    DIMENSION,
    NOW,
    TUNING,
    entry,
    folded,
    histories,
    law,
    random_unit,
)
from tests.core.worlds import PLAIN

SHORT = replace(PLAIN, list_size=4)  # so that few items are many
maybe_time = st.none() | st.floats(NOW - 5, NOW + 5)


@st.composite
def catalogues(draw: st.DrawFn) -> Catalogue:
    """Items of every state; the first ones are those that `histories` uses."""
    count = draw(st.integers(0, 30))
    entries = [draw(_entries(n)) for n in range(count)]
    heat = {
        e.item_id: Row(0.0, draw(st.floats(0, 50)), NOW - 100)
        for e in entries
        if draw(st.booleans())
    }
    return Catalogue(DIMENSION, tuple(entries), heat)


@st.composite
def _entries(draw: st.DrawFn, number: int) -> Entry:
    return entry(
        f"item-{number}",
        draw(st.sampled_from([random_unit(number), None])),
        lang=draw(st.sampled_from([None, None, "en", "de"])),
        published_at=draw(maybe_time),
        expires_at=draw(maybe_time),
        available=draw(st.sampled_from([True, True, False])),
        deleted=draw(st.sampled_from([False, False, True])),
    )


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    events = [replace(e, at=NOW - 1 - n) for n, e in enumerate(draw(histories(size=8)))]
    return replace(folded(*events).profile, as_of=NOW)


@law
@given(profiles(), catalogues())
def test_what_must_not_be_offered_never_is(profile: Profile, catalogue: Catalogue) -> None:
    now = profile.as_of
    known = [catalogue.get(recent.item_id) for recent in profile.recent]
    langs = {item.lang for item in known if item is not None and item.lang}
    [made] = rank([profile], [()], catalogue, TUNING)

    assert len({offer.item_id for offer in made.offers}) == len(made.offers) <= TUNING.list_size
    for offer in made.offers:
        item = catalogue.get(offer.item_id)
        assert item is not None
        assert item.available
        assert not item.deleted
        assert item.published_at is None or item.published_at <= now
        assert item.expires_at is None or item.expires_at > now
        assert hash32(item.item_id) not in profile.seen
        assert not langs or item.lang is None or item.lang in langs


@law
@given(profiles(), catalogues())
def test_a_list_is_the_best_of_what_may_be_offered(profile: Profile, catalogue: Catalogue) -> None:
    """Against a plain sort of all scores: order, cut, ties by the catalogue's order."""
    total = score([profile], catalogue, SHORT).total[0].tolist()
    ranked = sorted((-value, row) for row, value in enumerate(total) if np.isfinite(value))
    expected = [catalogue.entries[row].item_id for _, row in ranked[: SHORT.list_size]]
    [made] = rank([profile], [()], catalogue, SHORT)

    assert [offer.item_id for offer in made.offers] == expected
    assert all(a.score >= b.score for a, b in pairwise(made.offers))


@law
@given(st.lists(profiles(), min_size=1, max_size=5), catalogues())
def test_a_chunk_scores_as_each_user_alone(users: list[Profile], catalogue: Catalogue) -> None:
    together = score(users, catalogue, TUNING)

    for row, user in enumerate(users):
        alone = score([user], catalogue, TUNING)
        assert np.allclose(together.total[row], alone.total[0], rtol=0, atol=1e-6)
        for name, part in alone.parts.items():
            assert np.allclose(together.parts[name][row], part[0], rtol=0, atol=1e-6)


@law
@given(profiles(), catalogues())
def test_parts_are_bounded_and_sum_to_the_score(profile: Profile, catalogue: Catalogue) -> None:
    every = replace(TUNING, crowd_part=0.1)
    scored = score([profile], catalogue, every)
    open_to_all = np.isfinite(scored.total)

    for part in PARTS:
        low, high = sorted((0.0, part.weight(every)))
        assert (scored.parts[part.name] >= low - 1e-6).all()
        assert (scored.parts[part.name] <= high + 1e-6).all()
    total = sum(scored.parts.values())
    assert np.allclose(np.asarray(total)[open_to_all], scored.total[open_to_all], atol=1e-6)


@law
@given(profiles(), catalogues())
def test_because_names_liked_items_of_the_users_own_that_are_known(
    profile: Profile, catalogue: Catalogue
) -> None:
    liked = {recent.item_id for recent in profile.recent if recent.strength > 0}
    liked |= {interest.medoid for interest in profile.interests}
    [made] = rank([profile], [()], catalogue, TUNING)

    for offer in made.offers:
        assert len(set(offer.because)) == len(offer.because) <= 2
        assert set(offer.because) <= liked
        assert all(item_id in catalogue.rows for item_id in offer.because)


@law
@given(profiles(), catalogues())
def test_shares_of_the_first_places_sum_to_one(profile: Profile, catalogue: Catalogue) -> None:
    [made] = rank([profile], [()], catalogue, TUNING)

    for place, offer in enumerate(made.offers):
        gains = offer.share.values()
        assert all(gain >= 0 for gain in gains)
        assert not gains or sum(gains) == pytest.approx(1, abs=1e-9)
        assert place < SHARED_PLACES or not gains


@law
@given(st.dictionaries(st.sampled_from([part.name for part in PARTS]), st.floats(-1, 1)))
def test_shares_are_of_what_adds_and_sum_to_one(given: dict[str, float]) -> None:
    shares = shares_of(given)

    assert set(shares) == {name for name, value in given.items() if value > 0}
    assert not shares or round(sum(shares.values()), 10) == 1


def test_thirds_sum_to_one_too() -> None:
    assert sorted(shares_of({"a": 0.2, "b": 0.2, "c": 0.2}).values()) == [0.3333, 0.3333, 0.3334]
    assert shares_of({"a": 0.0, "b": -1.0}) == {}
