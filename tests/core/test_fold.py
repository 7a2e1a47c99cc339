"""Folding: each record at most once, in any split, and rings that stay bounded."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.fold import Observation, Outcome, fold
from stream.core.hashes import hash32, hash64
from stream.core.profile import Profile
from stream.core.tuning import EVENT_IDS_MAX, RECENT_MAX, SEEN_MAX, SOURCES_MAX
from tests.core.samples import (
    CLICK,
    EMPTY,
    FORGET,
    HIDE,
    KINDS,
    LIKE,
    NOW,
    RATING,
    TUNING,
    VIEW,
    folded,
    histories,
    law,
    observation,
    plain,
)

with_forgets = histories((*KINDS, FORGET))


def moved(history: list[Observation], by: int) -> list[Observation]:
    """The same events sent again: new offsets, old ids."""
    return [replace(seen, offset=seen.offset + by) for seen in history]


def but_marks(profile: Profile) -> Profile:
    return replace(profile, marks=())


@law
@given(with_forgets)
def test_what_is_redelivered_changes_nothing(history: list[Observation]) -> None:
    first = fold(EMPTY, history, TUNING)
    again = fold(first.profile, history, TUNING)

    assert again.profile is first.profile
    assert set(again.outcomes) <= {Outcome.REDELIVERED}
    assert not again.changed
    assert not again.publishes
    assert again.redelivered == bool(history)
    assert (again.causes, again.increments, again.forgot) == ((), (), False)


@law
@given(histories())
def test_what_is_sent_twice_changes_nothing_but_the_mark(history: list[Observation]) -> None:
    first = fold(EMPTY, history, TUNING)
    again = fold(first.profile, moved(history, 1000), TUNING)

    assert plain(but_marks(again.profile)) == plain(but_marks(first.profile))
    assert set(again.outcomes) <= {Outcome.REPEATED}
    assert (again.causes, again.increments) == ((), ())
    assert again.changed == bool(history)  # the mark is to be saved
    for seen in history:
        assert again.profile.mark(seen.source) >= seen.offset + 1000


@law
@given(with_forgets, st.integers(0, 20))
def test_a_split_history_is_the_whole_history(history: list[Observation], cut: int) -> None:
    """However records are cut into chunks, the profile is the same."""
    whole = fold(EMPTY, history, TUNING)
    first = fold(EMPTY, history[:cut], TUNING)
    second = fold(first.profile, history[cut:], TUNING)

    assert plain(second.profile) == plain(whole.profile)
    assert first.outcomes + second.outcomes == whole.outcomes
    assert first.increments + second.increments == whole.increments


@law
@given(with_forgets, st.integers(0, 20))
def test_a_crash_anywhere_repeats_nothing(history: list[Observation], cut: int) -> None:
    """A saved part, then everything once more: as if there had been no crash."""
    saved = fold(EMPTY, history[:cut], TUNING).profile

    assert plain(fold(saved, history, TUNING).profile) == plain(
        fold(EMPTY, history, TUNING).profile
    )


@law
@given(histories(), st.randoms(use_true_random=False))
def test_arrival_order_does_not_matter_for_given_strengths(
    history: list[Observation], order: random.Random
) -> None:
    """Session, aversion and categories; interests and strengths by rating depend on the order."""
    given_strength = [seen for seen in history if seen.kind is not RATING]
    shuffled = order.sample(given_strength, len(given_strength))
    arrived = [replace(seen, offset=n) for n, seen in enumerate(shuffled)]
    one = fold(EMPTY, given_strength, TUNING).profile
    other = fold(EMPTY, arrived, TUNING).profile

    assert one.as_of == other.as_of
    for left, right in ((one.session, other.session), (one.aversion, other.aversion)):
        if left is None or right is None:
            assert left is right
            continue
        assert left.at == right.at
        assert left.weight == pytest.approx(right.weight, rel=1e-9, abs=1e-12)
        assert np.allclose(left.vector, right.vector, atol=1e-5)
    for name in one.categories.weights.keys() | other.categories.weights.keys():
        assert one.categories.weights.get(name, 0) == pytest.approx(
            other.categories.weights.get(name, 0), abs=1e-7
        )


@law
@given(with_forgets)
def test_rings_are_in_order_and_hold_nothing_twice(history: list[Observation]) -> None:
    profile = fold(EMPTY, history, TUNING).profile

    assert [r.at for r in profile.recent] == sorted(r.at for r in profile.recent)
    assert len(set(profile.seen)) == len(profile.seen)
    assert len(set(profile.event_ids)) == len(profile.event_ids)
    assert len(dict(profile.marks)) == len(profile.marks)


@law
@given(histories((HIDE,)))
def test_what_is_disliked_goes_to_the_aversion_alone(history: list[Observation]) -> None:
    silent = [replace(seen, text_vector=None) for seen in history]
    profile = fold(EMPTY, silent, TUNING).profile

    assert profile.session is None
    assert profile.interests == ()
    assert profile.categories.weights == {}
    assert (profile.aversion is None) == all(seen.vector is None for seen in history)


@law
@given(histories((VIEW, CLICK, LIKE)))
def test_what_is_liked_never_touches_the_aversion(history: list[Observation]) -> None:
    assert fold(EMPTY, history, TUNING).profile.aversion is None


def test_rings_are_bounded() -> None:
    """The oldest go: of `recent` by event time, of the others by arrival."""
    count = SEEN_MAX + 40
    events = [observation(n, vector=None, at=NOW - n) for n in range(count)]

    profile = fold(EMPTY, events, TUNING).profile

    assert [r.item_id for r in profile.recent] == [f"item-{n}" for n in reversed(range(RECENT_MAX))]
    assert profile.seen == tuple(hash32(f"item-{n}") for n in range(40, count))
    assert profile.event_ids == tuple(
        hash64(f"event-{n}") for n in range(count - EVENT_IDS_MAX, count)
    )


def test_an_item_seen_again_is_the_newest_seen() -> None:
    profile = folded(*(observation(n, item_id=i) for n, i in enumerate("abca"))).profile

    assert profile.seen == tuple(map(hash32, "bca"))
    assert [r.item_id for r in profile.recent] == list("abca")


def test_the_last_sources_are_kept() -> None:
    """A source that is used goes on being known; one that is left long ago is forgotten."""
    order = [0, *range(1, SOURCES_MAX), 0, SOURCES_MAX]
    events = [observation(n, source=f"s{source}") for n, source in enumerate(order)]

    profile = fold(EMPTY, events, TUNING).profile

    others = [f"s{source}" for source in range(2, SOURCES_MAX)]
    assert [source for source, _ in profile.marks] == [*others, "s0", f"s{SOURCES_MAX}"]
    assert profile.mark("s0") == SOURCES_MAX
    assert profile.mark("s1") == -1


def test_sources_do_not_share_a_mark() -> None:
    done = folded(observation(5), observation(6, source="topic/1", offset=0))

    assert done.outcomes == (Outcome.APPLIED, Outcome.APPLIED)
    assert (done.profile.mark("topic/0"), done.profile.mark("topic/1")) == (5, 0)


def test_nothing_to_fold() -> None:
    done = folded()

    assert done.profile is EMPTY
    assert not done.changed
    assert not done.redelivered
    assert not done.publishes
