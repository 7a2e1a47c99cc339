"""Records that come again long after, and users who asked to be forgotten."""

from __future__ import annotations

import pytest

from tests.commit.world import (
    NOW,
    Crash,
    World,
    assert_adds_up,
    assert_all_published,
    clicks,
    event,
)


@pytest.fixture
def world() -> World:
    return World()


async def test_a_full_replay_changes_nothing(world: World) -> None:
    """Offsets set back to 0 on live state: what is resent is each user's newest list, once."""
    world.produce(*clicks(6), *clicks(3, user="v"), *clicks(2, first=6))
    await world.consume(world.commit(), sizes=[2])
    rows, changes = dict(world.store.users.rows), len(world.changes())
    world.publisher.arrived.clear()
    world.committed[0] = 0
    world.results = type(world.results)()

    await world.consume(world.commit(), sizes=[1])

    assert world.store.users.rows == rows
    assert world.signals() == []
    for user in ("u", "v"):
        current = world.profile(user).current
        assert current is not None
        assert [m and m["version"] for m in world.lists(user)] == [current.version]
    assert len(world.changes()) <= changes
    assert (world.results.applied, world.results.already_applied) == (0, 11)
    assert world.results.lists == 0
    assert_adds_up(world.results, 11)


async def test_records_before_the_mark_send_nothing(world: World) -> None:
    world.produce(*clicks(6))
    await world.consume(world.commit())
    world.publisher.arrived.clear()
    replay = world.delivery(count=5)

    await world.commit().apply(replay, replay.records)

    assert world.publisher.arrived == []


async def test_marks_of_a_topic_that_was_made_again_do_not_match(world: World) -> None:
    """Its offsets start anew under another source name: what it brings is new."""
    world.produce(*clicks(3))
    await world.consume(world.commit())
    world.log[1] = world.log[0][:1]
    world.produce(*clicks(1, first=7), partition=1)

    await world.consume(world.commit(), 1)

    assert dict(world.profile().marks) == {"source-0": 2, "source-1": 1}
    assert len(world.profile().event_ids) == 4  # the repeat is known by its id, the new one counts


# --- forgetting


def forget(at: float = NOW - 10) -> bytes:
    return event("forget", None, at=at, event_id="forget")


async def test_forgetting_leaves_a_tombstone_and_takes_the_list_back(world: World) -> None:
    world.produce(*clicks(3), forget())
    await world.consume(world.commit(), sizes=[3])

    profile = world.profile()
    assert (profile.forgotten_at, profile.mark("source-0")) == (NOW - 10, 3)
    assert (profile.recent, profile.seen, profile.interests, profile.current) == ((), (), (), None)
    assert profile.session is None
    assert world.store.users.rows["u"].taste is None
    assert world.lists()[-1] is None


async def test_forgetting_in_the_same_chunk_makes_no_list_of_what_went_before(
    world: World,
) -> None:
    world.produce(*clicks(3), forget())

    await world.consume(world.commit())

    assert world.profile().current is None
    assert world.lists() == [None]
    assert world.results.lists == 0


@pytest.mark.parametrize("crash", ["users.saved", "send", "sending", "sent", "acknowledge"])
async def test_the_null_goes_out_again_after_a_crash(world: World, crash: str) -> None:
    world.produce(*clicks(2))
    await world.consume(world.commit())
    world.produce(forget())

    def die() -> None:
        raise Crash

    world.path.strikes[crash] = die
    with pytest.raises(Crash):
        await world.consume(world.commit())
    world.path.strikes.clear()
    version = world.profile().version
    await world.consume(world.commit())

    assert world.lists()[-1] is None
    assert world.profile().version == version
    assert_all_published(world)


async def test_events_of_before_the_forgetting_are_skipped_and_later_ones_start_anew(
    world: World,
) -> None:
    world.produce(forget(NOW - 100))
    await world.consume(world.commit())
    version = world.profile().version
    world.produce(
        event(at=NOW - 200, event_id="old"), event("like", "i3", at=NOW - 50, event_id="new")
    )

    await world.consume(world.commit(), sizes=[1])

    profile = world.profile()
    assert world.results.skipped == {"forgotten": 1}
    assert [recent.item_id for recent in profile.recent] == ["i3"]
    assert profile.forgotten_at == NOW - 100
    assert profile.version > version
    assert profile.current is not None
    assert profile.current.caused_by == ("new",)
    assert_all_published(world)
    assert_adds_up(world.results, 3)
