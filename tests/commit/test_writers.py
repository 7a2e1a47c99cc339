"""Several writers of one user, outages whose outcome is unknown, and partitions that are lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.commit import Commit
from stream.core.profile import Profile
from stream.errors import OwnershipLost, Unavailable
from stream.store.rows import fresh_etag
from tests.commit.world import (
    NOW,
    World,
    assert_adds_up,
    assert_all_published,
    assert_same_masses,
    assert_same_picture,
    assert_versions_grow,
    event,
)


@pytest.fixture
def world() -> World:
    return World()


def alike(name: str, count: int) -> list[bytes]:
    """Likes of one taste at one strength: what they add up to does not depend on their order."""
    return [
        event("like", "i0", event_id=f"{name}{n}", at=NOW - 100 - 7 * n - ord(name))
        for n in range(count)
    ]


async def of_one_writer(*values: bytes) -> Profile:
    alone = World()
    alone.produce(*values)
    await alone.consume(alone.commit(), sizes=[1])
    return alone.profile()


def applying(world: World, commit: Commit, partition: int) -> Callable[[], Awaitable[None]]:
    async def apply() -> None:
        await world.consume(commit, partition)

    return apply


# --- two writers


POINTS = ["users.load", "users.loaded", "users.save", "users.written"]


@pytest.mark.parametrize(
    ("user", "point"),
    [(user, point) for user in ("new", "known") for point in POINTS]
    + [("cached", point) for point in POINTS[2:]],
)
async def test_another_writer_in_between_loses_nothing_and_doubles_nothing(
    world: World, user: str, point: str
) -> None:
    """The second worker reads, writes and publishes while the first is at `point`."""
    first, before = world.commit(), [] if user == "new" else alike("k", 2)
    world.produce(*before)
    await world.consume(first if user == "cached" else world.commit())
    world.produce(*alike("a", 3))
    world.produce(*alike("b", 4), partition=1)
    world.path.then(point, applying(world, world.commit(), 1))

    await world.consume(first)

    profile = world.profile()
    assert_same_masses(profile, await of_one_writer(*before, *alike("a", 3), *alike("b", 4)))
    assert dict(profile.marks) == {"source-0": len(before) + 2, "source-1": 3}
    assert len(profile.event_ids) == len(before) + 7
    assert world.results.conflicts == (point != "users.load")
    assert_versions_grow(world)
    assert_all_published(world)
    assert_adds_up(world.results, len(before) + 7)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 6),
    st.integers(1, 6),
    st.lists(st.integers(0, 3), min_size=20, max_size=20),
    st.integers(1, 3),
)
def test_writers_at_once_are_as_one(one: int, other: int, pauses: list[int], cut: int) -> None:
    """Two workers, one user in a partition of each; whoever is slow at whatever point."""

    async def run() -> None:
        world = World()
        world.produce(*alike("a", one))
        world.produce(*alike("b", other), partition=1)
        turns = iter(pauses * 50)

        async def pause(_: str) -> None:
            for _turn in range(next(turns)):
                await asyncio.sleep(0)

        world.store.users.hook = world.publisher.hook = pause
        await asyncio.gather(
            world.consume(world.commit(), 0, [cut]), world.consume(world.commit(), 1, [cut])
        )

        profile = world.profile()
        assert_same_masses(profile, await of_one_writer(*alike("a", one), *alike("b", other)))
        assert dict(profile.marks) == {"source-0": one - 1, "source-1": other - 1}
        assert_versions_grow(world)
        assert_all_published(world)
        assert_adds_up(world.results, one + other)

    asyncio.run(run())


async def test_a_zombie_with_a_stale_cache_overwrites_nothing(world: World) -> None:
    """It does not know that its partition went to another worker, who got on with it."""
    zombie, heir = world.commit(), world.commit()
    world.produce(*alike("a", 2))
    await world.consume(zombie)
    world.produce(*alike("b", 3))
    stale = world.delivery(first=2)
    await world.consume(heir)
    stored = world.store.users.rows["u"]
    sent = len(world.publisher.arrived)

    await zombie.apply(stale, stale.records[:2])  # not up to the mark: nothing to say either

    assert world.store.users.rows["u"] is stored
    assert len(world.publisher.arrived) == sent


async def test_an_event_in_two_partitions_counts_once(world: World) -> None:
    """The producer's repeat went to another partition: the ring of ids knows it."""
    world.produce(*alike("a", 2))
    world.produce(*alike("a", 2), partition=1)
    await asyncio.gather(world.consume(world.commit(), 0), world.consume(world.commit(), 1))

    assert_same_masses(world.profile(), await of_one_writer(*alike("a", 2)))
    assert dict(world.profile().marks) == {"source-0": 1, "source-1": 1}


