"""Which events are ranked, and which are learned."""

from __future__ import annotations

import numpy as np

from stream.core.tuning import EventKind
from stream.evaluate.protocol import leave_one_out, prequential, time_split, wanted
from stream.wire.inputs import Event

EVENTS = [Event(f"u{n % 3}", "click", float(n), f"e{n}", f"i{n}") for n in range(20)]


def places(flags: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[int]:
    return np.flatnonzero(flags).tolist()


def test_prequential_ranks_each_nth_after_the_first_and_learns_all() -> None:
    plan = prequential(EVENTS, first=5, every=4)

    assert places(plan.ranked) == [5, 9, 13, 17]
    assert plan.learned.all()


def test_a_time_split_ranks_only_after_its_moment() -> None:
    plan = time_split(EVENTS, share=0.75, every=2, learning=False)

    assert places(plan.ranked) == [15, 17, 19]
    assert places(plan.learned) == list(range(15))
    assert time_split(EVENTS, share=0.75, every=2, learning=True).learned.all()
    assert plan.name != time_split(EVENTS, share=0.75, every=2, learning=True).name


def test_leave_one_out_ranks_each_user_s_last_event() -> None:
    plan = leave_one_out(EVENTS)

    assert places(plan.ranked) == [17, 18, 19]
    assert plan.learned.all()


def test_only_what_somebody_wanted_is_ranked() -> None:
    click = EVENTS[0]

    assert wanted(click, EventKind(0.6))
    assert not wanted(click, EventKind(-0.8))
    assert not wanted(click, EventKind(0.6, updates=False))
    assert not wanted(click, None)
    assert not wanted(Event("u", "click", 0.0, "e"), EventKind(0.6))
