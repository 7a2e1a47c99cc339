"""Laws of the lease: one leads, another takes over, and who cannot renew stops by itself."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from stream.agents.lease import Lease
from stream.errors import Unavailable
from tests.agents.segment_parts import Clock, FakeFacts

LEASE_S = 30.0


@pytest.fixture
def facts() -> FakeFacts:
    return FakeFacts()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def lease(facts: FakeFacts, clock: Clock) -> Lease:
    return Lease(facts, "leader", lease_s=LEASE_S, clock=clock)


async def test_of_many_that_want_it_exactly_one_leads(facts: FakeFacts, clock: Clock) -> None:
    leases = [lease(facts, clock) for _ in range(8)]

    assert sum(await asyncio.gather(*(each.hold() for each in leases))) == 1
    assert sum(each.held for each in leases) == 1


@pytest.mark.parametrize("seed", range(5))
async def test_at_no_time_do_two_lead(facts: FakeFacts, clock: Clock, seed: int) -> None:
    """Three processes that try at random moments, with outages between, over many expiries."""
    random, leases, leaders = Random(seed), [lease(facts, clock) for _ in range(3)], set()
    for _ in range(500):
        clock.now += random.uniform(0, LEASE_S / 2)
        facts.away = random.random() < 0.3
        trying = random.randrange(3)
        try:
            await leases[trying].hold()
        except Unavailable:
            assert facts.away
        leading = [number for number, each in enumerate(leases) if each.held]
        assert len(leading) <= 1
        leaders.update(leading)

    assert leaders == {0, 1, 2}


async def test_a_renewed_lease_is_not_taken_over(facts: FakeFacts, clock: Clock) -> None:
    first, second = lease(facts, clock), lease(facts, clock)
    for _ in range(20):
        assert await first.hold()
        assert not await second.hold()
        clock.now += LEASE_S / 2


async def test_it_is_renewed_only_when_a_third_has_passed(facts: FakeFacts, clock: Clock) -> None:
    ours = lease(facts, clock)
    await ours.hold()
    taken = facts.facts["leader"]

    clock.now += LEASE_S / 3 - 1
    assert await ours.hold()
    assert facts.facts["leader"] is taken
    clock.now += 1
    assert await ours.hold()
    assert facts.facts["leader"].value["until"] == clock.now + LEASE_S


async def test_it_is_taken_over_once_it_has_expired(facts: FakeFacts, clock: Clock) -> None:
    gone, next_one = lease(facts, clock), lease(facts, clock)
    await gone.hold()

    clock.now += LEASE_S - 0.001
    assert not await next_one.hold()
    clock.now += 0.001
    assert await next_one.hold()
    assert not gone.held
    assert not await gone.hold()


async def test_a_leader_that_cannot_renew_stops_at_the_expiry(
    facts: FakeFacts, clock: Clock
) -> None:
    ours = lease(facts, clock)
    await ours.hold()
    facts.away = True

    clock.now += LEASE_S - 1
    with pytest.raises(Unavailable):
        await ours.hold()
    assert ours.held
    clock.now += 1
    assert not ours.held


async def test_a_renewal_that_took_longer_than_the_lease_does_not_count(
    facts: FakeFacts, clock: Clock
) -> None:
    """The write arrives, but by then the others may have waited long enough."""

    class Slow(FakeFacts):
        async def put(self, *given: object) -> bool:
            clock.now += LEASE_S
            return await super().put(*given)  # type: ignore[arg-type]

    assert not await lease(Slow(), clock).hold()
