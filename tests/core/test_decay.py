"""Masses: decayed sums that do not care when they were told."""

from __future__ import annotations

import random
from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.decay import (
    Mass,
    Vector,
    absorb,
    confidence,
    direction,
    factor,
    fuse,
    weight_at,
)
from tests.core.samples import DAY_S, NOW, axis, law, moments, shares, vectors

HALF_LIFE_S = 14 * DAY_S
Seen = tuple[Vector, float, float]  # vector, weight, at
histories = st.lists(st.tuples(vectors, shares, moments), min_size=1, max_size=12)
orders = st.randoms(use_true_random=False)


def absorb_all(history: list[Seen], start: Mass | None = None) -> Mass:
    mass = start
    for vector, weight, at in history:
        mass = absorb(mass, vector, weight, at, half_life_s=HALF_LIFE_S)
    assert mass is not None
    return mass


def fused(left: Mass, right: Mass) -> Mass:
    return fuse(left, right, half_life_s=HALF_LIFE_S)


def closed_form(history: list[Seen]) -> Mass:
    """The definition: every observation decayed once, summed in double precision."""
    now = max(at for _, _, at in history)
    left = [weight * 2 ** (-(now - at) / HALF_LIFE_S) for _, weight, at in history]
    total = sum(w * v.astype(np.float64) for w, (v, _, _) in zip(left, history, strict=True))
    return Mass(sum(left), np.asarray(total, np.float32), now)


def assert_same_mass(found: Mass, expected: Mass) -> None:
    assert found.at == expected.at
    assert found.weight == pytest.approx(expected.weight, rel=1e-9, abs=1e-12)
    assert np.abs(found.vector - expected.vector).max() <= 1e-6 * (1 + expected.weight)


@law
@given(histories, orders)
def test_arrival_order_does_not_matter(history: list[Seen], order: random.Random) -> None:
    """The same observations in any order leave the same mass."""
    shuffled = order.sample(history, len(history))

    assert_same_mass(absorb_all(shuffled), absorb_all(history))


@law
@given(histories)
def test_one_by_one_is_the_closed_form_over_the_full_history(history: list[Seen]) -> None:
    assert_same_mass(absorb_all(history), closed_form(history))


@law
@given(histories, histories)
def test_merging_is_adding(left: list[Seen], right: list[Seen]) -> None:
    """Masses of disjoint histories, fused, are the mass of both histories."""
    merged = fused(absorb_all(left), absorb_all(right))

    assert_same_mass(merged, absorb_all(left + right))


@law
@given(st.lists(histories, min_size=3, max_size=5), orders)
def test_shards_merge_in_any_order(shards: list[list[Seen]], order: random.Random) -> None:
    masses = [absorb_all(shard) for shard in shards]
    shuffled = order.sample(masses, len(masses))

    assert_same_mass(reduce(fused, shuffled), reduce(fused, masses))


@law
@given(histories, vectors, moments)
def test_a_weight_of_zero_moves_only_the_reference_time(
    history: list[Seen], vector: Vector, at: float
) -> None:
    before = absorb_all(history)
    after = absorb_all([(vector, 0.0, at)], before)
    now = max(before.at, at)

    left = factor(now - before.at, HALF_LIFE_S)
    assert_same_mass(after, Mass(left * before.weight, np.float32(left) * before.vector, now))


@law
@given(histories, st.floats(0, 100 * 365 * DAY_S))
def test_the_length_is_never_above_the_weight(history: list[Seen], silence_s: float) -> None:
    """Sums of unit vectors: what a mass is worth bounds what it points with."""
    last = max(at for _, _, at in history)
    mass = absorb_all([*history, (axis(0), 0.0, last + silence_s)])

    assert np.linalg.norm(mass.vector) <= mass.weight * (1 + 1e-5) + 1e-9


@law
@given(histories, st.floats(0, 1e6 * DAY_S), st.floats(0, 1e6 * DAY_S))
def test_confidence_falls_with_silence(history: list[Seen], one: float, other: float) -> None:
    mass = absorb_all(history)
    sooner, later = sorted([mass.at + one, mass.at + other])

    def trusted(now: float) -> float:
        return confidence(weight_at(mass, now, half_life_s=HALF_LIFE_S), 1.0)

    assert 0 <= trusted(later) <= trusted(sooner) <= trusted(mass.at) < 1


@pytest.mark.parametrize("half_life_s", [1.0, 1800.0, HALF_LIFE_S])
def test_decades_of_silence_neither_overflow_nor_make_nan(half_life_s: float) -> None:
    old = absorb(None, axis(0), 1.0, 0.0, half_life_s=half_life_s)
    century = 100 * 365 * DAY_S

    woken = absorb(old, axis(1), 0.5, century, half_life_s=half_life_s)
    late = absorb(woken, axis(2), 1.0, 1.0, half_life_s=half_life_s)

    assert weight_at(old, century, half_life_s=half_life_s) == 0.0
    for mass in (woken, late):
        assert mass.at == century
        assert mass.weight == pytest.approx(0.5)
        assert np.allclose(mass.vector, 0.5 * axis(1))


def test_half_is_left_after_a_half_life() -> None:
    mass = absorb(None, axis(0), 0.8, NOW, half_life_s=60)

    assert weight_at(mass, NOW + 60, half_life_s=60) == pytest.approx(0.4)
    assert weight_at(mass, NOW + 180, half_life_s=60) == pytest.approx(0.1)


def test_a_late_event_lands_where_it_belongs() -> None:
    mass = absorb(None, axis(0), 1.0, NOW, half_life_s=60)
    mass = absorb(mass, axis(1), 1.0, NOW - 60, half_life_s=60)

    assert mass.at == NOW
    assert mass.weight == pytest.approx(1.5)
    assert np.allclose(mass.vector, axis(0) + 0.5 * axis(1))


def test_a_mass_is_not_asked_about_times_before_it() -> None:
    """Its weight at an earlier time would be larger than anything that was ever observed."""
    mass = Mass(1.0, axis(0), NOW)

    assert weight_at(mass, NOW - DAY_S, half_life_s=60) == 1.0


def test_a_mass_lighter_than_a_millionth_is_absent() -> None:
    assert weight_at(Mass(1e-6, axis(0), NOW), NOW, half_life_s=60) == 1e-6
    assert weight_at(Mass(9e-7, axis(0), NOW), NOW, half_life_s=60) == 0.0
    assert weight_at(None, NOW, half_life_s=60) == 0.0


def test_vectors_of_two_shapes_are_refused() -> None:
    mass = Mass(1.0, axis(0, 4), NOW)

    with pytest.raises(ValueError, match=r"\(4,\) and \(8,\)"):
        absorb(mass, axis(0, 8), 1.0, NOW, half_life_s=60)


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan")])
def test_a_half_life_that_is_not_above_zero_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="half_life_s is"):
        factor(1.0, bad)


def test_what_points_nowhere_has_no_direction() -> None:
    for value in (0.0, np.inf, np.nan):
        assert direction(np.full(4, value, np.float32)) is None


@law
@given(vectors, st.floats(1e-6, 1e6))
def test_a_direction_is_unit_and_forgets_the_length(vector: Vector, length: float) -> None:
    found = direction(np.float32(length) * vector)

    assert found is not None
    assert found.dtype == np.float32
    assert np.allclose(found, vector, atol=1e-6)
