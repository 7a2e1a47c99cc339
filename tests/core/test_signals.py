"""What events say about items: sums in any order, rows of bounded size that newcomers can enter."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.fold import Increment, Pairing
from stream.core.hashes import hash32
from stream.core.signals import CROWDS, PLACES, Gathered, Row, gather, grown
from stream.core.tuning import Tuning
from tests.core.samples import DAY_S, NOW, law, moments, shares

TUNING = Tuning()
HALF_LIFE_S = TUNING.neighbour_half_life_s
names = st.sampled_from(["a", "b", "c", "d"])
segments = st.sampled_from([None, "s1", "s2", "s3"])
increments = st.builds(Increment, names, shares, moments, segments)
pairings = st.builds(
    lambda item, others, weight, at: Pairing(item, others, (weight,) * len(others), at),
    names,
    st.lists(st.sampled_from(["w", "x", "y", "z"]), unique=True).map(tuple),
    shares,
    moments,
)
histories = st.tuples(st.lists(increments, max_size=8), st.lists(pairings, max_size=8))


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def rows_of(ones: list[Increment], pairs: list[Pairing]) -> dict[str, Row]:
    gathered: dict[str, Gathered] = {}
    gather(gathered, ones, pairs, TUNING)
    return {item_id: sums.row(TUNING) for item_id, sums in gathered.items()}


def pairs_of(row: Row) -> dict[int, float]:
    return dict(zip(row.others.tolist(), row.weights.tolist(), strict=True))


def assert_same(left: Row, right: Row) -> None:
    assert (left.at, left.others.tolist()) == (right.at, right.others.tolist())
    assert left.count == pytest.approx(right.count, rel=1e-5, abs=1e-12)
    assert left.hotness == pytest.approx(right.hotness, rel=1e-5, abs=1e-12)
    np.testing.assert_allclose(left.weights, right.weights, rtol=1e-4, atol=1e-12)
    assert left.segments.tolist() == right.segments.tolist()
    np.testing.assert_allclose(left.crowds, right.crowds, rtol=1e-4, atol=1e-12)


# --- laws


@law
@given(histories, st.randoms())
def test_any_order_gives_the_same_sums(
    history: tuple[list[Increment], list[Pairing]], chance: random.Random
) -> None:
    ones, pairs = history
    rows = rows_of(ones, pairs)

    other = rows_of(chance.sample(ones, len(ones)), chance.sample(pairs, len(pairs)))

    assert rows.keys() == other.keys()
    for item_id, row in rows.items():
        assert_same(row, other[item_id])


@law
@given(histories, histories)
def test_what_two_workers_gathered_adds_up_to_what_one_would_have(
    here: tuple[list[Increment], list[Pairing]], there: tuple[list[Increment], list[Pairing]]
) -> None:
    whole = rows_of(here[0] + there[0], here[1] + there[1])
    left, right = rows_of(*here), rows_of(*there)

    for item_id, row in whole.items():
        parts = [rows[item_id] for rows in (left, right) if item_id in rows]
        merged = Gathered(parts[0].at)
        for part in parts:
            merged.merge(part.count, part.hotness, part.pairs(), part.at, TUNING, part.by_segment())
        assert_same(merged.row(TUNING), row)
        written: Row | None = None
        for part in parts:
            written = grown(written, part, TUNING, rng())
        assert written is not None
        assert_same(written, row)


@law
@given(histories)
def test_co_occurrence_is_symmetric(history: tuple[list[Increment], list[Pairing]]) -> None:
    rows = rows_of(*history)

    for item_id, row in rows.items():
        for other in rows:
            here = pairs_of(row).get(hash32(other), 0.0)
            back = pairs_of(rows[other]).get(hash32(item_id), 0.0)
            left = 2 ** ((row.at - rows[other].at) / HALF_LIFE_S)
            assert here * left == pytest.approx(back, rel=1e-4, abs=1e-12)


@law
@given(st.integers(0, 3 * PLACES), st.integers(0, 3 * PLACES), st.integers(0, 99))
def test_a_row_never_has_more_than_its_places(before: int, more: int, seed: int) -> None:
    old = _row({n: 1.0 + n for n in range(before)})
    new = _row({n: 1.0 + n for n in range(before // 2, before // 2 + more)})

    row = grown(grown(None, old, TUNING, rng()), new, TUNING, np.random.default_rng(seed))

    assert len(row.others) <= PLACES
    assert sorted(set(row.others.tolist())) == row.others.tolist()
    assert (row.weights > 0).all()


@law
@given(histories)
def test_a_segment_s_share_of_hotness_is_what_its_users_brought(
    history: tuple[list[Increment], list[Pairing]],
) -> None:
    """Alone, a segment's events would make the item as hot as they count for the segment here."""
    ones, _ = history

    for item_id, row in rows_of(*history).items():
        crowds = dict(row.by_segment())
        named = {one.segment for one in ones if one.item_id == item_id and one.segment}
        assert crowds.keys() == {hash32(segment) for segment in named}
        for segment in named:
            own = [one for one in ones if (one.item_id, one.segment) == (item_id, segment)]
            alone = rows_of(own, [])[item_id]
            left = 2 ** ((alone.at - row.at) / TUNING.hotness_half_life_s)
            expected = pytest.approx(alone.hotness * left, rel=1e-4, abs=1e-12)
            assert crowds[hash32(segment)] == expected


