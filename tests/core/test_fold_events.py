"""What one event does to a profile, and what forgetting leaves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stream.core.decay import direction
from stream.core.fold import Outcome, fold
from stream.core.hashes import hash32, hash64
from stream.core.profile import Membership, Profile
from stream.core.tuning import EventKind
from tests.core.samples import (
    CLICK,
    DAY_S,
    EMPTY,
    FORGET,
    HIDE,
    IMPRESSION,
    LIKE,
    NOW,
    RATING,
    TUNING,
    VIEW,
    axis,
    folded,
    observation,
    unit,
)


def test_a_click_moves_everything_that_it_should() -> None:
    done = folded(observation(3, dwell_s=60, categories=("a", "b"), label="a"))
    profile = done.profile

    assert profile.as_of == NOW + 3
    assert profile.session is not None
    assert profile.session.weight == pytest.approx(0.45)
    [interest] = profile.interests
    assert interest.mass.weight == pytest.approx(0.45)
    assert (interest.medoid, interest.label) == ("item-3", "a")
    assert profile.categories.weights == pytest.approx({"a": 0.225, "b": 0.225})
    [recent] = profile.recent
    assert (recent.item_id, recent.at, recent.interest) == (
        "item-3",
        NOW + 3,
        interest.id,
    )
    assert done.causes == ("event-3",)
    assert [(i.item_id, i.weight, i.at) for i in done.increments] == [("item-3", 1.0, NOW + 3)]


def test_an_event_counts_for_the_segment_that_its_user_was_in() -> None:
    member = replace(EMPTY, membership=Membership("s1", 1, NOW))

    assert [i.segment for i in folded(observation(0), start=member).increments] == ["s1"]
    assert [i.segment for i in folded(observation(0)).increments] == [None]


@pytest.mark.parametrize(
    ("kind", "publishes", "counts"),
    [
        (VIEW, False, True),
        (CLICK, True, True),
        (HIDE, True, False),
        (RATING, True, True),
        (IMPRESSION, False, False),
        (FORGET, False, False),
    ],
)
def test_what_follows_from_a_type(kind: EventKind, publishes: bool, counts: bool) -> None:
    """A shown list must not cause a new list, and what is hidden is not popular for it."""
    done = folded(observation(kind=kind))

    assert done.publishes == publishes
    assert bool(done.increments) == counts
    assert done.changed


def test_an_impression_is_seen_but_moves_no_mass() -> None:
    profile = folded(observation(kind=IMPRESSION)).profile

    assert profile.seen == (hash32("item-0"),)
    assert (profile.session, profile.interests, profile.aversion) == (None, (), None)
    assert [(r.strength, r.interest) for r in profile.recent] == [(0.0, "")]


def test_a_late_event_lands_where_it_belongs() -> None:
    day = observation(1, vector=axis(0), kind=LIKE)
    late = observation(2, vector=axis(0), kind=LIKE, at=day.at - TUNING.interest_half_life_s)

    profile = folded(day, late).profile

    assert profile.as_of == day.at
    assert profile.interests[0].mass.at == day.at
    assert profile.interests[0].mass.weight == pytest.approx(0.8 + 0.4)
    assert [r.item_id for r in profile.recent] == ["item-2", "item-1"]


def test_a_late_event_names_the_interest_that_it_joined() -> None:
    """The interest was once looked for by its newest time: a late event found none, and two
    interests that were touched at the same second were taken for each other."""
    events = [
        observation(0, vector=axis(0)),
        observation(1, vector=axis(1), at=NOW),
        observation(2, vector=axis(0), at=NOW - DAY_S),
        observation(3, vector=axis(1), at=NOW),
    ]
    profile = fold(EMPTY, events, TUNING).profile
    first, second = (interest.id for interest in profile.interests)

    assert {r.item_id: r.interest for r in profile.recent} == {
        "item-0": first,
        "item-1": second,
        "item-2": first,
        "item-3": second,
    }


def test_a_review_names_the_interest_of_its_item_not_of_its_text() -> None:
    start = folded(observation(0, vector=axis(0))).profile
    review = observation(1, kind=LIKE, vector=axis(0), text_vector=axis(1))

    profile = folded(review, start=start).profile

    assert len(profile.interests) == 2
    assert profile.recent[-1].interest == start.interests[0].id


def test_an_unknown_item_counts_for_recency_seen_and_signals() -> None:
    done = folded(observation(vector=None, categories=()))

    assert [r.item_id for r in done.profile.recent] == ["item-0"]
    assert done.profile.seen == (hash32("item-0"),)
    assert done.profile.as_of == NOW
    assert (done.profile.session, done.profile.interests) == (None, ())
    assert done.publishes
    assert len(done.increments) == 1


def test_an_event_without_an_item_is_in_no_ring_of_items() -> None:
    profile = folded(observation(kind=IMPRESSION, item_id=None, vector=None)).profile

    assert (profile.recent, profile.seen) == ((), ())
    assert profile.event_ids == (hash64("event-0"),)


def test_the_text_of_a_praising_review_moves_a_little() -> None:
    review = observation(kind=RATING, rating=5.0, vector=axis(0), text_vector=axis(1))

    session = folded(review).profile.session

    assert session is not None
    assert np.allclose(session.vector, 0.75 * axis(0) + TUNING.review_text_weight * axis(1))


def test_the_text_of_a_damning_review_moves_nothing() -> None:
    review = observation(kind=RATING, rating=1.0, vector=axis(0), text_vector=axis(1))

    profile = folded(review).profile

    assert (profile.session, profile.interests) == (None, ())
    assert profile.aversion is not None
    assert np.allclose(profile.aversion.vector, axis(0))


def test_ratings_are_weighed_against_those_before_them() -> None:
    """Five praises in a row: each is worth less, for the mean comes nearer."""
    events = [observation(n, kind=RATING, rating=5.0) for n in range(5)]

    profile = fold(EMPTY, events, TUNING).profile

    strengths = [r.strength for r in profile.recent]
    assert strengths[0] == pytest.approx(0.75)
    assert strengths == sorted(strengths, reverse=True)
    assert (profile.ratings.total, profile.ratings.count) == (5.0, 5)


def test_opposite_feelings_do_not_cancel() -> None:
    """The same content liked and hidden: both are known, neither sum is zero."""
    liked, hidden = (
        observation(0, kind=LIKE, vector=axis(0)),
        observation(1, kind=HIDE, vector=axis(0)),
    )

    profile = folded(liked, hidden).profile

    assert profile.session is not None
    assert profile.aversion is not None
    assert float(profile.session.vector @ axis(0)) == pytest.approx(0.8)
    assert float(profile.aversion.vector @ axis(0)) == pytest.approx(0.8)


def test_forgetting_leaves_a_tombstone_and_nothing_else() -> None:
    events = [observation(n, categories=("a",)) for n in range(5)]
    forget = observation(9, kind=FORGET, item_id=None, vector=None)
    start = replace(EMPTY, version=7)

    done = folded(*events, forget, start=start)

    assert done.forgot
    assert done.profile == Profile(
        "user",
        version=7,
        marks=(("topic/0", 9),),
        event_ids=(hash64("event-9"),),
        forgotten_at=NOW + 9,
        forgetting=done.profile.forgetting,
    )
    assert done.profile.forgetting is not None
    assert done.profile.forgetting.asked_by == ("event-9",)
    assert done.profile.forgetting.removed["recent"] == 5


def test_a_forgotten_user_gets_no_list_for_what_came_before() -> None:
    """A click and a forgetting in one chunk once asked for a list for the tombstone."""
    forget = observation(9, kind=FORGET, item_id=None, vector=None)
    later = observation(10)

    assert folded(observation(1), forget).causes == ()
    assert folded(observation(1), forget, later).causes == ("event-10",)


def test_after_forgetting_older_events_are_skipped_and_newer_start_afresh() -> None:
    forget = observation(5, kind=FORGET, item_id=None, vector=None)
    tombstone = folded(observation(0), forget).profile
    older = observation(6, at=NOW + 5)
    newer = observation(7)

    skipped = folded(older, start=tombstone)
    fresh = folded(older, newer, start=tombstone)

    assert skipped.outcomes == (Outcome.FORGOTTEN,)
    assert skipped.profile == replace(tombstone, marks=(("topic/0", 6),))
    assert skipped.changed
    assert not skipped.publishes
    assert fresh.outcomes == (Outcome.FORGOTTEN, Outcome.APPLIED)
    assert [r.item_id for r in fresh.profile.recent] == ["item-7"]
    assert fresh.profile.forgotten_at == NOW + 5
    assert fresh.profile.mark("topic/0") == 7


def test_decades_between_events() -> None:
    century = 100 * 365 * DAY_S
    old = observation(0, at=1.0, vector=axis(0), categories=("a",))
    new = observation(1, at=century, vector=axis(1), categories=("b",))
    late = observation(2, at=2.0, vector=axis(2), categories=("c",))

    profile = folded(old, new, late).profile

    assert profile.as_of == century
    assert profile.session is not None
    pointing = direction(profile.session.vector)
    assert pointing is not None
    assert np.allclose(pointing, axis(1))
    assert set(profile.categories.weights) == {"b"}
    for interest in profile.interests:
        assert np.isfinite(interest.mass.vector).all()


def test_fading_is_by_event_time_alone() -> None:
    """Two sessions' worth of silence: the session has faded, the interest hardly."""
    silence_s = 2 * TUNING.session_half_life_s
    first = observation(0, kind=LIKE, vector=axis(0))
    second = observation(1, kind=LIKE, vector=axis(1), at=NOW + silence_s)

    profile = folded(first, second).profile

    assert profile.session is not None
    assert float(profile.session.vector[0]) == pytest.approx(0.2)
    assert profile.interests[0].mass.weight == pytest.approx(0.8)


