"""Laws of the leader: only the holder of the lease acts, and users follow the model in force."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import pytest

from stream.agents import leader as module
from stream.agents.fit import FitFailed, Job
from stream.agents.leader import LEASE, Leader
from stream.agents.lease import Lease
from stream.agents.refit import RETRY_S
from stream.core.segment_history import Fitted
from stream.errors import Unavailable
from tests.agents.segment_parts import (
    GENRES,
    Clock,
    FakePublisher,
    FakeStore,
    axis,
    leader_of,
    model,
    settings,
    two_groups,
    until,
    user,
    waiting,
)


async def fit_here(job: Job) -> Fitted:
    return Fitted(two_groups(job.version), job.start)


@dataclass
class World:
    """One leader over a store in memory."""

    store: FakeStore = field(default_factory=FakeStore)
    publisher: FakePublisher = field(default_factory=FakePublisher)
    clock: Clock = field(default_factory=Clock)
    fits: list[Job] = field(default_factory=list)
    fit: Callable[[Job], Awaitable[Fitted]] = fit_here

    def leader(self) -> Leader:
        return leader_of(self.store, self.publisher, self.clock, self._fit)

    async def leading(self) -> Leader:
        leader = self.leader()
        assert await leader.lease.hold()
        return leader

    async def _fit(self, job: Job) -> Fitted:
        self.fits.append(job)
        return await self.fit(job)

    def populate(self, count: int) -> None:
        """Users of two tastes, by turns."""
        for number in range(count):
            self.store.users.write(user(f"u{number}", axis(number % 2)))


@pytest.fixture
def world() -> World:
    return World()


async def test_the_first_fit_waits_for_enough_users(world: World) -> None:
    leader = await world.leading()
    world.populate(3)
    await leader.refit()
    assert world.fits == []

    world.populate(4)
    await leader.refit()
    assert [job.version for job in world.fits] == [world.store.segments.in_force]


async def test_the_next_fit_is_due_after_the_refit_time_and_knows_the_model_before(
    world: World,
) -> None:
    leader = await world.leading()
    world.populate(4)
    await leader.refit()
    first = world.store.segments.models[world.fits[0].version]

    world.clock.now += 299
    await leader.lease.hold()
    await leader.refit()
    assert len(world.fits) == 1
    world.clock.now += 1
    await leader.lease.hold()
    await leader.refit()

    assert world.fits[1].before is first
    assert world.store.segments.in_force == world.fits[1].version > first.version


async def test_segments_are_called_after_the_catalogue(world: World) -> None:
    leader = await world.leading()
    world.populate(8)
    await leader.refit()

    (fitted,) = world.store.segments.models.values()
    assert {s.label for s in fitted.segments} == set(GENRES)


async def test_who_does_not_lead_does_nothing(world: World) -> None:
    await world.leading()
    world.populate(4)
    world.store.users.write(waiting("w", 1))
    world.store.segments.put_in_force(model(1, s0=axis(0)))
    before = dict(world.store.users.rows)
    follower = world.leader()
    assert not await follower.lease.hold()

    await follower.refit()
    await follower.reassign()
    await follower.sweep()

    assert world.fits == []
    assert world.publisher.sent == []
    assert world.store.users.rows == before
    assert world.store.users.pages_read == 0


async def test_a_leader_that_lost_the_lease_during_the_fit_changes_nothing(world: World) -> None:
    async def slow(job: Job) -> Fitted:
        world.clock.now += settings().lease_s
        return await fit_here(job)

    world.fit = slow
    leader = await world.leading()
    world.populate(4)

    await leader.refit()

    assert len(world.fits) == 1
    assert world.store.segments.in_force is None


async def test_of_two_leaders_at_once_the_model_of_the_later_claim_stands(world: World) -> None:
    """Clocks that differ can make two lead: the switch lets only one of their models through."""

    async def overtaken(job: Job) -> Fitted:
        if len(world.fits) == 1:
            other = await Other(world).leading()
            await other.refit()
        return await fit_here(job)

    world.fit = overtaken
    leader = await world.leading()
    world.populate(4)
    await leader.refit()

    assert len(world.fits) == 2
    assert world.store.segments.in_force == world.fits[1].version


class Other(World):
    """A second leader in the same store: it does not see the first one's lease."""

    def __init__(self, world: World) -> None:
        apart = FakeStore(world.store.users, world.store.segments)
        super().__init__(apart, world.publisher, world.clock, world.fits)


