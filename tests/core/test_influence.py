"""How much an event counts for everybody: never more than one, less for echoes and loud users."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.fold import Observation, fold
from stream.core.hashes import hash32
from stream.core.influence import influence
from stream.core.profile import Offer, Profile, Recent, StoredList
from stream.core.tuning import EventKind, Tuning
from tests.core.samples import (
    CLICK,
    EMPTY,
    HIDE,
    IMPRESSION,
    NOW,
    RATING,
    TUNING,
    folded,
    histories,
    law,
    moments,
    observation,
)

SPARING = replace(TUNING, signals_per_hour=3)


def weight(
    profile: Profile = EMPTY, *, item_id: str = "i", worth: float = 1.0, at: float = NOW
) -> float:
    return influence(profile, CLICK, item_id, at, worth, TUNING)[1]


@law
@given(histories(), moments, st.floats(-1, 1), st.sampled_from([CLICK, RATING]))
def test_an_event_counts_for_at_most_one(
    history: list[Observation], at: float, worth: float, kind: EventKind
) -> None:
    profile = folded(*history).profile
    for item_id in ("item-1", "never seen"):
        found = influence(profile, kind, item_id, at, worth, TUNING)[1]
        assert 0 < found <= 1


@law
@given(histories(size=30), st.integers(1, 5))
def test_no_hour_of_a_user_counts_for_more_than_the_budget(
    history: list[Observation], most: int
) -> None:
    tuning = replace(TUNING, signals_per_hour=most)
    at_once = [replace(each, at=NOW) for each in history]

    done = fold(EMPTY, at_once, tuning)

    counted = [s for s in at_once if s.kind.updates and s.kind.strength > 0]
    assert len(done.increments) <= most
    assert len(done.increments) + done.unheard <= len(counted)


def test_beyond_the_budget_the_user_s_own_profile_still_moves() -> None:
    done = fold(EMPTY, [observation(n, at=NOW + n) for n in range(5)], SPARING)

    assert [i.item_id for i in done.increments] == ["item-0", "item-1", "item-2"]
    assert done.unheard == 2
    assert len(done.profile.recent) == 5


def test_the_budget_comes_back_with_the_next_hour_and_not_with_a_late_event() -> None:
    hour = 3600.0
    events = [observation(n, at=NOW) for n in range(3)]
    late, on_time = observation(3, at=NOW - 2 * hour), observation(4, at=NOW + hour)

    done = fold(EMPTY, [*events, late, on_time], SPARING)

    assert [i.item_id for i in done.increments] == ["item-0", "item-1", "item-2", "item-4"]


def test_what_is_done_again_counts_less_each_time() -> None:
    profile = replace(EMPTY, recent=(Recent("i", NOW, 1.0, ""),) * 3)

    assert weight() == 1.0
    assert weight(profile) == 0.25
    assert weight(profile, item_id="other") == 1.0


@pytest.mark.parametrize("past", [True, False])
def test_an_event_on_what_we_offered_counts_less(past: bool) -> None:
    offer = Offer("i", 1.0, "interest", 1.0, ())
    current = StoredList(1, NOW, (), (offer,), (), 0.0, 0.0, None)
    shown = replace(EMPTY, offered=(hash32("i"),)) if past else replace(EMPTY, current=current)

    assert weight(shown) == TUNING.offered_signal_weight
    assert weight(shown, item_id="other") == 1.0


@pytest.mark.parametrize(("worth", "expected"), [(1.0, 1.0), (0.0, 0.75), (-1.0, 0.5)])
def test_a_rating_counts_by_its_worth_and_never_for_nothing(worth: float, expected: float) -> None:
    assert influence(EMPTY, RATING, "i", NOW, worth, TUNING)[1] == expected


def test_an_event_is_paired_with_the_last_different_items_the_nearer_the_heavier() -> None:
    tuning = Tuning(neighbour_window=2, neighbour_place_half_life=1.0)
    items = ["a", "b", "b", "c", "b"]
    events = [observation(n, item_id=item) for n, item in enumerate(items)]

    pairings = fold(EMPTY, events, tuning).pairings

    said = [(p.item_id, p.others) for p in pairings]
    assert said == [
        ("a", ()),
        ("b", ("a",)),
        ("b", ("a",)),
        ("c", ("b", "a")),
        ("b", ("c", "a")),
    ]
    assert pairings[3].weights == (1.0, 0.5)
    assert pairings[4].weights == pytest.approx((1 / 3, 1 / 6))
    assert pairings[4].at == NOW + 4


@pytest.mark.parametrize("kind", [HIDE, IMPRESSION])
def test_what_is_hidden_or_only_shown_says_nothing_about_items(kind: object) -> None:
    done = folded(observation(0), observation(1, kind=kind))

    assert [p.item_id for p in done.pairings] == ["item-0"]
