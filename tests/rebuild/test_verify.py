"""What a comparison of live profiles with their events says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream.rebuild.verify import certificate
from tests.rebuild.world import Quiet, World, lived

pytestmark = pytest.mark.integration


async def test_verify_says_who_differs_and_in_what(world: World) -> None:
    await lived(world)
    await world.change("user-1", lambda profile: replace(profile, seen=profile.seen[:-1]))
    found = await certificate(await world.tools(), sample=100, tells=Quiet())

    assert (found.users, found.same, found.different) == (6, 5, 1)
    assert found.differences[0].user == "user-1"
    assert [field for field, _, _ in found.differences[0].fields] == ["seen"]
    assert found.live.marks == found.rebuilt.marks
    assert found.live.seen != found.rebuilt.seen
    assert not found.good


async def test_verify_folds_each_user_to_their_own_marks(world: World) -> None:
    """Workers have gone further than the profiles that were read."""
    await lived(world)
    tools = await world.tools()
    world.send("user-1", 8)
    found = await certificate(tools, sample=100, tells=Quiet())
    assert (found.same, found.different) == (6, 0)
    assert found.events == 18


async def test_also_where_others_have_gone_further(world: World) -> None:
    """A profile was read, and then those of others who had acted since."""
    before = await lived(world)
    world.send("user-1", 8)
    world.send("user-3", 8)
    await world.work()
    await world.change("user-1", lambda _: before["user-1"])
    found = await certificate(await world.tools(), sample=100, tells=Quiet())

    assert (found.same, found.different) == (6, 0)
    assert found.events == 19


async def test_a_sample_is_the_same_each_time(world: World) -> None:
    await lived(world)
    tools = await world.tools()
    one, two = [await certificate(tools, sample=3, tells=Quiet()) for _ in range(2)]

    assert one.users == 3
    assert one.live == two.live


async def test_what_cannot_be_told_apart_is_said(world: World) -> None:
    await lived(world)
    world.send("user-1", 3, partition=0)  # the others lie in the other one
    await world.work()
    (item,) = (await world.store.items.load(["film-2"])).values()
    moved = replace(item, vector=-item.vector, revision=int(2e12), etag=item.etag + 1)  # type: ignore[operator]
    await world.store.items.save([moved], {"film-2": item.etag})
    await world.change("user-1", lambda profile: replace(profile, seen=profile.seen[:-1]))
    found = await certificate(await world.tools(), sample=100, tells=Quiet())

    assert {str(why): count for why, count in found.incomparable.items()} == {
        "events in several partitions: their order between them is not kept": 1,
        "items of theirs changed after their events": 2,
    }
    assert found.good


async def test_records_that_are_gone_are_no_difference(world: World) -> None:
    await lived(world)
    world.topic.first = {0: 7, 1: 0}
    found = await certificate(await world.tools(), sample=100, tells=Quiet())

    assert {str(why): n for why, n in found.incomparable.items()} == {
        "older records are no longer in the topic": 3
    }
    assert found.same == 3
