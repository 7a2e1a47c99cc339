"""The switch: who may work when, what a crash leaves, and the way back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import grpc
import pytest

from stream.core.segment_fit import fit
from stream.core.segments import SegmentModel
from stream.encoder.fake import FakeEncoder
from stream.errors import Failed, Misconfigured, Unavailable
from stream.reembed import switch as switches
from stream.reembed.leaving import Leaving
from stream.reembed.mover import Mover, Pass
from stream.reembed.switch import Switch, abort
from stream.store import collections, names
from stream.store.client import Points
from stream.store.codec import unpack
from stream.store.collections import aliases, change_aliases, tables
from stream.store.meta import Meta
from stream.store.moves import EncoderId, Stage, Standing, standing
from stream.store.segment_keeper import SegmentKeeper
from stream.store.segments import Segments
from stream.store.table import Table
from tests.reembed.world import (
    NEW_DIMENSION,
    OLD_DIMENSION,
    Turned,
    World,
    all_users,
    film,
)

pytestmark = pytest.mark.integration

OLD = EncoderId(FakeEncoder(OLD_DIMENSION).manifest.hash, OLD_DIMENSION)
NEW = EncoderId(FakeEncoder(NEW_DIMENSION).manifest.hash, NEW_DIMENSION)


async def nobody() -> Sequence[str]:
    return []


def switch(mover: Mover, **given: object) -> Switch:
    options = {"members": nobody, "wait_s": 0, "strict": False, "say": str, **given}
    return Switch(mover, **options)  # type: ignore[arg-type]


async def switched(world: World) -> Mover:
    mover = await world.mover()
    await switch(mover).run()
    return mover


async def stage_of(mover: Mover) -> Stage | None:
    now = await standing(mover.meta)
    return now.move.stage if now.move else None


async def can_start(world: World, encoder: FakeEncoder | Turned) -> str:
    """ "yes", or how a worker of this encoder is kept from working."""
    try:
        store = await world.worker(encoder)
    except Unavailable as waits:
        return f"waits: {waits}"
    except Misconfigured as refusal:
        return f"refused: {refusal}"
    await store.close()
    return "yes"


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
        mover.client, world.settings, OLD, mover.meta, lambda n, part, _: names.readers(n, part)
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
    """Each third call is done, and its answer lost."""
    await world.segment()
    mover = await world.mover()
    await mover.copy()
    gone = (await mover.source.users.table.stamps()).keys()
    await mover.source.users.table.points.delete(sorted(gone)[:1])
    original, calls = getattr(owner, name), []

    async def hiccup(*given: object, **named: object) -> object:
        calls.append(name)
        answer = await original(*given, **named)
        if len(calls) % 3 == 1:
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


# --- crashes


class Crash(Exception):
    """The process ends here."""


STEPS = ("_wait", "_shut", "_finish", "_switch", "_end")


def crash_at(monkeypatch: pytest.MonkeyPatch, step: str, *, after: bool) -> None:
    """Let the process end just before, or just after, a step of the switch."""
    if step in ("_finish", "_end"):
        owner: type = Mover if step == "_finish" else Switch
        name = "finish" if step == "_finish" else "_enter"
    else:
        owner, name = Switch, step
    original = getattr(owner, name)

    async def crash(self: object, *given: object) -> None:
        if step == "_end" and given != (Stage.ENDED,):
            await original(self, *given)
            return
        if after:
            await original(self, *given)
        raise Crash

    monkeypatch.setattr(owner, name, crash)


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


async def test_while_one_switch_is_under_way_there_is_no_other(world: World) -> None:
    await switch(await world.mover())._enter(Stage.LEAVING)

    with pytest.raises(Misconfigured, match=rf"a switch to {NEW.hash} .*has begun.*--abort"):
        await world.mover(FakeEncoder(16))


# --- back


async def test_going_back_makes_only_what_changed_since(world: World) -> None:
    before = await all_users(world.store)
    await switched(world)
    new = await world.worker(world.new)
    await world.act("user-3", 7, store=new)
    seen = len(world.old.seen)

    back = await world.mover(FakeEncoder(OLD_DIMENSION))
    await switch(back).run()
    assert {what: n for what, n in world.tally.begun if n} == {"users": 1}
    assert len(world.old.seen) == seen

    again = await world.worker(world.old)
    found = await all_users(again)
    changed = {user for user, row in found.items() if row.etag != before[user].etag}
    assert changed == {"user-3"}
    assert unpack(found["user-3"]).recent[-1].item_id == "film-7"
    assert await can_start(world, world.old) == "yes"
    assert (await can_start(world, world.new)).startswith("refused: ")
    await again.close()
    with pytest.raises(grpc.aio.AioRpcError):
        await world.act("user-4", 7, store=new)
    await new.close()


# --- segments


async def test_nobody_changes_segment_because_the_model_changed(world: World) -> None:
    """Centroids in the new space under the same ids and version; workers find them."""
    model = await world.segment()
    await switched(world)
    new = await world.worker(world.new)
    keeper = SegmentKeeper(new)
    await keeper.refresh()

    found = keeper.model
    assert found is not None
    assert found.version == model.version
    assert [(s.id, s.label) for s in found.segments] == [(s.id, s.label) for s in model.segments]
    assert {len(s.centroid) for s in found.segments} == {NEW_DIMENSION}
    assert [s.size for s in found.segments] == [3, 3, 3, 3]
    members = {u: r.segment for u, r in (await all_users(new)).items()}
    assert set(members.values()) == {s.id for s in found.segments}

    _, tastes = await new.users.tastes(100)
    refitted = fit(tastes, count=4, version=found.version + 1, before=found)
    assert {(s.id, s.label) for s in refitted.segments} == {(s.id, s.label) for s in model.segments}
    await new.close()


async def test_a_model_that_came_into_force_at_the_last_moment_is_the_one_that_is_copied(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.segment()
    mover = await world.mover()
    original = mover.copy
    late: list[SegmentModel] = []

    async def copy() -> Pass:
        done = await original()
        if done.complete and not late:
            late.append(await world.segment_model())
        return done

    monkeypatch.setattr(mover, "copy", copy)
    monkeypatch.setattr(Switch, "_shut", nothing)  # a leader is still at work
    await switch(mover).run()

    new = await world.worker(world.new)
    found = await new.segments.current()
    assert found is not None
    assert found.version == late[0].version
    assert len(found.segments) == 4
    await new.close()


async def test_a_leader_that_was_stalled_puts_no_model_in_force_after_the_last_pass(
    world: World,
) -> None:
    """Its points are where the new workers do not look."""
    await world.segment()
    claim = await world.store.segments.claim(1)
    assert claim is not None
    model = await world.store.segments.current()
    assert model is not None
    await world.store.segments.save(replace(model, version=claim.version))
    mover = await switched(world)

    assert not await world.store.segments.switch(claim.version, claim.etag)
    assert await mover.target.segments.current_version() == model.version


async def nothing(_: Switch) -> None:
    """The doors stay open."""


async def test_films_stay_as_near_as_they_were(world: World) -> None:
    """A model that sees the same ranks the same after the switch."""
    mover = await world.mover(Turned())
    await switch(mover).run()
    new = await world.worker(Turned())
    old_vector = (await mover.source.items.load([film(1).item_id]))["film-1"].vector
    other_old = (await mover.source.items.load([film(5).item_id]))["film-5"].vector
    rows = await new.items.load(["film-1", "film-5"])
    assert old_vector is not None and other_old is not None  # noqa: PT018
    a, b = rows["film-1"].vector, rows["film-5"].vector
    assert a is not None and b is not None  # noqa: PT018
    assert float(a @ b) == pytest.approx(float(old_vector @ other_old), abs=1e-5)
    await new.close()
