"""Tallies: decayed weights by name obey the laws of masses."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.decay import Tally
from tests.core.samples import DAY_S, NOW, law, moments, shares

HALF_LIFE_S = 30 * DAY_S
Seen = tuple[tuple[str, ...], float, float]  # names, weight, at
names = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=3, unique=True).map(tuple)
histories = st.lists(st.tuples(names, shares, moments), min_size=1, max_size=12)


def added(history: list[Seen], *, most: int = 64) -> Tally:
    tally = Tally()
    for given_names, weight, at in history:
        tally = tally.add(given_names, weight, at, half_life_s=HALF_LIFE_S, most=most)
    return tally


def closed_form(history: list[Seen]) -> dict[str, float]:
    now = max(at for _, _, at in history)
    weights: dict[str, float] = defaultdict(float)
    for given_names, weight, at in history:
        for name in given_names:
            weights[name] += weight / len(given_names) * 2 ** (-(now - at) / HALF_LIFE_S)
    return weights


def assert_same_weights(found: Tally, expected: dict[str, float]) -> None:
    for name in found.weights.keys() | expected.keys():
        # what is lighter than a billionth may be gone
        assert found.weights.get(name, 0.0) == pytest.approx(
            expected.get(name, 0.0), rel=1e-9, abs=1e-7
        )


@law
@given(histories)
def test_one_by_one_is_the_closed_form(history: list[Seen]) -> None:
    tally = added(history)

    assert tally.at == max(at for _, _, at in history)
    assert_same_weights(tally, closed_form(history))


@law
@given(histories, st.randoms(use_true_random=False))
def test_arrival_order_does_not_matter(history: list[Seen], order: random.Random) -> None:
    shuffled = order.sample(history, len(history))

    assert_same_weights(added(shuffled), dict(added(history).weights))


@law
@given(histories, st.floats(0.01, 100))
def test_shares_sum_to_one(history: list[Seen], prior: float) -> None:
    found = added(history).shares(prior=prior)

    assert not found or sum(found.values()) == pytest.approx(1)
    assert all(0 < share <= 1 for share in found.values())


@law
@given(histories, st.integers(1, 4))
def test_the_number_of_names_is_bounded(history: list[Seen], most: int) -> None:
    assert len(added(history, most=most).weights) <= most


def test_the_lightest_name_goes() -> None:
    tally = added([(("a",), 0.9, NOW), (("b",), 0.1, NOW), (("c",), 0.5, NOW)], most=2)

    assert set(tally.weights) == {"a", "c"}


def test_nothing_weighed_is_no_share() -> None:
    """A name that came in with nothing left of its weight would still get its part of the prior,
    and only until the next event."""
    loud, silent = (("a",), 1.0, NOW), (("b",), 1.0, NOW - 100 * 365 * DAY_S)

    assert set(added([loud, silent]).weights) == set(added([silent, loud]).weights) == {"a"}


def test_the_prior_draws_shares_together_and_silence_lets_it() -> None:
    tally = Tally({"a": 3.0, "b": 1.0}, NOW)

    assert tally.shares(prior=1.0) == pytest.approx({"a": 0.7, "b": 0.3})
    assert tally.shares(prior=1000.0) == pytest.approx({"a": 0.5, "b": 0.5}, abs=0.01)
    assert Tally().shares(prior=1.0) == {}


def test_no_names_change_nothing() -> None:
    tally = Tally({"a": 1.0}, NOW)

    assert tally.add((), 1.0, NOW + DAY_S, half_life_s=HALF_LIFE_S, most=4) is tally
