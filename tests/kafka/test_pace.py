"""How chunks are cut."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.kafka.pace import FIRST_RECORDS, GROWTH, Pace, cut
from tests.kafka.fakes import FakeRecord


@given(st.integers(0, 400), st.lists(st.floats(1e-6, 10.0), min_size=1, max_size=20))
def test_cutting_keeps_every_record_in_order(count: int, costs: list[float]) -> None:
    """The slices are the records, whatever the measurements in between say."""
    records = [FakeRecord(offset) for offset in range(count)]
    pace, slices = Pace(0.1), []
    for number, piece in enumerate(cut(records, pace)):
        assert len(piece) >= 1
        slices.append(piece)
        pace.measured(len(piece), costs[number % len(costs)])

    assert [record for piece in slices for record in piece] == records


@pytest.mark.parametrize("cost_s", [1e-5, 1e-3, 0.03])
def test_a_steady_cost_leads_to_the_budget(cost_s: float) -> None:
    """With records that all cost the same, a sub-chunk costs about the budget."""
    pace = Pace(0.1)
    for _ in range(30):
        pace.measured(pace.size(), pace.size() * cost_s)

    assert pace.size() * cost_s == pytest.approx(0.1, rel=0.4)


def test_a_record_dearer_than_the_budget_goes_alone_but_for_a_look_now_and_then() -> None:
    pace, sizes = Pace(0.1), []
    for _ in range(200):
        sizes.append(pace.size())
        pace.measured(sizes[-1], 5.0 * sizes[-1])

    assert max(sizes[50:]) <= 2
    assert sizes[50:].count(1) >= 140


def test_ever_smaller_parts_do_not_last_when_a_fixed_cost_comes_up() -> None:
    """A neighbour that takes the machine for a while must not leave parts of one record behind."""
    pace = Pace(0.1)
    for _ in range(100):
        pace.measured(1, 0.15)
    sizes = []
    for _ in range(50):
        sizes.append(pace.size())
        pace.measured(sizes[-1], 0.15 + 0.001 * sizes[-1])

    assert max(sizes) >= 60


def test_one_cheap_record_does_not_open_the_gates() -> None:
    pace = Pace(0.1)
    pace.measured(1, 1e-7)

    assert pace.size() == GROWTH < FIRST_RECORDS


@pytest.mark.parametrize("fixed_s", [0.02, 0.09, 0.3])
@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_a_fixed_cost_does_not_lead_to_ever_smaller_parts(fixed_s: float, noise: float) -> None:
    """Sizes once followed the mean cost of a record: under load, when a trip to the store took
    most of the budget, a record at a time went through the pipeline, and load only grew."""
    chance = random.Random(0)
    pace, sizes = Pace(0.1), []
    for _ in range(200):
        records = min(pace.size(), chance.choice([500, 500, 40]))  # a delivery may end sooner
        sizes.append(records)
        pace.measured(records, (fixed_s + 0.001 * records) * (1 + noise * chance.random()))

    settled = sorted(sizes[100:])[50]
    assert settled >= 0.4 * fixed_s / 0.001
    assert settled <= 3 * max(0.1 - fixed_s, fixed_s) / 0.001
