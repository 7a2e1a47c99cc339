"""What a hiccup or a crash leaves of a switch, and how it is undone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from stream.encoder.fake import FakeEncoder
from stream.errors import Failed, Misconfigured, Unavailable
from stream.reembed import switch as switches
from stream.reembed.mover import enter
from stream.reembed.switch import Switch, abort, at
from stream.store import collections
from stream.store.client import Points
from stream.store.codec import unpack
from stream.store.collections import aliases
from stream.store.meta import Meta
from stream.store.moves import Stage, standing
from stream.store.segments import Segments
from stream.store.table import Table
from tests.reembed.switching import NEW, OLD, STEPS, Crash, can_start, crash_at, switch, switched
from tests.reembed.world import World, all_users

pytestmark = pytest.mark.integration


HICCUPS = (
    (Table, "stamps"),
    (Points, "delete"),
    (Meta, "get"),
    (Meta, "put"),
    (Segments, "current_version"),
    (Segments, "replace"),
    (Switch, "_opened"),
    (collections, "change_aliases"),
)


@pytest.mark.parametrize(("owner", "name"), HICCUPS, ids=[name for _, name in HICCUPS])
async def test_a_hiccup_of_the_store_does_not_end_the_switch(
    world: World, monkeypatch: pytest.MonkeyPatch, owner: object, name: str
) -> None:
    """Each fourth call is done, and its answer lost."""
    await world.segment()
    mover = await world.mover()
    await mover.copy()
    gone = (await mover.source.users.table.stamps()).keys()
    await mover.source.users.table.points.delete(sorted(gone)[:1])
    original, calls = getattr(owner, name), []

    async def hiccup(*given: object, **named: object) -> object:
        calls.append(name)
        answer = await original(*given, **named)
        if len(calls) % 4 == 1:
            raise Unavailable("qdrant", "a hiccup")
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(switches if owner is collections else owner, name, hiccup)
        await switch(mover).run()
    assert calls
    assert await can_start(world, world.new) == "yes"
    assert (await can_start(world, world.old)).startswith("refused: ")


async def test_nor_does_one_of_the_broker(world: World) -> None:
    asked: list[int] = []

    async def members() -> Sequence[str]:
        asked.append(1)
        if len(asked) == 1:
            raise Unavailable("kafka", "no coordinator at this moment")
        return []

    await switch(await world.mover(), members=members).run()
    assert len(asked) == 2


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
async def test_after_a_crash_the_same_command_ends_it(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    before = await all_users(world.store)
    with monkeypatch.context() as patched:
        crash_at(patched, step, after=after)
        with pytest.raises(Crash):
            await switch(await world.mover()).run()
    if (step, after) != ("_end", True):
        await switch(await world.mover()).run()

    assert await can_start(world, world.new) == "yes"
    assert (await can_start(world, world.old)).startswith("refused: ")
    new = await world.worker(world.new)
    assert {u: r.updated_at for u, r in (await all_users(new)).items()} == {
        u: r.updated_at for u, r in before.items()
    }
    await new.close()


@pytest.mark.parametrize("step", ["_wait", "_shut", "_finish"])
async def test_before_its_point_of_no_return_a_crashed_switch_can_be_undone(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with monkeypatch.context() as patched:
        crash_at(patched, step, after=True)
        with pytest.raises(Crash):
            await switch(await world.mover()).run()
    mover = await world.mover()
    undone = await abort(mover.client, mover.meta, mover.namespace)
    assert undone is not None
    assert undone.after == NEW

    await world.act("user-1", 2)  # by a worker that never left
    assert await can_start(world, world.old) == "yes"
    assert (await can_start(world, world.new)).startswith("refused: ")
    again = await switched(world)
    found = (await again.target.users.load(["user-1"]))["user-1"]
    assert unpack(found).recent[-1].item_id == "film-2"


async def test_after_its_point_of_no_return_it_cannot_be_undone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        crash_at(patched, "_switch", after=False)
        mover = await world.mover()
        with pytest.raises(Crash):
            await switch(mover).run()

    with pytest.raises(Failed, match=r"past its point of no return.*--switch"):
        await abort(mover.client, mover.meta, mover.namespace)


async def test_undoing_nothing_is_nothing(world: World) -> None:
    assert await abort(world.store.client, world.store.meta, world.settings.namespace) is None
    await world.act("user-1", 2)


async def test_a_switch_that_somebody_undid_ends_without_effect(world: World) -> None:
    mover = await world.mover()

    async def undone() -> Sequence[str]:
        await abort(mover.client, mover.meta, mover.namespace)
        return []

    with pytest.raises(Failed, match=r"undone or replaced"):
        await switch(mover, members=undone).run()
    assert await can_start(world, world.old) == "yes"
    assert (await standing(mover.meta)).encoder == OLD


async def test_nor_does_a_switch_that_a_restore_overtook_lead_anywhere(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It slept past its point of no return, and the facts are a snapshot's meanwhile."""
    mover = await world.mover()
    original = Switch._enter
    before = await aliases(mover.client)

    async def overtaken(self: Switch, stage: Stage) -> None:
        await original(self, stage)
        if stage is Stage.SWITCHING:
            await enter(mover.meta, await standing(mover.meta), at(mover.move, Stage.ENDED))

    monkeypatch.setattr(Switch, "_enter", overtaken)
    with pytest.raises(Failed, match=r"undone or replaced"):
        await switch(mover).run()
    assert (await standing(mover.meta)).encoder == OLD
    assert not set(await aliases(mover.client)) - set(before)


async def test_while_one_switch_is_under_way_there_is_no_other(world: World) -> None:
    await switch(await world.mover())._enter(Stage.LEAVING)

    with pytest.raises(Misconfigured, match=rf"a switch to {NEW.hash} .*has begun.*--abort"):
        await world.mover(FakeEncoder(16))
