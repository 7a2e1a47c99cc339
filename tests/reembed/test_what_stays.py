"""What a switch leaves as it was: segments, nearness, and the way back."""

from __future__ import annotations

from dataclasses import replace

import grpc
import pytest

from stream.core.segment_fit import fit
from stream.core.segments import SegmentModel
from stream.encoder.fake import FakeEncoder
from stream.reembed.mover import Pass
from stream.reembed.switch import Switch
from stream.store.codec import unpack
from stream.store.segment_keeper import SegmentKeeper
from tests.reembed.switching import can_start, switch, switched
from tests.reembed.world import NEW_DIMENSION, OLD_DIMENSION, Turned, World, all_users, film

pytestmark = pytest.mark.integration


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
