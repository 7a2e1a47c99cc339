"""Laws of a refit: held models wait, requests are answered once, nothing runs in a circle, and
whoever comes too late puts nothing in force."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest

from stream.agents.fit import FitFailed, Job
from stream.agents.leader import Leader
from stream.agents.refit import RETRY_S
from stream.core.catalogue import Catalogue, Entry
from stream.core.segment_history import (
    ACCEPTED,
    ASKED,
    FIRST,
    HELD,
    IN_FORCE,
    LIKE_HELD,
    OVERTAKEN,
    PERIODIC,
    REJECTED,
    REPLACED,
    Fitted,
    Record,
)
from stream.core.segments import Segment, SegmentModel
from stream.errors import Unavailable
from stream.store.segment_decisions import accept, reject
from stream.store.segment_history import SegmentHistory
from stream.store.segment_requests import Request, SegmentRequests
from tests.agents.segment_parts import (
    DIMENSION,
    TUNING,
    Clock,
    FakePublisher,
    FakeStore,
    axis,
    no_letters,
    renderer,
    settings,
    user,
)
from tests.support.candidates import candidates_of

CATALOGUE = Catalogue(DIMENSION).with_entries(
    Entry(f"i{n}", "", axis(n % 2), (("drama", "comedy")[n % 2],)) for n in range(80)
)
REFIT_S = settings().segments_refit_s
MOST = settings().segments_max_moved


@dataclass
class World:
    """A store in which leaders fit: each model moves `moves` of the users."""

    store: FakeStore = field(default_factory=FakeStore)
    clock: Clock = field(default_factory=Clock)
    moves: float = 0.0
    from_held: float = 1.0
    jobs: list[Job] = field(default_factory=list)
    meanwhile: Callable[[], Awaitable[None]] | None = None

    def __post_init__(self) -> None:
        self.history = SegmentHistory(self.store.meta, self.store.segments)
        self.requests = SegmentRequests(self.store.meta)
        self.publisher = FakePublisher()
        for number in range(8):
            self.store.users.write(user(f"u{number}", axis(number % 2)))

    async def leading(self) -> Leader:
        leader = Leader(
            settings(),
            TUNING,
            store=self.store,
            catalogue=lambda: CATALOGUE,
            nearest=candidates_of(CATALOGUE).nearest,
            publisher=self.publisher,
            renderer=renderer(),
            letters=no_letters,
            clock=self.clock,
            fit=self._fit,
            users_per_s=1e9,
        )
        await leader.lease.hold()
        return leader

    async def _fit(self, job: Job) -> Fitted:
        self.jobs.append(job)
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        found = SegmentModel(job.version, tuple(Segment(f"s{n}", "", axis(n), 1) for n in (0, 1)))
        return Fitted(found, replace(job.start, moved_share=self.moves), self.from_held)

    async def fitted(self, leader: Leader, moves: float = 0.0) -> int:
        """The version of one more fit, when it is due."""
        self.moves = moves
        self.clock.now += REFIT_S
        await leader.lease.hold()
        await leader.refit()
        return self.jobs[-1].version

    async def outcomes(self) -> list[str]:
        return [record.outcome for record in await self.history.records()]


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
    assert (await world.requests.ask("r1", 5.0)).why.startswith("3 users have a taste, at least 4")


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
