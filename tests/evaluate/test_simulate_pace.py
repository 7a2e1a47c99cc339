"""A simulated world as it happens: the wall's time beside the world's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.evaluate.simulate import DAY_S, Shown, World, simulate
from stream.evaluate.simulation import pace
from stream.evaluate.simulation.pace import Pace
from tests.evaluate.simulated import FORGETFUL, SMALL, world


@given(st.floats(0, 2e9), st.floats(1, 1e6), st.integers(1, 3650), st.floats(0, 1))
def test_what_happens_is_never_in_the_future(
    began: float, speed: float, days: int, share: float
) -> None:
    clock = Pace(began, speed, days)
    at = clock.start + share * days * DAY_S

    assert at <= clock.wall(at) + 1e-6
    assert clock.wall(clock.start) == began
    assert clock.wall(clock.start + days * DAY_S) == pytest.approx(
        clock.start + days * DAY_S, abs=1.001
    )


def test_in_real_time_the_world_begins_now() -> None:
    assert Pace(1000.5, 1, 3).start == 1000
    assert Pace(1e9, 3600, 2).start == 1e9 - 2 * DAY_S + 48


class Clock:
    """The world's time; it goes on only where somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def wait(self, at: float) -> None:
        self.now = max(self.now, at)


def test_each_event_comes_at_its_time_and_each_list_is_asked_for_at_its_time() -> None:
    clock = Clock()
    asked = []

    class Shows:
        def shown(self, user_id: str, at: float) -> Shown | None:
            asked.append(at)
            assert clock.now == at
            return None

    found = []
    for event in pace.events(World(SMALL, Shows()), clock.wait):
        assert clock.now == event.at
        found.append(event)

    assert tuple(found) == world().events
    assert len(asked) > 100


def test_items_come_and_go_at_their_time() -> None:
    clock = Clock()
    found = simulate(replace(FORGETFUL, users=1))
    planted = World(replace(FORGETFUL, users=1))

    told = {item.item_id for item in pace.stock(planted)}
    assert told
    for item in pace.notices(planted, clock.wait):
        good = next(good for good in found.truth.items if good.id == item.item_id)
        assert clock.now == (good.born if item.available else good.dies)
        assert (item.item_id in told) != item.available
        told.add(item.item_id)

    assert told == {item.item_id for item in found.items}
