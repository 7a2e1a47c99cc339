"""Laws of a refit: held models wait, and requests are answered once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from stream.agents.fit import FitFailed
from stream.core.decay import Mass
from stream.core.profile import Membership
from stream.core.segment_history import (
    ACCEPTED,
    ASKED,
    FIRST,
    HELD,
    IN_FORCE,
    LIKE_HELD,
    PERIODIC,
    REJECTED,
    REPLACED,
)
from stream.core.segments import KNOWN_EACH
from stream.errors import Unavailable
from stream.store.segment_decisions import accept, reject
from stream.store.segment_requests import Request
from tests.agents.refit_world import MOST, World
from tests.agents.segment_parts import NOW, axis, settings, user


@pytest.fixture
def world() -> World:
    return World()


async def test_every_fit_leaves_a_record(world: World) -> None:
    leader = await world.leading()
    versions = [await world.fitted(leader, moves) for moves in (0.0, 0.1)]

    first, second = await world.history.records()
    assert [first.version, second.version] == versions
    assert (first.reason, first.outcome) == (FIRST, IN_FORCE)
    assert (second.reason, second.outcome) == (PERIODIC, IN_FORCE)
    assert second.at == world.clock()
    assert {one.label for one in second.segments} == {"drama", "comedy"}


async def test_the_log_says_what_a_fit_took(world: World) -> None:
    with capture_logs() as logs:
        version = await world.fitted(await world.leading())

    (told,) = [line for line in logs if line["event"] == "segments"]
    assert told["version"] == version
    assert all(told[step] >= 0 for step in ("read_s", "fit_s", "save_s"))


async def test_a_model_that_moves_too_many_waits(world: World) -> None:
    """The first one never does."""
    leader = await world.leading()
    first = await world.fitted(leader, moves=1.0)
    assert world.store.segments.in_force == first
    await world.fitted(leader, moves=MOST)
    held = await world.fitted(leader, moves=MOST + 0.01)

    assert world.store.segments.in_force == world.jobs[1].version
    assert leader.held == held
    assert await world.outcomes() == [IN_FORCE, IN_FORCE, HELD]
    await leader.reassign()
    assert {row.segment for row in world.store.users.rows.values()} == {"s0", "s1"}
    versions = {
        member.model_version
        for name in world.store.users.rows
        if (member := world.store.users.profile(name).membership)
    }
    assert versions == {world.jobs[1].version}


async def test_a_yes_puts_it_in_force_and_users_are_moved(world: World) -> None:
    leader = await world.leading()
    await world.fitted(leader)
    held = await world.fitted(leader, moves=0.5)
    pages = world.store.users.pages_read
    await leader.reassign()
    assert world.store.users.pages_read > pages

    decision = await accept(world.store.segments, world.history, held)
    assert decision.done
    assert world.store.segments.in_force == held
    assert await world.outcomes() == [IN_FORCE, ACCEPTED]
    pages = world.store.users.pages_read
    await leader.reassign()
    assert world.store.users.pages_read > pages
    assert (await accept(world.store.segments, world.history, held)).done  # as good as once
    no = await reject(world.store.segments, world.history, held)
    assert (no.done, no.why) == (False, f"model {held} is not held any more: it was accepted")


async def test_a_no_drops_it(world: World) -> None:
    leader = await world.leading()
    first = await world.fitted(leader)
    held = await world.fitted(leader, moves=0.5)

    assert (await reject(world.store.segments, world.history, held)).done
    assert world.store.segments.in_force == first
    assert await world.outcomes() == [IN_FORCE, REJECTED]
    assert not (await accept(world.store.segments, world.history, held)).done
    await leader.refit()
    assert leader.held == 0


async def test_what_is_not_held_cannot_be_decided(world: World) -> None:
    leader = await world.leading()
    first = await world.fitted(leader)

    assert "in force already" in (await accept(world.store.segments, world.history, first)).why
    assert "no model is" in (await accept(world.store.segments, world.history, 7)).why


@pytest.mark.parametrize(
    ("moves", "outcomes"), [(0.1, [REPLACED, IN_FORCE]), (0.6, [REPLACED, HELD])]
)
async def test_a_later_fit_takes_the_place_of_the_held_one(
    world: World, moves: float, outcomes: list[str]
) -> None:
    leader = await world.leading()
    await world.fitted(leader)
    await world.fitted(leader, moves=0.5)
    newest = await world.fitted(leader, moves=moves)

    assert (await world.outcomes())[1:] == outcomes
    assert (world.store.segments.in_force == newest) == (moves < MOST)
    assert leader.held == (newest if moves > MOST else 0)


async def test_a_later_fit_that_says_the_same_leaves_the_held_one_alone(world: World) -> None:
    """Or a person would have one period to decide in, and then another version to decide about."""
    leader = await world.leading()
    await world.fitted(leader)
    held = await world.fitted(leader, moves=0.5)
    world.from_held = 0.05
    await world.fitted(leader, moves=0.5)

    assert world.jobs[-1].held is world.store.segments.models[held]
    assert await world.outcomes() == [IN_FORCE, HELD, LIKE_HELD]
    assert (await accept(world.store.segments, world.history, held)).done


async def test_who_has_too_little_weight_for_a_segment_is_not_fitted(world: World) -> None:
    """But for who is in one: its users are what a fit is about."""
    least = settings().segment_min_weight
    for name, share, member in (("light", 0.9, None), ("in", 0.9, "s0"), ("heavy", 1.0, None)):
        light = user(name, axis(0), membership=Membership(member, 1, NOW) if member else None)
        interests = tuple(
            replace(i, mass=Mass(share * least, axis(0), NOW)) for i in light.interests
        )
        world.store.users.write(replace(light, interests=interests))
    before = len(world.store.users.rows)
    await world.fitted(await world.leading())

    assert len(world.jobs[0].tastes) == before - 1


# --- a deployment that grows

FEW = KNOWN_EACH * 2  # of two segments


@pytest.mark.parametrize(
    ("before", "now", "outcome"),
    [
        (FEW - 2, FEW - 2, IN_FORCE),  # too few to know them
        (FEW, FEW, HELD),
        (FEW, FEW * 2, HELD),
        (FEW, FEW * 2 + 1, IN_FORCE),  # most of them are new
        (FEW * 9, FEW, HELD),  # where users are lost a person should look
    ],
)
async def test_nobody_is_asked_about_users_that_the_model_in_force_did_not_know(
    world: World, before: int, now: int, outcome: str
) -> None:
    leader = await world.leading()
    world.sample = before
    await world.fitted(leader)
    world.sample = now
    await world.fitted(leader, moves=1.0)

    assert (await world.outcomes())[-1] == outcome


async def test_growth_decides_nothing_in_a_person_s_place(world: World) -> None:
    """Neither about what is held nor, after a no, about the same again."""
    leader = await world.leading()
    first = await world.fitted(leader)
    await world.fitted(leader, moves=0.5)
    world.sample *= 9
    held = await world.fitted(leader, moves=0.5)
    assert (await reject(world.store.segments, world.history, held)).done
    await world.fitted(leader, moves=0.5)

    assert await world.outcomes() == [IN_FORCE, REPLACED, REJECTED, HELD]
    assert world.store.segments.in_force == first


async def test_a_young_deployment_settles_without_a_person(world: World) -> None:
    """Each fit finds half as many users more, and moves most of them, until there are enough."""
    leader = await world.leading()
    world.sample = 16
    while world.sample < FEW:
        await world.fitted(leader, moves=0.9)
        world.sample += world.sample // 2

    assert set(await world.outcomes()) == {IN_FORCE}


# --- on demand


async def test_a_request_is_answered_with_the_model_and_only_once(world: World) -> None:
    leader = await world.leading()
    await world.fitted(leader)
    asked = await world.requests.ask("r1", 5.0)
    assert asked == Request("r1", 5.0)
    await leader.refit()
    version = world.jobs[-1].version
    assert len(world.jobs) == 2

    assert await world.requests.ask("r1", 9.0) == Request("r1", 5.0, version, IN_FORCE)
    await leader.refit()
    assert len(world.jobs) == 2
    assert [record.reason for record in await world.history.records()] == [FIRST, ASKED]


async def test_a_request_may_be_answered_by_a_held_model(world: World) -> None:
    leader = await world.leading()
    await world.fitted(leader)
    await world.requests.ask("r1", 5.0)
    world.moves = 0.5
    await leader.refit()
    assert (await world.requests.ask("r1", 5.0)).outcome == HELD


async def test_a_request_with_too_few_users_says_so(world: World) -> None:
    leader = await world.leading()
    world.store.users.rows = dict(list(world.store.users.rows.items())[:3])
    await world.requests.ask("r1", 5.0)
    await leader.refit()
    assert (await world.requests.ask("r1", 5.0)).why.startswith("3 users have interests of")


async def test_a_request_whose_fit_failed_says_why(world: World) -> None:
    async def fails() -> None:
        raise FitFailed("killed")

    leader = await world.leading()
    world.meanwhile = fails
    await world.requests.ask("r1", 5.0)
    await leader.refit()
    assert (await world.requests.ask("r1", 5.0)).why == "killed"


async def test_a_leader_that_ended_before_its_answer_is_answered_for(world: World) -> None:
    """Not by another fit: the records say what became of the request."""
    leader = await world.leading()
    await world.requests.ask("r1", 5.0)
    put = world.store.meta.put

    async def dies(name: str, value: dict[str, object], etag: int | None) -> bool:
        if value.get("id") == "r1":
            raise Unavailable("qdrant", "injected")
        return await put(name, value, etag)

    world.store.meta.put = dies  # type: ignore[method-assign,assignment]
    with pytest.raises(Unavailable):
        await leader.refit()
    world.store.meta.put = put  # type: ignore[method-assign]

    world.clock.now += settings().lease_s
    successor = await world.leading()
    await successor.refit()
    answer = await world.requests.ask("r1", 5.0)
    assert (answer.version, answer.outcome) == (world.jobs[0].version, IN_FORCE)
    assert len(world.jobs) in (1, 2)  # the successor's own first one may be due


async def test_a_newer_request_takes_the_place_of_one_that_waits(world: World) -> None:
    await world.requests.ask("r1", 5.0)
    await world.requests.ask("r2", 6.0)
    leader = await world.leading()
    await leader.refit()
    await world.requests.answer("r1", why="too late")
    assert (await world.requests.ask("r2", 6.0)).outcome == IN_FORCE
