"""Figures of merit: laws that hold for all lists, and worked examples."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from stream.evaluate import metrics
from stream.evaluate.orders import NOTHING, NOWHERE, best, places, places_in
from tests.core.samples import law

SIZE = 5
ITEMS = 12

scores = arrays.arrays(
    np.float32, (4, ITEMS), elements=st.sampled_from([-np.inf, 0.0, 0.25, 0.5, 1.0])
)
at = arrays.arrays(np.int64, 20, elements=st.one_of(st.integers(1, 30), st.just(NOWHERE)))
exposed = arrays.arrays(np.int64, ITEMS, elements=st.integers(0, 50))


@law
@given(scores, st.integers(0, ITEMS - 1))
def test_an_item_s_place_is_where_it_stands_in_the_list(
    table: NDArray[np.float32], row: int
) -> None:
    rows = np.full(len(table), row, np.intp)
    lists = best(table, SIZE)

    whole = places(table, rows)

    inside = whole <= SIZE
    assert np.array_equal(places_in(lists, rows)[inside], whole[inside])
    assert (places_in(lists, rows)[~inside] == NOWHERE).all()


@law
@given(scores)
def test_lists_are_the_best_items_and_nothing_that_is_filtered(table: NDArray[np.float32]) -> None:
    for line, own in zip(best(table, SIZE), table, strict=True):
        offered = line[line != NOTHING]
        left = np.setdiff1d(np.flatnonzero(np.isfinite(own)), offered)

        assert len(offered) == min(SIZE, np.isfinite(own).sum())
        assert len(set(offered.tolist())) == len(offered)
        assert (np.diff(own[offered]) <= 0).all()
        assert not len(left) or own[left].max() <= own[offered].min()


@law
@given(at)
def test_hit_gain_and_reciprocal_agree_and_fall_with_the_place(places: NDArray[np.int64]) -> None:
    hits, gains = metrics.hits(places, SIZE), metrics.gains(places, SIZE)
    reciprocals = metrics.reciprocals(places, SIZE)

    assert (reciprocals <= gains).all()
    assert (gains <= hits).all()
    assert ((gains > 0) == (hits > 0)).all()
    order = np.argsort(places)
    assert (np.diff(gains[order]) <= 0).all()


def test_gains_of_single_places() -> None:
    found = metrics.gains(np.array([1, 2, 3, 10, 11, NOWHERE]), 10)

    assert found.tolist() == pytest.approx([1, 1 / log2(3), 0.5, 1 / log2(11), 0, 0])


@law
@given(exposed, st.integers(2, 9))
def test_gini_knows_no_scale_and_no_order(exposed: NDArray[np.int64], by: int) -> None:
    found = metrics.gini(exposed)

    assert 0 <= found < 1
    assert metrics.gini(by * exposed) == pytest.approx(found)
    assert metrics.gini(exposed[::-1]) == pytest.approx(found)


def test_gini_of_the_extremes() -> None:
    assert metrics.gini(np.full(10, 3)) == 0
    assert metrics.gini(np.array([0] * 9 + [7])) == pytest.approx(0.9)
    assert metrics.gini(np.zeros(4, np.int64)) == 0


def test_coverage_counts_items_once_and_no_empty_places() -> None:
    lists = np.array([[0, 1, NOTHING], [1, 1, 3]], np.int32)

    shown = metrics.exposure(lists, 5)

    assert shown.tolist() == [1, 3, 0, 1, 0]
    assert metrics.coverage(shown) == 0.6


def test_precision_and_recall_of_a_list_against_what_comes() -> None:
    lists = np.array([[0, 1, 2, 3], [4, 5, NOTHING, NOTHING], [0, 1, 2, 3]], np.int32)
    ahead = np.array([[1, 3, 9], [NOTHING] * 3, [7, NOTHING, NOTHING]], np.int32)

    assert metrics.precision(lists, ahead).tolist() == pytest.approx([0.5, np.nan, 0], nan_ok=True)
    assert metrics.recall(lists, ahead).tolist() == pytest.approx([2 / 3, np.nan, 0], nan_ok=True)
    assert metrics.harmonic(0.5, 1.0) == pytest.approx(2 / 3)
    assert metrics.harmonic(0.0, 0.0) == 0.0


def test_only_what_popularity_misses_is_a_surprise() -> None:
    ours, popular = np.array([1, 1, 9, NOWHERE]), np.array([1, 7, 9, 1])

    assert metrics.surprises(ours, popular, SIZE).tolist() == [0, 1, 0, 0]


def test_rating_errors_and_what_was_said_to_be_liked() -> None:
    given_, guessed = np.array([1.0, 0.8, 0.4, np.nan]), np.array([0.8, 0.6, 0.8, 0.5])

    found = metrics.rating_errors(given_, guessed, 0.7)

    assert found == pytest.approx(
        {
            "mae": 0.8 / 3,
            "rmse": (0.24 / 3) ** 0.5,
            "precision": 0.5,
            "recall": 0.5,
            "f1": 0.5,
        }
    )
    assert metrics.rating_errors(given_[3:], guessed[3:], 0.7) is None


def test_means_leave_out_what_is_not_known() -> None:
    assert metrics.mean(np.array([1.0, np.nan, 3.0])) == 2.0
    assert metrics.mean(np.array([np.nan])) is None


def test_curves_are_means_of_consecutive_parts() -> None:
    assert metrics.rolling(np.arange(6.0), 3) == [0.5, 2.5, 4.5]
    assert metrics.rolling(np.array([4.0]), 3) == [4.0]
