"""Whoever comes too late puts nothing in force, nothing runs in a circle, and no record lies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import pairwise

import pytest

from stream.agents.fit import FitFailed
from stream.agents.refit import RETRY_S
from stream.core.segment_history import (
    ACCEPTED,
    HELD,
    IN_FORCE,
    OVERTAKEN,
    Record,
)
from stream.errors import Unavailable
from stream.store.segment_decisions import accept
from tests.agents.refit_world import REFIT_S, World
from tests.agents.segment_parts import (
    FakeStore,
    settings,
)


@pytest.fixture
def world() -> World:
    return World()


# --- races: the claim's etag decides


async def test_a_decision_during_a_fit_makes_the_fit_come_too_late(world: World) -> None:
    leader = await world.leading()
    await world.fitted(leader)
    held = await world.fitted(leader, moves=0.5)

    async def decided() -> None:
        assert (await accept(world.store.segments, world.history, held)).done

    world.meanwhile = decided
    await world.fitted(leader)
    assert world.store.segments.in_force == held

    world.clock.now += RETRY_S  # soon, and on top of what was accepted
    await leader.refit()
    assert world.jobs[-1].before is world.store.segments.models[held]
    assert world.store.segments.in_force == world.jobs[-1].version
    assert await world.outcomes() == [IN_FORCE, ACCEPTED, OVERTAKEN, IN_FORCE]


@pytest.mark.parametrize("moves", [0.0, 0.5])
async def test_a_leader_that_slept_publishes_nothing_over_a_newer_model(
    world: World, moves: float
) -> None:
    """Its lease seems held to it; another has led meanwhile."""
    leader = await world.leading()
    await world.fitted(leader)

    async def another_leads() -> None:
        store = FakeStore(world.store.users, world.store.segments)
        other = World(store, world.clock, jobs=world.jobs)
        await (await other.leading()).refit()

    world.meanwhile = another_leads
    await world.fitted(leader, moves=moves)
    assert len(world.jobs) == 3
    assert world.store.segments.in_force == world.jobs[2].version
    assert (await world.store.segments.standing()).held == 0


async def test_who_lost_the_lease_during_the_fit_tries_again_soon(world: World) -> None:
    """It waited for a whole period, and so did everybody whose lease was lost again."""

    async def loses() -> None:
        world.clock.now += settings().lease_s

    leader = await world.leading()
    world.meanwhile = loses
    await leader.refit()
    assert world.store.segments.in_force is None

    assert await leader.lease.hold()
    await leader.refit()
    assert world.store.segments.in_force == world.jobs[1].version


async def test_a_fit_that_keeps_failing_is_tried_less_and_less_often(world: World) -> None:
    async def fails() -> None:
        raise FitFailed("killed")

    leader = await world.leading()
    tries = []
    for second in range(int(2 * REFIT_S)):
        world.meanwhile = fails
        fits = len(world.jobs)
        await leader.lease.hold()
        await leader.refit()
        if len(world.jobs) > fits:
            tries.append(second)
        world.clock.now += 1
    rests = [later - sooner for sooner, later in pairwise(tries)]
    assert rests[:4] == [10, 20, 40, 80]
    assert max(rests) <= REFIT_S


async def test_an_outage_after_the_fit_does_not_run_it_in_a_circle(world: World) -> None:
    leader = await world.leading()

    async def away() -> None:
        world.store.segments.away = True

    world.meanwhile = away
    with pytest.raises(Unavailable):
        await leader.refit()
    world.store.segments.away = False
    await leader.refit()
    assert len(world.jobs) == 1
    world.clock.now += RETRY_S
    await leader.refit()
    assert world.store.segments.in_force == world.jobs[1].version


# --- a crash between any two writings


@pytest.mark.parametrize("at", range(1, 14))
@pytest.mark.parametrize("moves", [0.1, 0.5])
async def test_a_crash_anywhere_leaves_no_lie(world: World, at: int, moves: float) -> None:
    """Facts stop answering at the n-th call of a fit; what the records say is then what stands."""
    leader = await world.leading()
    await world.fitted(leader)
    calls = 0
    for facts in (world.store.meta, world.store.segments.facts):
        answer = facts._answer

        async def dying(answer: Callable[[], Awaitable[None]] = answer) -> None:
            nonlocal calls
            calls += 1
            if calls > at:
                raise Unavailable("qdrant", "injected")
            await answer()

        facts._answer = dying  # type: ignore[method-assign]
    world.moves = moves
    world.clock.now += REFIT_S
    leader.lease._until = world.clock.now + 100  # it was renewed beside this
    with suppress(Unavailable):
        await leader.refit()
    for facts in (world.store.meta, world.store.segments.facts):
        del facts._answer

    await consistent(world)
    world.clock.now += REFIT_S
    successor = await world.leading()
    world.moves = 0.0
    await successor.refit()
    await consistent(world)
    assert (await world.outcomes())[-1] == IN_FORCE


async def consistent(world: World) -> None:
    now = await world.store.segments.standing()
    records: dict[int, Record] = {r.version: r for r in await world.history.records()}
    assert records[now.version].outcome in (IN_FORCE, ACCEPTED)
    held = [version for version, record in records.items() if record.outcome == HELD]
    assert held == ([now.held] if now.held else [])
    in_force = [v for v, record in records.items() if record.outcome in (IN_FORCE, ACCEPTED)]
    assert max(in_force) == now.version
    assert now.version in world.store.segments.models