async def test_a_failed_fit_leaves_the_model_and_is_tried_at_the_next_time(world: World) -> None:
    async def fails(job: Job) -> Fitted:
        raise FitFailed("killed")

    world.fit = fails
    leader = await world.leading()
    world.populate(4)
    await leader.refit()
    await leader.refit()
    assert len(world.fits) == 1
    assert world.store.segments.in_force is None

    world.fit = fit_here
    world.clock.now += 300
    await leader.lease.hold()
    await leader.refit()
    assert world.store.segments.in_force == world.fits[1].version


async def test_an_outage_during_the_fit_does_not_wait_for_the_next_time(world: World) -> None:
    async def loses_the_store(job: Job) -> Fitted:
        world.store.segments.away = True
        raise Unavailable("qdrant", "injected")

    world.fit = loses_the_store
    leader = await world.leading()
    world.populate(4)
    with pytest.raises(Unavailable):
        await leader.refit()

    world.fit, world.store.segments.away = fit_here, False
    world.clock.now += RETRY_S
    await leader.refit()
    assert world.store.segments.in_force == world.fits[1].version


async def test_each_model_moves_the_users_once(world: World) -> None:
    leader = await world.leading()
    world.populate(120)
    world.store.segments.put_in_force(model(1, s0=axis(0), s1=axis(1)))
    await leader.reassign()
    assert segments_of(world) == {f"u{n}": f"s{n % 2}" for n in range(120)}
    assert len(world.publisher.sent) == 120

    await leader.reassign()
    assert len(world.publisher.sent) == 120
    world.store.segments.put_in_force(model(2, s0=axis(0), s2=axis(1)))
    await leader.reassign()
    assert segments_of(world) == {f"u{n}": f"s{n % 2 * 2}" for n in range(120)}
    assert len(world.publisher.sent) == 180


async def test_an_outage_on_the_way_begins_the_walk_anew(world: World) -> None:
    leader = await world.leading()
    world.populate(150)
    world.store.segments.put_in_force(model(1, s0=axis(0), s1=axis(1)))
    world.publisher.away = True
    with pytest.raises(Unavailable):
        await leader.reassign()

    world.publisher.away = False
    await leader.reassign()
    assert None not in segments_of(world).values()


async def test_a_model_that_arrives_on_the_way_reaches_everybody(world: World) -> None:
    """The walk goes on with the newer model, and those it passed before get another walk."""
    leader = await world.leading()
    world.populate(150)
    world.store.segments.put_in_force(model(1, old0=axis(0), old1=axis(1)))
    newer = model(2, s0=axis(0), s1=axis(1))
    saves = iter(range(99))
    world.store.users.before_save = lambda: (
        world.store.segments.put_in_force(newer) if next(saves) == 0 else None
    )
    await leader.reassign()
    assert set(segments_of(world).values()) == {"old0", "old1", "s0", "s1"}

    await leader.reassign()
    assert set(segments_of(world).values()) == {"s0", "s1"}


async def test_a_leader_that_loses_the_lease_stops_on_the_way(world: World) -> None:
    leader = await world.leading()
    world.populate(module.PAGE + 50)
    world.store.segments.put_in_force(model(1, s0=axis(0), s1=axis(1)))

    def expire() -> None:
        world.clock.now += settings().lease_s

    world.store.users.before_save = expire
    await leader.reassign()
    assert list(segments_of(world).values()).count(None) == 50


async def test_running_it_fits_moves_and_sends_and_outlives_an_outage(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_S", 0.0)
    world.populate(6)
    old = replace(waiting("w", 1), version=int((world.clock() - 60) * 1000))
    world.store.users.write(old)
    world.store.segments.away = True
    leader = world.leader()
    running = asyncio.create_task(leader.run())
    await until(lambda: leader.lease.held)
    world.store.segments.away = False

    def all_out() -> bool:
        rows = world.store.users.rows.values()
        return all(row.segment and row.outbox_at is None for row in rows)

    await until(lambda: all_out() or running.done())
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len({record.key for record in world.publisher.sent}) == 7


async def test_a_second_worker_leads_when_the_first_is_gone(world: World) -> None:
    first = await world.leading()
    second = Lease(world.store.meta, LEASE, lease_s=settings().lease_s, clock=world.clock)
    assert not await second.hold()

    world.clock.now += settings().lease_s
    assert await second.hold()
    assert not first.lease.held


def segments_of(world: World) -> dict[str, str | None]:
    return {name: row.segment for name, row in world.store.users.rows.items()}
