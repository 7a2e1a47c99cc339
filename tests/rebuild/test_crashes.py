"""What a crash leaves of a rebuild, and who is in its way."""

from __future__ import annotations

from collections.abc import Callable

import grpc
import pytest

from stream.encoder.fake import FakeEncoder
from stream.errors import Failed, Misconfigured, Unavailable
from stream.rebuild import begin
from stream.rebuild.rebuilder import Rebuild
from stream.rebuild.since import Since
from stream.reembed.mover import Mover
from stream.reembed.switch import Switch
from stream.store import collections, names
from stream.store.collections import aliases, collections_of, open_store
from stream.store.moves import EncoderId, Move, Stage, Standing, standing
from tests.rebuild.world import Quiet, World, check, lived, nobody

pytestmark = pytest.mark.integration


class Crash(Exception):
    """The process ends here."""


STEPS: tuple[tuple[type, str], ...] = (
    (Rebuild, "catch_up"),
    (Switch, "_wait"),
    (Switch, "_shut"),
    (Rebuild, "finish"),
    (Switch, "_switch"),
    (Rebuild, "put_in_force"),
)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("owner", "step"), STEPS, ids=[step for _, step in STEPS])
async def test_after_a_crash_it_is_undone_or_ended(
    world: World, monkeypatch: pytest.MonkeyPatch, owner: type, step: str, after: bool
) -> None:
    live = await lived(world)
    original = getattr(owner, step)

    async def crash(self: object) -> None:
        if after:
            await original(self)
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(owner, step, crash)
        with pytest.raises(Crash):
            await world.rebuilt()
    now = await standing(world.store.meta)
    assert now.move is not None
    client, namespace = world.store.client, world.settings.namespace
    if now.move.stage is Stage.SWITCHING:
        with pytest.raises(Failed, match="past its point of no return"):
            await begin.undo(client, world.store.meta, namespace)
        tools = await world.tools()
        await world.switch(tools.rebuild(now.move, Since(), {}, Quiet()))
        check(world, live, await world.profiles())
    else:
        await begin.undo(client, world.store.meta, namespace)
        assert {u: p.version for u, p in (await world.profiles()).items()} == {
            u: p.version for u, p in live.items()
        }
        found = names.generations(namespace, world.ours.hash, await collections_of(client))
        assert found == {0}
    again = await world.worker()
    await world.change("user-1", lambda profile: profile, store=again)
    await again.close()


async def test_another_run_throws_away_what_is_half_made(world: World) -> None:
    live = await lived(world)
    first = await world.begun()
    await first.catch_up()
    await world.rebuilt()

    check(world, live, await world.profiles())
    with pytest.raises(Failed, match="undone or replaced"):
        await first.catch_up()
    found = await collections_of(world.store.client)
    assert names.generations(world.settings.namespace, world.ours.hash, found) == {0, 2}


async def test_a_stalled_worker_cannot_write_from_the_shutting_of_the_doors_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lived(world)
    refused: list[object] = []
    original = Rebuild.finish

    async def finish(self: Rebuild) -> None:
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await world.change("user-1", lambda profile: profile)
        refused.append(refusal.value.code())
        await original(self)

    monkeypatch.setattr(Rebuild, "finish", finish)
    await world.rebuilt()
    with pytest.raises(grpc.aio.AioRpcError):
        await world.change("user-1", lambda profile: profile)
    assert refused == [grpc.StatusCode.NOT_FOUND]


async def test_a_worker_that_starts_over_a_rebuild_starts_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It read which profiles are in force, and stalled; its door must not stay open."""
    await lived(world)
    original: Callable[..., object] = collections.ensure_collections
    rebuilt: list[Rebuild] = []

    async def meanwhile(*given: object, **named: object) -> None:
        await original(*given, **named)  # type: ignore[misc]
        if not rebuilt:
            rebuilt.append(await world.begun())
            await world.switch(rebuilt[0])

    monkeypatch.setattr("stream.store.collections.ensure_collections", meanwhile)
    with pytest.raises(Unavailable, match="rebuilt at this moment"):
        await open_store(
            world.settings, dimension=world.ours.dimension, encoder_hash=world.ours.hash
        )
    doors = await aliases(world.store.client)
    own = names.aliases(world.settings.namespace, world.ours.hash, 0, parts=(names.USERS,))
    assert own.keys() & doors.keys() <= {names.readers(world.settings.namespace, names.USERS)}


async def test_workers_wait_while_profiles_are_switched(world: World) -> None:
    made = await world.begun()
    await Switch(made, members=nobody, wait_s=0, strict=False, say=str)._enter(Stage.LEAVING)

    with pytest.raises(Unavailable, match=r"being rebuilt \(generation 1, leaving\).*--abort"):
        await world.worker()


async def test_beside_a_move_to_another_encoder_there_is_no_rebuild(world: World) -> None:
    move = await world.stated()
    now = await standing(world.store.meta)
    assert now.move == move
    begin.check_alone(now)
    with pytest.raises(Misconfigured, match=r"being rebuilt.*then run this again"):
        await Mover.open(
            world.store.client, world.settings, FakeEncoder(16), model="m", tells=Quiet()
        )
    away = Move(world.ours, EncoderId("e2", 8), "another", Stage.COPYING)
    other = Standing(now.encoder, None, away, None)
    with pytest.raises(Misconfigured, match="interestream reembed --abort"):
        begin.check_alone(other)
