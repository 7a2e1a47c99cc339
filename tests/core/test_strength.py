"""What an event is worth, by type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.strength import RatingMean, rating_share, strength
from stream.core.tuning import EventKind
from tests.core.samples import CLICK, HIDE, IMPRESSION, LIKE, RATING, TUNING, VIEW, law

BLANK = RatingMean()


def worth(
    kind: EventKind,
    *,
    dwell_s: float | None = None,
    rating: float | None = None,
    rating_max: float | None = None,
    ratings: RatingMean = BLANK,
) -> float:
    share = None if rating is None else rating_share(rating, rating_max)
    return strength(kind, dwell_s=dwell_s, rated_share=share, ratings=ratings, tuning=TUNING)


finite = st.floats(allow_nan=False, allow_infinity=False)
kinds = st.builds(
    EventKind,
    st.floats(-1, 1),
    half_dwell_s=st.none() | st.floats(0.001, 1e6),
    rated=st.booleans(),
)
means = st.lists(st.floats(0, 1), max_size=5).map(lambda rows: RatingMean(sum(rows), len(rows)))


@law
@given(kinds, st.none() | finite, st.none() | finite, st.none() | st.floats(0, 1e6), means)
def test_a_strength_is_within_one(
    kind: EventKind,
    dwell_s: float | None,
    rating: float | None,
    rating_max: float | None,
    ratings: RatingMean,
) -> None:
    found = worth(kind, dwell_s=dwell_s, rating=rating, rating_max=rating_max, ratings=ratings)

    assert -1 <= found <= 1


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


def test_a_rated_type_without_a_rating_says_nothing() -> None:
    assert worth(RATING) == 0.0
    assert worth(RATING, dwell_s=100.0) == 0.0
