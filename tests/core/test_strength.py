"""What an event is worth, by type."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.strength import UNRATED_SHARE, RatingMean, rating_share, strength
from stream.core.tuning import EventKind, Tuning
from tests.core.samples import CLICK, HIDE, IMPRESSION, LIKE, RATING, TUNING, VIEW, law

BLANK = RatingMean()


def worth(
    kind: EventKind,
    *,
    dwell_s: float | None = None,
    rating: float | None = None,
    rating_max: float | None = None,
    sentiment: float | None = None,
    ratings: RatingMean = BLANK,
    tuning: Tuning = TUNING,
) -> float:
    return strength(
        kind,
        dwell_s=dwell_s,
        rated_share=None if rating is None else rating_share(rating, rating_max),
        sentiment=sentiment,
        ratings=ratings,
        tuning=tuning,
    )


def weighing(weight: float) -> Tuning:
    return replace(TUNING, review_sentiment_weight=weight)


finite = st.floats(allow_nan=False, allow_infinity=False)
kinds = st.builds(
    EventKind,
    st.floats(-1, 1),
    half_dwell_s=st.none() | st.floats(0.001, 1e6),
    rated=st.booleans(),
)
sides = st.floats(-1, 1)
stars = st.floats(0, 5)
tunings = st.floats(0, 1).map(weighing)
means = st.lists(st.floats(0, 1), max_size=5).map(lambda rows: RatingMean(sum(rows), len(rows)))


@law
@given(
    kinds,
    st.fixed_dictionaries(
        {
            "dwell_s": st.none() | finite,
            "rating": st.none() | finite,
            "rating_max": st.none() | st.floats(0, 1e6),
            "sentiment": st.none() | sides,
            "ratings": means,
            "tuning": tunings,
        }
    ),
)
def test_a_strength_is_within_one(kind: EventKind, given: dict[str, Any]) -> None:
    assert -1 <= worth(kind, **given) <= 1


@law
@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_longer_dwell_is_worth_no_less(one: float, other: float) -> None:
    shorter, longer = sorted([one, other])

    assert worth(CLICK, dwell_s=shorter) <= worth(CLICK, dwell_s=longer) <= CLICK.strength


@pytest.mark.parametrize(
    ("kind", "dwell_s", "expected"),
    [
        (VIEW, None, 0.1),
        (LIKE, None, 0.8),
        (HIDE, None, -0.8),
        (IMPRESSION, None, 0.0),
        (LIKE, 1000.0, 0.8),  # where dwell does not matter
        (CLICK, None, 0.3),  # not known: the half dwell
        (CLICK, 0.0, 0.0),
        (CLICK, -5.0, 0.0),
        (CLICK, 20.0, 0.3),
        (CLICK, 60.0, 0.45),
        (CLICK, 1e9, 0.6),
    ],
)
def test_worth_by_type_and_dwell(kind: EventKind, dwell_s: float | None, expected: float) -> None:
    assert worth(kind, dwell_s=dwell_s) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("rating", "rating_max", "expected"),
    [
        # the prior mean is 0.7 of the scale, a distance of 0.4 counts in full
        (3.5, 5.0, 0.0),
        (3.5, None, 0.0),  # five, where not given
        (5.0, 5.0, 0.75),
        (10.0, 10.0, 0.75),
        (5.0, 10.0, -0.5),
        (1.0, 5.0, -1.0),
        (0.0, 5.0, -1.0),
        (99.0, 5.0, 0.75),  # beyond the scale counts as its end
        (-1.0, 5.0, -1.0),
    ],
)
def test_a_first_rating_counts_against_the_prior(
    rating: float, rating_max: float | None, expected: float
) -> None:
    assert worth(RATING, rating=rating, rating_max=rating_max) == pytest.approx(expected)


def test_a_rating_counts_against_the_users_own_mean() -> None:
    """A mild rater's three of five is praise, an enthusiast's is blame."""
    grim = RatingMean(0.2 * 20, 20)
    glad = RatingMean(1.0 * 20, 20)

    assert grim.shrunk(prior_mean=0.7, prior_count=5) == pytest.approx(0.3)
    assert worth(RATING, rating=3, ratings=grim) == pytest.approx(0.75)
    assert worth(RATING, rating=3, ratings=glad) == pytest.approx(-0.85)


def test_the_mean_starts_at_the_prior_and_leaves_it() -> None:
    one = BLANK.add(1.0)

    assert BLANK.shrunk(prior_mean=0.7, prior_count=5) == pytest.approx(0.7)
    assert one.shrunk(prior_mean=0.7, prior_count=5) == pytest.approx(0.75)
    many = RatingMean(1000.0, 1000)
    assert many.shrunk(prior_mean=0.7, prior_count=5) == pytest.approx(1.0, abs=0.01)


def test_a_rated_type_without_a_rating_or_a_text_says_nothing() -> None:
    assert worth(RATING) == 0.0
    assert worth(RATING, dwell_s=100.0) == 0.0


@law
@given(stars, stars, st.none() | sides, means, tunings)
def test_a_better_rating_is_worth_no_less(
    one: float, other: float, sentiment: float | None, ratings: RatingMean, tuning: Tuning
) -> None:
    lower, higher = (
        worth(RATING, rating=rating, sentiment=sentiment, ratings=ratings, tuning=tuning)
        for rating in sorted([one, other])
    )

    assert lower <= higher + 1e-12


@law
@given(sides, sides, st.none() | stars, means, tunings)
def test_a_kinder_text_is_worth_no_less(
    one: float, other: float, rating: float | None, ratings: RatingMean, tuning: Tuning
) -> None:
    lower, higher = (
        worth(RATING, rating=rating, sentiment=side, ratings=ratings, tuning=tuning)
        for side in sorted([one, other])
    )

    assert lower <= higher + 1e-12


@law
@given(stars, sides, st.floats(0, 1))
def test_praise_and_blame_weigh_the_same(rating: float, sentiment: float, weight: float) -> None:
    """Mirrored at the middle of the scale, where the mean is put for this, worth turns its sign."""
    level = replace(weighing(weight), rating_prior_mean=0.5)
    kind = worth(RATING, rating=rating, sentiment=sentiment, tuning=level)
    angry = worth(RATING, rating=5 - rating, sentiment=-sentiment, tuning=level)

    assert kind == pytest.approx(-angry, abs=1e-9)


@law
@given(st.none() | stars, sides, means)
def test_without_weight_the_text_counts_for_nothing(
    rating: float | None, sentiment: float, ratings: RatingMean
) -> None:
    off = weighing(0.0)

    assert worth(RATING, rating=rating, sentiment=sentiment, ratings=ratings, tuning=off) == worth(
        RATING, rating=rating, ratings=ratings
    )


@law
@given(stars, sides, means, tunings)
def test_the_worth_is_between_what_its_parts_say(
    rating: float, sentiment: float, ratings: RatingMean, tuning: Tuning
) -> None:
    alone = worth(RATING, rating=rating, ratings=ratings)
    both = worth(RATING, rating=rating, sentiment=sentiment, ratings=ratings, tuning=tuning)

    assert min(alone, sentiment) - 1e-12 <= both <= max(alone, sentiment) + 1e-12


@law
@given(kinds.filter(lambda kind: not kind.rated), sides)
def test_the_text_of_other_types_does_not_count(kind: EventKind, sentiment: float) -> None:
    assert worth(kind, sentiment=sentiment) == worth(kind)


@pytest.mark.parametrize(
    ("rating", "sentiment", "expected"),
    [
        # a first rating of 5 is worth 0.75, of 1 is worth -1, of 3.5 nothing; the text weighs 0.3
        (5, 0.8, 0.765),  # good rating, kind text
        (5, -0.8, 0.285),  # good rating, angry text: still praise, but little
        (1, 0.8, -0.46),  # bad rating, kind text: still blame
        (1, -0.8, -0.94),  # bad rating, angry text
        (5, 0.0, 0.525),  # good rating, lukewarm text
        (3.5, 0.8, 0.24),  # the text decides where the rating says nothing
        (5, None, 0.75),  # no text, or nobody can say
        (None, 0.8, 0.48),  # no rating: the text alone, with less certainty
        (None, -0.8, -0.48),
        (None, 0.0, 0.0),
        (None, None, 0.0),
    ],
)
def test_worth_of_a_review(rating: float | None, sentiment: float | None, expected: float) -> None:
    assert worth(RATING, rating=rating, sentiment=sentiment) == pytest.approx(expected)
    assert UNRATED_SHARE == 0.6