@law
@given(st.integers(0, 3 * CROWDS), st.integers(0, 3 * CROWDS), st.integers(0, 99))
def test_a_row_never_has_more_than_its_segments(before: int, more: int, seed: int) -> None:
    old = _crowded({n: 1.0 + n for n in range(before)})
    new = _crowded({n: 1.0 + n for n in range(before // 2, before // 2 + more)})

    row = grown(grown(None, old, TUNING, rng()), new, TUNING, np.random.default_rng(seed))

    assert len(row.segments) == len(row.crowds) <= CROWDS
    assert sorted(set(row.segments.tolist())) == row.segments.tolist()
    assert (row.crowds > 0).all()


def _crowded(crowds: dict[int, float], at: float = NOW) -> Row:
    hashes = np.array(sorted(crowds), np.uint32)
    weights = np.array([crowds[one] for one in sorted(crowds)], np.float32)
    return Row(1.0, sum(crowds.values()), at, segments=hashes, crowds=weights)


def _row(pairs: dict[int, float], at: float = NOW) -> Row:
    others = sorted(pairs)
    weights = np.array([pairs[other] for other in others], np.float32)
    return Row(1.0, 1.0, at, np.array(others, np.uint32), weights)


# --- examples


def test_everything_halves_by_its_own_half_life() -> None:
    old = Row(4.0, 4.0, NOW, np.array([7], np.uint32), np.array([2.0], np.float32))
    nothing = Row(0.0, 0.0, NOW + HALF_LIFE_S)

    row = grown(old, nothing, TUNING, rng())

    assert (row.count, row.at, pairs_of(row)) == (2.0, NOW + HALF_LIFE_S, {7: 1.0})
    assert row.hotness == pytest.approx(4 * 2 ** -(HALF_LIFE_S / TUNING.hotness_half_life_s))


def test_a_segment_s_hotness_halves_like_that_of_everybody() -> None:
    later = Row(0.0, 0.0, NOW + TUNING.hotness_half_life_s)

    row = grown(_crowded({7: 4.0, 9: 1.0}), later, TUNING, rng())

    assert (row.hotness, dict(row.by_segment())) == (2.5, {7: 2.0, 9: 0.5})


def test_a_segment_of_a_new_model_enters_a_row_that_is_full() -> None:
    """A refit may bring ids that no row knows; those of before it only fade."""
    row, chance = _crowded(dict.fromkeys(range(CROWDS), 50.0)), np.random.default_rng(0)

    for hour in range(48):
        row = grown(row, _crowded({99: 5.0}, NOW + 3600 * hour), TUNING, chance)

    assert 99 in row.segments.tolist()


def test_years_between_two_events_overflow_nothing() -> None:
    """Sums are kept in units of their first event: these would be too large for a double."""
    short = replace(TUNING, neighbour_half_life_s=60.0, hotness_half_life_s=30.0)
    gathered: dict[str, Gathered] = {}
    for day in range(400):
        at = NOW + day * DAY_S
        one = Increment("a", 1.0, at, "s")
        gather(gathered, [one], [Pairing("a", ("b",), (1.0,), at)], short)

    row = gathered["a"].row(short)

    assert (row.count, row.hotness) == (1.0, 1.0)
    assert row.at == NOW + 399 * DAY_S
    assert pairs_of(row) == {hash32("b"): 1.0}
    assert dict(row.by_segment()) == {hash32("s"): 1.0}


def test_a_newcomer_is_expected_to_weigh_what_it_brought() -> None:
    full = _row(dict.fromkeys(range(PLACES), 9.0))
    newcomer = _row({PLACES + 1: 1.0})
    chance = np.random.default_rng(0)

    weights = [
        pairs_of(grown(full, newcomer, TUNING, chance)).get(PLACES + 1, 0.0) for _ in range(3000)
    ]

    assert set(weights) == {0.0, 10.0}
    assert np.mean(weights) == pytest.approx(1.0, abs=0.15)


def test_a_planted_newcomer_enters_a_hot_row_within_a_day() -> None:
    """A hot item pairs with hundreds of others all day; one of twice their rate comes last."""
    chance = np.random.default_rng(0)
    row: Row | None = None
    for hour in range(14 * 24):
        row = _hour(row, chance, hour, newcomer=False)
    entered = next(
        hour
        for hour in range(14 * 24, 15 * 24)
        if (row := _hour(row, chance, hour, newcomer=True)) is not None
        and NEWCOMER in row.others.tolist()
    )

    later = row
    for hour in range(entered + 1, entered + 7 * 24):
        later = _hour(later, chance, hour, newcomer=True)
    assert later is not None
    assert NEWCOMER in later.others.tolist()


NEWCOMER = 10_000


def _hour(row: Row | None, chance: np.random.Generator, hour: int, *, newcomer: bool) -> Row:
    others = chance.integers(0, 2 * PLACES, 40).tolist() + [NEWCOMER] * (newcomer and hour % 2)
    sums = Gathered(NOW + hour * 3600)
    sums.pair([(other, 1.0) for other in others], NOW + hour * 3600, TUNING)
    return grown(row, sums, TUNING, chance)
