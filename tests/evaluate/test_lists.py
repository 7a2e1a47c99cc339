"""Diversity, novelty and calibration of lists."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.catalogue import Entry
from stream.evaluate import lists
from stream.evaluate.orders import NOTHING
from tests.core.samples import law, random_unit

VECTORS = np.stack([random_unit(seed) for seed in range(6)] + [np.zeros(8, np.float32)])
PADDED = lists.padded(VECTORS)  # the seventh item has no vector
offered = st.lists(st.integers(0, 6), min_size=4, max_size=4, unique=True)


def of(*rows: int) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    return np.array([rows], np.int32)


@law
@given(offered)
def test_diversity_is_one_less_the_mean_cosine_of_all_pairs(rows: list[int]) -> None:
    known = [row for row in rows if row != 6]
    cosines = [float(VECTORS[a] @ VECTORS[b]) for a in known for b in known if a != b]

    found = lists.diversity(of(*rows), PADDED)

    assert found.tolist() == pytest.approx([1 - np.mean(cosines)], abs=1e-5)


def test_diversity_of_one_item_or_of_items_without_vectors_is_not_known() -> None:
    assert np.isnan(lists.diversity(of(1, 6, NOTHING), PADDED)).all()
    assert lists.diversity(of(1, 1), PADDED).tolist() == pytest.approx([0.0], abs=1e-6)


def test_novelty_is_the_mean_of_bits_and_rare_items_have_more() -> None:
    uses = np.array([7, 0, 0, 0, 0])  # 12 with one more of each: 8, 1, 1, 1, 1

    assert lists.novelty(of(1, NOTHING), uses).tolist() == pytest.approx([np.log2(12)])
    assert lists.novelty(of(0, 1), uses).tolist() == pytest.approx([np.log2(12) - 1.5])
    assert np.isnan(lists.novelty(of(NOTHING, NOTHING), uses)).all()


def entry(name: str, *categories: str) -> Entry:
    return Entry(name, name, None, categories)


CATEGORIES = lists.padded(
    lists.category_table([entry("a", "x"), entry("b", "y"), entry("c", "x", "y"), entry("d")])
)


def test_categories_weigh_one_an_item_together() -> None:
    assert CATEGORIES.tolist() == [[1, 0], [0, 1], [0.5, 0.5], [0, 0], [0, 0]]


def test_a_list_like_the_user_s_own_categories_is_calibrated() -> None:
    own = np.array([[6.0, 2.0]], np.float32)

    assert lists.divergence(of(0, 0, 0, 1), CATEGORIES, own).tolist() == pytest.approx([0.0])
    assert lists.divergence(of(0, 2), CATEGORIES, own).tolist() == pytest.approx([0.0])


@law
@given(st.lists(st.integers(0, 2), min_size=2, max_size=5), st.floats(0.01, 0.99))
def test_divergence_is_never_negative_and_always_finite(rows: list[int], share: float) -> None:
    own = np.array([[share, 1 - share]], np.float32)

    (found,) = lists.divergence(of(*rows), CATEGORIES, own)

    assert -1e-6 <= found < log(1 / lists.SMOOTHING) + 1e-6


def test_divergence_is_not_known_without_categories_on_either_side() -> None:
    one, none = np.array([[1.0, 0.0]], np.float32), np.zeros((1, 2), np.float32)

    assert np.isnan(lists.divergence(of(3, NOTHING), CATEGORIES, one)).all()
    assert np.isnan(lists.divergence(of(0, 1), CATEGORIES, none)).all()
    bare = np.zeros((5, 0), np.float32)
    assert np.isnan(lists.divergence(of(0, 1), bare, np.zeros((1, 0), np.float32))).all()
