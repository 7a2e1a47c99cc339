"""What a rebuild leaves, whatever happens to the live profiles meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream.core.profile import Profile
from stream.core.tuning import Tuning
from stream.errors import Failed
from stream.rebuild.compare import differences
from stream.rebuild.since import Since
from tests.rebuild.world import World, check, lived

pytestmark = pytest.mark.integration


async def test_the_same_profiles_under_higher_versions(world: World) -> None:
    live = await lived(world)
    made = await world.rebuilt()

    check(world, live, await world.profiles())
    assert made.applied == made.counts.read == 18
    assert not made.state.kept


async def test_what_workers_do_between_the_passes_is_there(world: World) -> None:
    """Events, lists and segments, and writes that no event asked for."""
    await lived(world)
    made = await world.begun()
    await made.catch_up()
    world.send("user-1", 5)
    world.send("newcomer", 6)
    await world.work()
    await world.change("user-2", lambda profile: replace(profile, offered=(7, 8)))
    live = await world.profiles()
    await world.switch(made)

    after = await world.profiles()
    check(world, live, after)
    assert after["user-2"].offered == (7, 8)


async def test_also_what_is_written_in_the_same_millisecond(world: World) -> None:
    """A version grows by one alone then, as it does where a clock stands."""
    await lived(world)
    made = await world.begun()
    await made.catch_up()
    before = (await world.profiles())["user-2"]
    written = await world.change("user-2", lambda profile: replace(profile, offered=(7, 8)))
    assert written.version == before.version + 1
    await world.switch(made)

    assert (await world.profiles())["user-2"].offered == (7, 8)


async def test_what_was_saved_and_not_acknowledged_may_be_acknowledged_yet(world: World) -> None:
    """A worker is cut off after its save; its acknowledgement arrives after the switch."""
    await lived(world)
    made = await world.begun()
    await made.catch_up()
    offset = world.send("user-1", 5)
    await world.work(acknowledge=False)
    world.send("user-2", 5)  # nobody has seen it yet
    live = await world.profiles()
    await world.switch(made)

    after = await world.profiles()
    check(world, live, after)
    assert after["user-1"].mark("source-1") == offset


async def test_also_where_the_carrying_came_before(world: World) -> None:
    await lived(world)
    world.send("user-1", 5)
    world.send("newcomer", 6)
    await world.work(acknowledge=False)
    live = await world.profiles()
    await world.rebuilt()

    check(world, live, await world.profiles())


async def test_what_live_profiles_have_lost_comes_back(world: World) -> None:
    right = await lived(world)
    await world.change("user-1", lambda profile: replace(profile, session=None, seen=()))
    await world.change("user-2", lambda _: Profile("user-2"))
    await world.rebuilt()

    after = await world.profiles()
    for user, one in right.items():
        found = differences(one, after[user], world.topic.sources.values(), _tuning(world), 3)
        assert not found, user


async def test_a_live_profile_that_cannot_be_read_is_made_anew(world: World) -> None:
    await lived(world)
    row = (await world.store.users.load(["user-1"]))["user-1"]
    broken = replace(row, state='{"v":1', etag=row.etag + 1)
    await world.store.users.save([broken], {"user-1": row.etag})
    made = await world.rebuilt()

    after = (await world.profiles())["user-1"]
    assert [one.item_id for one in after.recent] == ["film-1", "film-7", "film-4"]
    assert after.current is None
    assert len(made.state.damaged) == 1


async def test_redelivered_records_change_nothing_afterwards(world: World) -> None:
    await lived(world)
    await world.rebuilt()
    await world.store.close()
    world.store = await world.worker()
    before = await world.profiles()
    world.topic.done = {0: 0, 1: 0}
    await world.work(lists=False)

    after = await world.profiles()
    sources = world.topic.sources.values()
    for user, one in before.items():
        assert not differences(one, after[user], sources, _tuning(world), 3)


# --- users without records


async def test_who_has_no_record_since_then_is_as_before(world: World) -> None:
    live = await lived(world)
    since = Since(offsets=dict(world.topic.done))
    world.send("user-1", 8)
    await world.work()
    made = await world.rebuilt(since)

    after = await world.profiles()
    assert [one.item_id for one in after["user-1"].recent] == ["film-8"]
    assert len(made.state.kept) == 5
    assert after["user-2"].recent == live["user-2"].recent
    assert after["user-2"].version == live["user-2"].version + 1


async def test_a_kept_user_who_acts_meanwhile_begins_anew_as_one_that_acted_before(
    world: World,
) -> None:
    await lived(world)
    since = Since(offsets=dict(world.topic.done))
    world.send("user-1", 8)
    await world.work()
    made = await world.begun(since)
    await made.catch_up()
    world.send("user-2", 7)
    await world.work()
    await world.switch(made)

    after = await world.profiles()
    assert [one.item_id for one in after["user-2"].recent] == ["film-7"]
    assert len(made.state.kept) == 4


async def test_a_time_takes_records_from_there_on(world: World) -> None:
    await lived(world)
    world.clock += 100
    at = world.clock
    world.send("user-1", 8)
    await world.work()
    made = await world.rebuilt(Since(at=at))

    assert made.counts.read == 1


# --- forgetting


async def forgotten(world: World, user: str = "user-1") -> float:
    world.send(user, type="forget", item_id=None)
    at = world.clock
    await world.work(lists=False)
    return at


async def test_the_forgotten_stay_forgotten(world: World) -> None:
    await lived(world)
    at = await forgotten(world)
    world.send("user-1", 3, at=at - 50)
    await world.work(lists=False)
    live = await world.profiles()
    await world.rebuilt()

    after = await world.profiles()
    check(world, live, after)
    assert after["user-1"].forgotten_at == at
    assert not after["user-1"].recent


async def test_also_where_their_request_is_not_among_the_records(world: World) -> None:
    """Older events come late, in the part of the topic that is replayed."""
    await lived(world)
    at = await forgotten(world)
    since = Since(offsets=dict(world.topic.done))
    world.send("user-1", 3, at=at - 50)
    world.send("user-1", 4, at=at + 50)
    await world.work()
    await world.rebuilt(since)

    after = (await world.profiles())["user-1"]
    assert [one.item_id for one in after.recent] == ["film-4"]
    assert after.forgotten_at == pytest.approx(at, abs=1e-6)


async def test_also_where_their_request_comes_between_two_passes(world: World) -> None:
    """The live profile is a tombstone before the replay has come to the request."""
    await lived(world)
    made = await world.begun()
    await made.catch_up()
    at = await forgotten(world)
    done, world.topic.done = world.topic.done, {**world.topic.done, 1: world.topic.done[1] - 1}
    await made.catch_up()
    world.topic.done = done
    live = await world.profiles()
    await world.switch(made)

    after = await world.profiles()
    check(world, live, after)
    assert after["user-1"].forgotten_at == at
    assert not after["user-1"].recent


async def test_a_request_that_the_live_profile_has_missed_is_heard(world: World) -> None:
    before = await lived(world)
    await forgotten(world)
    await world.change("user-1", lambda _: before["user-1"])
    await world.rebuilt()

    after = (await world.profiles())["user-1"]
    assert after.forgotten_at is not None
    assert (after.recent, after.current, after.membership) == ((), None, None)
    assert after.forgetting is not None
    assert after.forgetting.confirm_at > after.forgetting.removed_at > 0


# --- bad records


async def test_bad_records_are_left_out_and_counted(world: World) -> None:
    await lived(world)
    world.send("user-1", 1, at=-1e12)
    world.send("user-1", 1, type="teleport")
    await world.work()
    made = await world.rebuilt()

    assert dict(made.counts.refused) == {"invalid_time": 1}
    assert dict(made.counts.skipped) == {"unknown_type": 1}
    assert made.applied == 18


async def test_too_many_bugs_end_it_before_the_switch(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Profiles made without those records would take the place of right ones."""
    await lived(world)
    made = await world.begun()

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("stream.rebuild.folding.fold", broken)
    with pytest.raises(Failed, match=r"limit 10 \(INTERESTREAM_MAX_BUG_RECORDS_PER_HOUR\)"):
        await made.catch_up()


async def test_partitions_that_were_added_meanwhile_end_it_before_the_switch(world: World) -> None:
    """What lies there was not read, and would be lost with the marks of it."""
    await lived(world)
    made = await world.begun()
    await made.catch_up()
    world.topic.changed = True

    with pytest.raises(Failed, match="other partitions"):
        await made.finish()


def _tuning(world: World) -> Tuning:
    return world.settings.tuning()