def test_the_text_of_a_review_that_nobody_can_judge_moves_nothing() -> None:
    """No rating, and no sentiment: nobody knows whether it praises or damns."""
    review = observation(kind=RATING, rating=None, vector=axis(0), text_vector=axis(1))

    profile = folded(review).profile
    assert (profile.session, profile.interests, profile.aversion) == (None, (), None)
    assert len(profile.recent) == 1


def test_a_kind_text_without_a_rating_moves_item_and_text() -> None:
    review = observation(
        kind=RATING, rating=None, sentiment=0.5, vector=axis(0), text_vector=axis(1)
    )

    profile = folded(review).profile

    assert profile.session is not None
    assert np.allclose(profile.session.vector, 0.3 * axis(0) + TUNING.review_text_weight * axis(1))
    assert profile.recent[0].strength == pytest.approx(0.3)


def test_an_angry_text_without_a_rating_is_an_aversion_to_the_item_alone() -> None:
    review = observation(
        kind=RATING, rating=None, sentiment=-0.5, vector=axis(0), text_vector=axis(1)
    )

    profile = folded(review).profile

    assert (profile.session, profile.interests) == (None, ())
    assert profile.aversion is not None
    assert np.allclose(profile.aversion.vector, 0.3 * axis(0))


def test_a_review_without_a_rating_leaves_the_mean_of_ratings_alone() -> None:
    rated = observation(0, kind=RATING, rating=5.0, sentiment=-1.0)
    unrated = [observation(n, kind=RATING, rating=None, sentiment=1.0) for n in range(1, 5)]

    assert folded(rated, *unrated).profile.ratings == folded(rated).profile.ratings
    assert folded(rated).profile.ratings.count == 1


def test_what_joined_an_interest_that_merged_names_its_heir() -> None:
    """Else a quarter of what is remembered names an interest that nobody finds any more."""
    tuning = replace(TUNING, interest_merge_cosine=0.5, interest_young_cosine=0.0)
    ends = [unit(axis(0) + axis(1)), unit(axis(0) - axis(1))]
    middle = [observation(n, kind=LIKE, vector=axis(0)) for n in range(2, 30)]
    events = [observation(n, kind=LIKE, vector=end) for n, end in enumerate(ends)] + middle

    profile = fold(EMPTY, events, tuning).profile

    [interest] = profile.interests
    assert {recent.interest for recent in profile.recent} == {interest.id}
