"""How chunks are cut."""

from __future__ import annotations

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


def test_a_record_dearer_than_the_budget_goes_alone() -> None:
    pace = Pace(0.1)
    pace.measured(1, 5.0)

    assert pace.size() == 1


def test_one_cheap_record_does_not_open_the_gates() -> None:
    pace = Pace(0.1)
    pace.measured(1, 1e-7)

    assert pace.size() == GROWTH < FIRST_RECORDS
