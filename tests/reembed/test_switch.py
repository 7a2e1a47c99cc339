"""The switch: who may work when, and how long it waits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from stream.encoder.fake import FakeEncoder
from stream.errors import Failed
from stream.reembed.leaving import Leaving
from stream.store import names
from stream.store.codec import unpack
from stream.store.collections import aliases
from stream.store.moves import Stage
from tests.reembed.switching import NEW, OLD, can_start, stage_of, switch, switched
from tests.reembed.world import World, all_users

pytestmark = pytest.mark.integration


async def test_after_the_switch_the_new_workers_go_on_where_the_old_ones_ended(
    world: World,
) -> None:
    before = await all_users(world.store)
    await switched(world)

    new = await world.worker(world.new)
    found = await all_users(new)
    assert {u: unpack(r).marks for u, r in found.items()} == {
        u: unpack(r).marks for u, r in before.items()
    }
    profile = await world.act("user-0", 4, store=new)
    assert profile.version > unpack(before["user-0"]).version
    assert profile.recent[-1].item_id == "film-4"
    await new.close()
    assert (await can_start(world, world.old)).startswith("refused: ")
    assert "INTERESTREAM_MODEL_DIR" in await can_start(world, world.old)


async def test_readers_follow_the_encoder_in_force(world: World) -> None:
    mover = await switched(world)
    namespace = world.settings.namespace
    found = await aliases(mover.client)

    assert {a: t for a, t in found.items() if a.startswith(namespace)} == names.aliases(
        namespace, NEW.hash
    )
    assert await stage_of(mover) is None


async def test_who_may_work_at_each_stage(world: World) -> None:
    """Old workers until they are asked to leave, new ones from the end on, others never."""
    third = FakeEncoder(16)
    mover = await world.mover()
    assert await stage_of(mover) is Stage.COPYING
    assert await can_start(world, world.old) == "yes"
    assert f"waits for the switch to {NEW.hash}" in await can_start(world, world.new)
    assert (await can_start(world, third)).startswith("refused: ")

    told: list[str] = []

    async def look() -> Sequence[str]:
        told.append(await can_start(world, world.old))
        told.append(await can_start(world, world.new))
        return []

    await switch(mover, members=look).run()
    assert told[0].startswith("waits: ")
    assert "INTERESTREAM_MODEL_DIR" in told[0]
    assert told[1].startswith("waits: ")
    assert await can_start(world, world.new) == "yes"
    assert (await can_start(world, world.old)).startswith("refused: ")


async def test_a_worker_leaves_when_its_encoder_does_and_not_before(world: World) -> None:
    mover = await world.mover()
    stop = asyncio.Event()
    leaving = Leaving(world.store.meta, OLD, stop)
    await leaving.look()
    assert not stop.is_set()

    await switch(mover)._enter(Stage.LEAVING)
    await leaving.look()
    assert stop.is_set()


async def test_a_worker_that_missed_the_whole_move_leaves_too(world: World) -> None:
    await switched(world)
    old, new = asyncio.Event(), asyncio.Event()
    await Leaving(world.store.meta, OLD, old).look()
    await Leaving(world.store.meta, NEW, new).look()

    assert old.is_set()
    assert not new.is_set()


async def test_what_is_written_until_the_doors_are_shut_is_copied(world: World) -> None:
    mover = await world.mover()
    await mover.catch_up()

    async def last_words() -> Sequence[str]:
        await world.act("user-5", 3)
        return []

    await switch(mover, members=last_words).run()
    found = (await mover.target.users.load(["user-5"]))["user-5"]
    assert unpack(found).recent[-1].item_id == "film-3"


async def test_where_that_is_asked_old_workers_that_do_not_leave_may_go_on(world: World) -> None:
    async def somebody() -> Sequence[str]:
        return ["worker-1 10.0.0.7"]

    mover = await world.mover()
    with pytest.raises(Failed, match=r"1 members.*--wait-s.*worker-1 10\.0\.0\.7.*--strict"):
        await switch(mover, members=somebody, strict=True).run()

    assert await stage_of(mover) is Stage.COPYING
    assert await can_start(world, world.old) == "yes"
    await world.act("user-1", 2)


async def test_else_it_goes_on_without_them(world: World) -> None:
    async def somebody() -> Sequence[str]:
        return ["worker-1"]

    mover = await world.mover()
    said: list[str] = []
    await switch(mover, members=somebody, say=said.append).run()

    assert "still listed in the consumer group, and cut off from the store now: worker-1" in said
    assert await can_start(world, world.new) == "yes"
