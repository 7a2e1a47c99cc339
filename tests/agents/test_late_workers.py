"""A worker that does not know the newest model yet leaves nobody in a segment that is gone."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from stream.agents.fit import Job
from stream.agents.leader import LATE_S, Leader
from stream.core.profile import Membership
from stream.core.segment_history import Fitted
from stream.errors import Unavailable
from tests.agents.segment_parts import (
    NOW,
    Clock,
    FakePublisher,
    FakeStore,
    axis,
    leader_of,
    model,
    user,
)

GONE = Membership("old1", 1, NOW)


async def no_fit(job: Job) -> Fitted:
    raise AssertionError("nobody asked for one")


@dataclass
class World:
    """A leader that has just moved everybody to model 2, which "old1" is not of."""

    store: FakeStore = field(default_factory=FakeStore)
    publisher: FakePublisher = field(default_factory=FakePublisher)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.leader: Leader = leader_of(self.store, self.publisher, self.clock, no_fit)
        for number in range(30):
            self.store.users.write(user(f"u{number}", axis(number % 2)))
        self.store.segments.put_in_force(model(2, s0=axis(0), s1=axis(1)))

    async def step(self, after_s: float = 0.0) -> None:
        self.clock.now += after_s
        await self.leader.lease.hold()
        await self.leader.reassign()

    def segment(self, user_id: str) -> str | None:
        return self.store.users.rows[user_id].segment


@pytest.fixture
async def world() -> World:
    found = World()
    await found.step()
    return found


async def test_whom_it_moved_there_behind_the_sweep_is_moved_on(world: World) -> None:
    """Until the next model, which may be hours away, nobody else would have."""
    world.store.users.write(user("newcomer", axis(1), membership=GONE))
    await world.step(LATE_S - 1)
    assert world.segment("newcomer") == "old1"
    await world.step(1)
    assert world.segment("newcomer") == "s1"
    assert {record.key for record in world.publisher.sent} >= {b"newcomer"}


async def test_whom_it_wrote_at_the_moment_of_the_sweep_is_moved_after_all(world: World) -> None:
    """The sweep leaves to others whom others write."""
    users = world.store.users
    users.before_save = lambda: users.write(user("u3", axis(1), membership=GONE))
    world.store.segments.put_in_force(model(3, t0=axis(0), t1=axis(1)))
    await world.step()
    assert (world.segment("u3"), world.segment("u5")) == ("old1", "t1")

    users.before_save = lambda: None
    await world.step(LATE_S)
    assert world.segment("u3") == "t1"


async def test_nobody_else_is_read_again_and_nobody_twice(world: World) -> None:
    pages = world.store.users.pages_read
    for _ in range(3):
        await world.step(LATE_S)
    assert (world.store.users.pages_read, world.store.users.gathered) == (pages, 1)


async def test_an_outage_or_a_lost_lease_does_not_end_the_search(world: World) -> None:
    world.store.users.write(user("newcomer", axis(1), membership=GONE))
    world.publisher.away = True
    with pytest.raises(Unavailable):
        await world.step(LATE_S)
    world.publisher.away = False
    world.store.users.write(user("newcomer", axis(1), membership=GONE))
    await world.step()
    assert world.segment("newcomer") == "s1"
