"""The benchmark of hot items: what it counts, on a store that only keeps."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from stream.settings import load
from stream.store.collections import Store
from tests.bench import hot
from tests.bench.hot import ONE, UNIFORM, ZIPF, Flushed, Run, worlds
from tests.support.fakes import FakeStore


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two events a second instead of two hundred."""
    monkeypatch.setattr(hot, "EVENTS_PER_S", 2)
    monkeypatch.setattr(hot, "CHUNK", 2)


def run(world: str) -> tuple[FakeStore, Run]:
    store = FakeStore()
    return store, Run(load(), cast(Store, store), worlds()[world])


def test_shares_sum_to_one_and_hot_items_come_first() -> None:
    found = worlds()

    assert all(shares.sum() == pytest.approx(1.0) for shares in found.values())
    assert found[ONE][0] == pytest.approx(0.5, abs=0.001)
    assert (np.diff(found[ZIPF]) < 0).all()


async def test_a_flush_is_told_by_what_the_store_took(few: None) -> None:
    store, own = run(UNIFORM)

    found = await own.flushed()

    assert found.rows == len(store.neighbours.rows) > 0
    assert (found.stored_s >= 0).all()
    assert (found.stored_s <= found.seconds).all()


async def test_every_flush_counts_its_own_rows(few: None) -> None:
    store, own = run(ONE)

    first, second = await own.flushed(), await own.flushed()

    assert first.rows + second.rows == len(store.neighbours.history)


async def test_ages_are_from_the_arrival_of_what_was_said(few: None) -> None:
    _, own = run(UNIFORM)

    found = await own.flushed()

    waits = np.round(found.ages_s - found.stored_s, 6)
    assert set(waits.tolist()) <= set(map(float, range(10)))  # a chunk a second, a flush every ten
    assert waits.max() > waits.min()


async def test_ages_are_those_of_the_other_items(
    few: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, own = run(ONE)
    others = await own.flushed()
    monkeypatch.setattr(hot, "HOT_IDS", frozenset())
    _, again = run(ONE)
    everybody = await again.flushed()

    assert everybody.rows == others.rows
    assert len(everybody.ages_s) > len(others.ages_s) > 0


def flushed(seconds: float, rows: int, ages_s: float) -> Flushed:
    return Flushed(seconds, rows, np.full(3, seconds), np.full(3, ages_s))


def test_the_first_flush_is_left_out_of_the_figures() -> None:
    found = hot.figures([flushed(99, 9, 99), flushed(1, 100, 5), flushed(3, 300, 5)])

    assert found == {
        "flush_s": 2,
        "rows": 200,
        "ms_a_row": 10.0,
        "stored_p99_s": 3.0,
        "age_p99_s": 5.0,
    }


def test_ratios_are_taken_round_by_round() -> None:
    """A round on a busy machine is slow in every world."""
    ratios = hot.ratios([{"flush_s": 2.0}, {"flush_s": 30.0}], [{"flush_s": 1.0}, {"flush_s": 10}])

    assert ratios == {"flush_s": 2.5}
