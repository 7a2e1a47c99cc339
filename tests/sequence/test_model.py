"""What a sequence model gives: bounded, by history and item alone, nothing where it knows none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.catalogue import Catalogue, Entry
from stream.core.sequence import Expects
from stream.sequence.model import SequenceModel, _Known
from tests.core.samples import law
from tests.sequence.parts import LEARNED, LENGTH, MIDPOINT, SPREAD, model, opened, vectors

NAMES = [*LEARNED, *(f"new-{n}" for n in range(5))]  # the last ones it has not learned

histories = st.lists(st.lists(st.sampled_from(NAMES), unique=True), min_size=1, max_size=5)
catalogues = st.permutations(NAMES).map(lambda names: catalogue(*names))
atol = 1e-6


def catalogue(*names: str) -> Catalogue:
    return Catalogue(1, tuple(Entry(name, name, None) for name in names))


def by_hand(history: list[str], item_id: str) -> float:
    """The fixture's own formula."""
    rows = [LEARNED.index(one) for one in history if one in LEARNED][-LENGTH:]
    if not rows or item_id not in LEARNED:
        return 0.0
    weights = 2.0 ** np.arange(1 - len(rows), 1)
    product = float(weights @ vectors()[rows] @ vectors()[LEARNED.index(item_id)])
    return float(1 / (1 + np.exp(-(product - MIDPOINT) / SPREAD)))


def test_it_is_what_the_core_asks_for() -> None:
    found: Expects = model()

    assert found.version == model().manifest.hash


@law
@given(histories, catalogues)
def test_an_item_gets_between_nothing_and_one(asked: list[list[str]], known: Catalogue) -> None:
    found = model().expected(asked, known)

    assert found.shape == (len(asked), len(known))
    assert found.dtype == np.float32
    assert (found >= 0).all()
    assert (found < 1).all()


@law
@given(histories, catalogues)
def test_it_is_the_logistic_function_of_the_product(
    asked: list[list[str]], known: Catalogue
) -> None:
    found = model().expected(asked, known)

    wanted = [[by_hand(history, e.item_id) for e in known.entries] for history in asked]
    assert np.allclose(found, wanted, rtol=0, atol=atol)


@law
@given(histories, catalogues)
def test_a_history_gets_the_same_whoever_is_asked_with_it(
    asked: list[list[str]], known: Catalogue
) -> None:
    together = model().expected(asked, known)

    for row, history in enumerate(asked):
        assert np.allclose(model().expected([history], known)[0], together[row], rtol=0, atol=atol)


@law
@given(histories, catalogues, st.sets(st.sampled_from(NAMES), min_size=1))
def test_an_item_gets_the_same_in_an_excerpt_of_the_catalogue(
    asked: list[list[str]], known: Catalogue, kept: set[str]
) -> None:
    rows = np.array([known.rows[name] for name in sorted(kept)], np.intp)
    whole = model().expected(asked, known)

    excerpt = model().expected(asked, catalogue(*sorted(kept)))

    assert np.allclose(excerpt, whole[:, rows], rtol=0, atol=atol)
    assert np.allclose(model().expected(asked, known, rows), whole[:, rows], rtol=0, atol=atol)


@law
@given(histories, catalogues)
def test_items_that_it_has_not_learned_get_nothing_and_say_nothing(
    asked: list[list[str]], known: Catalogue
) -> None:
    new = [known.rows[name] for name in NAMES if name not in LEARNED]
    learned = [[one for one in history if one in LEARNED] for history in asked]

    found = model().expected(asked, known)

    assert not found[:, new].any()
    assert np.array_equal(found, model().expected(learned, known))


def test_nothing_follows_from_nothing() -> None:
    assert not model().expected([[], ["new-1"]], catalogue(*NAMES)).any()


def test_only_the_newest_items_are_read() -> None:
    known = catalogue(*NAMES)

    assert np.array_equal(
        model().expected([LEARNED], known), model().expected([LEARNED[-LENGTH:]], known)
    )


def test_the_order_of_the_history_counts() -> None:
    known = catalogue(*NAMES)

    there, back = model().expected([LEARNED[:3], LEARNED[2::-1]], known)

    assert np.abs(there - back).max() > 0.01


@law
@given(histories, catalogues)
def test_the_same_is_asked_the_same_is_said(asked: list[list[str]], known: Catalogue) -> None:
    assert np.array_equal(model().expected(asked, known), opened().expected(asked, known))


def test_items_that_are_added_are_known_at_once() -> None:
    fresh = opened()
    before = catalogue(*NAMES[:4])
    first = fresh.expected([LEARNED[5:7]], before)

    after = fresh.expected(
        [LEARNED[5:7]], before.with_entries([Entry(NAMES[4], "", None), Entry("new-9", "", None)])
    )

    assert np.allclose(after[:, :4], first, rtol=0, atol=atol)
    assert after[0, 4] > 0
    assert after[0, 5] == 0


def test_a_snapshot_with_the_same_items_is_not_numbered_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fresh = opened()
    numbered: list[int] = []
    number = SequenceModel._number

    def counting(self: SequenceModel, entries: tuple[Entry, ...]) -> _Known:
        numbered.append(len(entries))
        return number(self, entries)

    monkeypatch.setattr(SequenceModel, "_number", counting)
    first = catalogue(*NAMES)

    for known in (first, first.with_rows({}), first, catalogue(*NAMES[:3])):
        fresh.expected([LEARNED], known)

    assert numbered == [len(NAMES), 3]


def test_what_differs_has_another_version() -> None:
    changed: list[dict[str, Any]] = [{}, {"midpoint": 0.1}, {"spread": 1.0}]

    assert len({opened(**each).version for each in changed}) == len(changed)
