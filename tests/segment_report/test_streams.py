"""Flows gathered for a picture add up, however many segments have a place of their own."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from stream.core.segment_history import Flow
from stream.segment_report.streams import OTHERS, streams
from tests.segment_report.world import fits, record

IDS = st.sampled_from("abcdefgh")
FLOWS = st.lists(st.builds(Flow, IDS, IDS, st.integers(1, 40)), max_size=30)


@given(FLOWS, st.integers(1, 6))
def test_both_sides_and_the_ribbons_have_the_same_users(flows: list[Flow], most: int) -> None:
    found = streams(record(1, {"a": 1}, flow=tuple(flows)), most)
    total = sum(flow.users for flow in flows)

    leaving, coming = Counter[int](), Counter[int]()
    for i, j, users in found.ribbons:
        leaving[i] += users
        coming[j] += users
    assert found.users == total
    assert [users for _, users in found.before] == [leaving[n] for n in range(len(found.before))]
    assert [users for _, users in found.after] == [coming[n] for n in range(len(found.after))]


@given(FLOWS, st.integers(1, 6))
def test_a_place_of_its_own_is_for_the_largest(flows: list[Flow], most: int) -> None:
    found = streams(record(1, {"a": 1}, flow=tuple(flows)), most)
    leaving = Counter[str]()
    for flow in flows:
        leaving[flow.before] += flow.users

    own = {name: users for name, users in found.before if name != OTHERS}
    assert len(own) <= most
    assert own == {name: leaving[name] for name in own}
    left_out = [users for name, users in leaving.items() if name not in own]
    assert max(left_out, default=0) <= min(own.values(), default=0)


def test_flows_too_small_for_the_record_are_counted() -> None:
    _, second, _ = fits()  # 20 of 100 users move

    assert streams(second, 5).untold == 0
    assert streams(record(2, {"a": 100}, flow=second.flow[:1], moved_share=0.2), 5).untold == 5
