"""Nobody of the old encoder writes where it is never copied from."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from stream.errors import Misconfigured
from stream.reembed.switch import Switch
from stream.store import names
from stream.store.codec import unpack
from stream.store.collections import aliases, change_aliases, tables
from stream.store.meta import Meta
from stream.store.moves import Stage, Standing, standing
from tests.reembed.switching import OLD, Crash, crash_at, switch, switched
from tests.reembed.world import World

pytestmark = pytest.mark.integration


async def test_a_stalled_old_worker_can_write_nothing_from_the_shutting_of_its_doors_on(
    world: World,
) -> None:
    """What it cannot write it does not acknowledge, so nothing is lost to the new workers."""
    stalled = world.store
    row = (await stalled.users.load(["user-1"]))["user-1"]
    mover = await switched(world)

    with pytest.raises(grpc.aio.AioRpcError):
        await stalled.users.save([row], {"user-1": row.etag + 1})
    with pytest.raises(grpc.aio.AioRpcError):
        await stalled.users.load(["user-1"])
    assert (await mover.source.users.load(["user-1"]))["user-1"].etag == row.etag


async def test_the_last_pass_begins_when_nobody_can_write_any_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a worker that wakes up could save, and acknowledge, what is never copied."""
    mover = await world.mover()
    original, refused = mover.finish, []

    async def finish() -> None:
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await world.act("user-1", 2)
        refused.append(refusal.value.code())
        await original()

    monkeypatch.setattr(mover, "finish", finish)
    await switch(mover).run()
    assert refused == [grpc.StatusCode.NOT_FOUND]


async def test_nor_can_workers_of_a_version_that_goes_through_the_readers_aliases(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    mover = await world.mover()
    former = tables(
        mover.client, world.settings, OLD, mover.meta, lambda n, part, *_: names.readers(n, part)
    )
    await world.act("user-1", 2, store=former)
    original, refused = mover.finish, []

    async def finish() -> None:
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await world.act("user-1", 2, store=former)
        refused.append(refusal.value.code())
        await original()

    monkeypatch.setattr(mover, "finish", finish)
    await switch(mover).run()
    assert refused == [grpc.StatusCode.NOT_FOUND]


@pytest.mark.parametrize("moment", ["finish", "commit"])
async def test_what_comes_through_a_door_that_a_starting_worker_opened_is_copied(
    world: World, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """It was admitted before the switch began, and stalled before it made its aliases."""
    mover = await world.mover()
    done = mover.finish if moment == "finish" else None
    reopened: list[bool] = []

    async def reopen() -> None:
        if not reopened:
            reopened.append(True)
            await change_aliases(
                mover.client, made=names.aliases(world.settings.namespace, OLD.hash)
            )
            await world.act("user-1", 3)

    async def finish() -> None:
        assert done is not None
        await done()
        await reopen()

    original = Switch._enter

    async def enter(self: Switch, stage: Stage) -> None:
        await original(self, stage)
        if stage is Stage.SWITCHING:
            await reopen()

    if moment == "finish":
        monkeypatch.setattr(mover, "finish", finish)
    else:
        monkeypatch.setattr(Switch, "_enter", enter)
    await switch(mover).run()

    assert reopened
    found = (await mover.target.users.load(["user-1"]))["user-1"]
    assert unpack(found).recent[-1].item_id == "film-3"
    with pytest.raises(grpc.aio.AioRpcError):
        await world.act("user-1", 2)


async def test_so_it_is_when_a_switch_is_taken_up_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        crash_at(patched, "_switch", after=False)
        mover = await world.mover()
        with pytest.raises(Crash):
            await switch(mover).run()
    await change_aliases(mover.client, made=names.aliases(world.settings.namespace, OLD.hash))
    await world.act("user-1", 3)
    again = await switched(world)

    found = (await again.target.users.load(["user-1"]))["user-1"]
    assert unpack(found).recent[-1].item_id == "film-3"


@pytest.mark.parametrize("end", [RuntimeError, asyncio.CancelledError, Misconfigured])
async def test_a_start_that_fails_leaves_no_door_open(
    world: World, monkeypatch: pytest.MonkeyPatch, end: type[BaseException]
) -> None:
    client, namespace = world.store.client, world.settings.namespace
    doors = names.aliases(namespace, OLD.hash)
    await change_aliases(client, gone=doors)
    original, looks = standing, []

    async def look(meta: Meta) -> Standing:
        looks.append(1)
        if len(looks) == 2:
            assert doors.keys() <= (await aliases(client)).keys()
            raise end("now")
        return await original(meta)

    monkeypatch.setattr("stream.store.collections.standing", look)
    with pytest.raises(end):
        await world.worker(world.old)
    assert not doors.keys() & (await aliases(client)).keys()