async def test_too_many_conflicts_are_waited_out_like_an_outage(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.commit.random.uniform", lambda *_: 0.0)
    world.produce(*alike("v", 1))
    await world.consume(world.commit())
    world.produce(*alike("a", 1))

    async def write() -> None:
        row = world.store.users.rows["u"]
        world.store.users.rows["u"] = replace(row, etag=fresh_etag())

    world.path.then("users.save", *[write] * 8)
    await world.consume(world.commit())

    assert world.health.said == [("unavailable", "qdrant"), ("available", "qdrant")]
    assert world.results.conflicts == 7
    assert world.profile().mark("source-0") == 1


# --- what the cache says is doubted


async def test_where_all_seems_applied_the_store_is_asked(world: World) -> None:
    """The store lost its last write (an older copy was put back): the records come again."""
    commit = world.commit()
    world.produce(*alike("a", 2))
    await world.consume(commit, sizes=[1])
    world.store.users.rows["u"] = world.store.users.history[0]
    again = world.delivery(first=1)

    await commit.apply(again, again.records)

    assert_same_masses(world.profile(), await of_one_writer(*alike("a", 2)))
    assert world.profile().mark("source-0") == 1


async def test_a_redelivery_publishes_the_stored_list_not_the_cached_one(world: World) -> None:
    commit = world.commit()
    world.produce(*alike("a", 2))
    world.produce(*alike("b", 1), partition=1)
    await world.consume(commit)
    await world.consume(world.commit(), 1)
    again = world.delivery()

    await commit.apply(again, again.records)

    newest = world.profile().current
    assert newest is not None
    assert [m and m["version"] for m in world.lists()][-2:] == [newest.version] * 2


async def test_profiles_of_revoked_partitions_are_read_again(world: World) -> None:
    commit = world.commit()
    world.produce(*alike("a", 2))
    await world.consume(commit, sizes=[1])
    reads = world.path.passed.count("users.load")
    world.produce(*alike("b", 1))

    commit.revoked(frozenset({world.delivery().tp}))
    await world.consume(commit)

    assert world.path.passed.count("users.load") == reads + 1
    assert world.results.conflicts == 0


async def test_a_change_that_went_out_is_cleared_only_after_its_send_was_confirmed(
    world: World,
) -> None:
    """The outbox is emptied by the next save of the one who knows; others send it again."""
    world.produce(*alike("a", 1))
    await world.consume(world.commit())
    assert len(world.profile().outbox) == 1
    world.produce(*alike("b", 1))

    await world.consume(world.commit())

    assert len(world.profile().outbox) == 1
    assert len({change["change_id"] for change in world.changes()}) == 1
    assert len(world.changes()) == 2


# --- unknown outcomes


def away(part: str) -> Callable[[], Awaitable[None]]:
    async def fail() -> None:
        raise Unavailable(part, "injected")

    return fail


@pytest.mark.parametrize("cached", [True, False], ids=["cached", "not cached"])
@pytest.mark.parametrize("point", ["users.load", "users.save", "users.written", "users.saved"])
async def test_a_store_that_goes_away_is_waited_out(world: World, point: str, cached: bool) -> None:
    """Whether the write landed or not, the second try finds out and does what is missing."""
    world.produce(*alike("k", 1))
    await world.consume(world.commit())
    commit = world.commit()
    if cached:
        world.produce(*alike("c", 1))
        await world.consume(commit)
    before = [event for record in world.log[0] if (event := record.value)]
    world.produce(*alike("a", 2))
    world.path.then(point, away("qdrant"))

    await world.consume(commit)

    world.path.plans.clear()  # a cached user is not read, so the line was never cut
    assert_same_masses(world.profile(), await of_one_writer(*before, *alike("a", 2)))
    assert world.profile().mark("source-0") == len(world.log[0]) - 1
    assert_versions_grow(world)
    assert_all_published(world)
    assert_adds_up(world.results, len(world.log[0]))
    if not (cached and point == "users.load"):
        assert world.health.said == [("unavailable", "qdrant"), ("available", "qdrant")]


@pytest.mark.parametrize(
    ("point", "part"),
    [("encode", "encoder"), ("encoded", "encoder"), ("items.load", "qdrant")]
    + [(point, "kafka") for point in ("send", "sending", "sent")],
)
async def test_any_other_part_that_goes_away_is_waited_out(
    world: World, point: str, part: str
) -> None:
    world.produce(event("review", "unheard-of", rating=5, text="so good", event_id="r"))
    world.path.then(point, *[away(part)] * 2)

    await world.consume(world.commit())

    assert world.health.said == [("unavailable", part), ("available", part)]
    assert_adds_up(world.results, 1)
    assert world.results.applied == 1
    assert_all_published(world)


# --- ownership


@pytest.mark.parametrize("how", ["revoked", "heartbeats silent"])
@pytest.mark.parametrize(
    "point", ["clock", "encode", "encoded", "users.load", "users.loaded", "segments", "users.saved"]
)
async def test_once_the_partition_is_lost_nothing_is_written_or_sent(
    world: World, point: str, how: str
) -> None:
    world.produce(b"{", event("review", "i1", rating=5, text="so good"))
    delivery = world.delivery()
    effects: list[int] = []

    def count() -> int:
        return len(world.store.users.history) + len(world.publisher.arrived)

    def lose() -> None:
        effects.append(count())
        if how == "revoked":
            world.flow.epochs.clear()
        else:
            world.flow.quiet = 99.0

    world.path.strikes[point] = lose
    with pytest.raises(OwnershipLost):
        await world.commit().apply(delivery, delivery.records)

    assert count() == effects[0]
    assert not delivery.span.acknowledged


async def test_a_partition_lost_while_its_write_was_refused_is_not_written_again(
    world: World,
) -> None:
    heir = world.commit()
    world.produce(*alike("a", 2))
    delivery = world.delivery()

    async def heir_writes_and_owns() -> None:
        await world.consume(heir)
        world.flow.epochs[delivery.tp] += 1

    world.path.then("users.save", heir_writes_and_owns)
    with pytest.raises(OwnershipLost):
        await world.commit().apply(delivery, delivery.records)

    assert len(world.store.users.history) == 1
    assert_same_picture(world.profile(), await of_one_chunk(*alike("a", 2)))


async def of_one_chunk(*values: bytes) -> Profile:
    alone = World()
    alone.produce(*values)
    await alone.consume(alone.commit())
    return alone.profile()
