"""The catalogue: a snapshot as arrays, and heat that cools."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core import catalogue as module
from stream.core.catalogue import Catalogue, Heat, hotter
from stream.core.hashes import hash32
from tests.core.samples import DAY_S, DIMENSION, NOW, axis, entry, law, moments, shares

HALF_LIFE_S = 3 * DAY_S
EMPTY = Catalogue(DIMENSION)
names = st.lists(st.integers(0, 200).map(str), max_size=30, unique=True)
histories = st.lists(st.tuples(shares, moments), min_size=1, max_size=12)


def stocked(*item_ids: str) -> Catalogue:
    return EMPTY.with_entries(entry(i, axis(n % DIMENSION)) for n, i in enumerate(item_ids))


def heated(history: list[tuple[float, float]]) -> Heat:
    heat: Heat | None = None
    for weight, at in history:
        heat = hotter(heat, weight, at, half_life_s=HALF_LIFE_S)
    assert heat is not None
    return heat


@law
@given(names, names)
def test_hashes_find_the_items_that_are_known(known: list[str], asked: list[str]) -> None:
    catalogue = stocked(*known)
    rows = catalogue.rows_of_hashes([hash32(item_id) for item_id in asked])

    found = [catalogue.entries[row].item_id for row in rows]
    assert found == [item_id for item_id in asked if item_id in known]


def test_equal_hashes_find_every_item_that_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two items of one hash are both seen when one was: rare and harmless, unlike the reverse."""
    monkeypatch.setattr(module, "hash32", lambda text: len(text))
    catalogue = stocked("a", "bb", "c", "ddd", "ee", "f")

    assert catalogue.rows_of_hashes([1, 9, 2]).tolist() == [0, 2, 5, 1, 4]
    assert catalogue.rows_of_hashes([3]).tolist() == [3]
    assert catalogue.rows_of_hashes([0, 4]).tolist() == []


def test_hashes_of_nothing() -> None:
    assert EMPTY.rows_of_hashes([1, 2]).tolist() == []
    assert stocked("a").rows_of_hashes([]).tolist() == []
    assert stocked("a").rows_of_hashes([2**32 - 1, 0]).tolist() == []


def test_entries_are_added_and_replaced_in_place() -> None:
    before = stocked("a", "b")
    after = before.with_entries([entry("b", None, lang="de"), entry("c", axis(3))])

    assert [e.item_id for e in after.entries] == ["a", "b", "c"]
    assert after.rows == {"a": 0, "b": 1, "c": 2}
    assert after.languages.tolist() == [None, "de", None]
    assert np.array_equal(after.vectors, np.stack([axis(0), 0 * axis(0), axis(3)]))
    assert [e.lang for e in before.entries] == [None, None]
    assert len(before) == 2


def test_arrays_say_what_the_entries_say() -> None:
    catalogue = EMPTY.with_entries(
        [
            entry("open", axis(0)),
            entry("gone", axis(1), deleted=True),
            entry("out", axis(2), available=False),
            entry("timed", axis(3), published_at=5.0, expires_at=9.0),
        ]
    )

    assert catalogue.on_offer.tolist() == [True, False, False, True]
    assert catalogue.published_at.tolist() == [-np.inf, -np.inf, -np.inf, 5.0]
    assert catalogue.expires_at.tolist() == [np.inf, np.inf, np.inf, 9.0]
    assert catalogue.vectors.dtype == np.float32


def test_what_is_deleted_stays_known() -> None:
    catalogue = stocked("a").with_entries([entry("a", None, deleted=True)])
    known = catalogue.get("a")

    assert known is not None
    assert known.title == "title of a"
    assert catalogue.rows_of_hashes([hash32("a")]).tolist() == [0]
    assert catalogue.get("b") is None


def test_a_label_is_the_first_category_or_the_title() -> None:
    assert entry("a", None, categories=("x", "y")).label == "x"
    assert entry("a", None).label == "title of a"


def test_an_empty_catalogue_has_empty_arrays() -> None:
    assert EMPTY.vectors.shape == (0, DIMENSION)
    assert EMPTY.heat_at(NOW, half_life_s=HALF_LIFE_S).shape == (0,)
    assert EMPTY.on_offer.shape == EMPTY.languages.shape == (0,)


def test_new_heat_replaces_old_and_leaves_the_rest_alone() -> None:
    before = stocked("a", "b").with_heat({"a": Heat(1.0, NOW), "b": Heat(2.0, NOW)})
    vectors, rows = before.vectors, before.rows
    assert before.heat_at(NOW, half_life_s=HALF_LIFE_S).tolist() == [1.0, 2.0]

    after = before.with_heat({"a": Heat(5.0, NOW), "unknown": Heat(9.0, NOW)})

    assert after.heat_at(NOW, half_life_s=HALF_LIFE_S).tolist() == [5.0, 2.0]
    assert before.heat_at(NOW, half_life_s=HALF_LIFE_S).tolist() == [1.0, 2.0]
    assert after.vectors is vectors  # not built again: heat changes every few seconds
    assert after.rows is rows


def test_heat_waits_for_its_item() -> None:
    """Signals of an item may come before the item itself."""
    catalogue = EMPTY.with_heat({"a": Heat(4.0, NOW)}).with_entries([entry("a", None)])

    assert catalogue.heat_at(NOW, half_life_s=HALF_LIFE_S).tolist() == [4.0]


def test_heat_cools() -> None:
    catalogue = stocked("a", "cold").with_heat({"a": Heat(4.0, NOW)})

    def counts(now: float) -> list[float]:
        found: list[float] = catalogue.heat_at(now, half_life_s=HALF_LIFE_S).tolist()
        return found

    assert counts(NOW + HALF_LIFE_S) == pytest.approx([2.0, 0.0])
    assert counts(NOW - DAY_S) == [4.0, 0.0]  # heat from after then counts as it is
    assert counts(NOW + 100 * 365 * DAY_S) == [0.0, 0.0]


@law
@given(histories, st.randoms(use_true_random=False))
def test_heat_does_not_care_about_arrival_order(
    history: list[tuple[float, float]], order: random.Random
) -> None:
    now = max(at for _, at in history)
    expected = sum(weight * 2 ** (-(now - at) / HALF_LIFE_S) for weight, at in history)

    for told in (history, order.sample(history, len(history))):
        found = heated(told)
        assert found.at == now
        assert found.count == pytest.approx(expected, rel=1e-9, abs=1e-12)
