"""Deciding about a held model of segments while the store is closed, and a leader that wakes up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from stream.commands.segments import decide
from stream.errors import Failed, Unavailable
from stream.reembed.mover import enter
from stream.reembed.switch import Switch
from stream.store import restoring
from stream.store.meta import Meta
from stream.store.moves import Move, Stage, standing
from stream.store.restoring import RESTORE_FACT, Restoring
from stream.store.segment_decisions import accept
from stream.store.segment_history import SegmentHistory
from stream.store.segments import MODEL_FACT, Claim, Segments
from tests.reembed.switching import OLD, switch, switched
from tests.reembed.world import World

pytestmark = pytest.mark.integration


async def saved(world: World) -> Claim:
    """The claim of a new model that is there, and neither held nor in force."""
    claim = await world.store.segments.claim(1)
    model = await world.store.segments.current()
    assert claim is not None
    assert model is not None
    await world.store.segments.save(replace(model, version=claim.version))
    return claim


async def held(world: World) -> int:
    """The version of a model that waits for a decision, beside another one in force."""
    await world.segment()
    claim = await saved(world)
    assert await world.store.segments.hold(claim.version, claim.etag)
    return claim.version


async def assert_refused(world: World, said: str) -> None:
    before = await world.store.segments.standing()
    for yes in (True, False):
        with pytest.raises(Unavailable, match=said):
            await decide(world.settings, None, yes=yes)
    assert await world.store.segments.standing() == before


async def test_while_the_store_moves_nothing_is_decided(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither before its point of no return nor after it."""
    version = await held(world)
    said = "moves to encoder .* closed for some seconds: ask again"
    asked: list[Stage | None] = []
    original = Switch._switch

    async def ask() -> Sequence[str]:
        await assert_refused(world, said)
        now = await standing(world.store.meta)
        asked.append(now.move.stage if now.move else None)
        return []

    async def late(self: Switch) -> None:
        await ask()
        await original(self)
        await ask()

    monkeypatch.setattr(Switch, "_switch", late)
    await switch(await world.mover(), members=ask).run()

    assert asked == [Stage.LEAVING, Stage.SWITCHING, Stage.SWITCHING]
    with pytest.raises(Failed, match="its points are not there"):  # the new space has others
        await decide(world.settings, version, yes=True)


async def test_while_copies_are_made_a_decision_counts_and_comes_along(world: World) -> None:
    version = await held(world)
    mover = await world.mover()
    assert await decide(world.settings, None, yes=True) == version
    await switch(mover).run()

    found = await mover.target.segments.current()
    assert found is not None
    assert found.version == version


class Stalled(Meta):
    """Facts of somebody who sleeps before the model in force is changed."""

    def __init__(self, meta: Meta, sleeps: Callable[[], Awaitable[object]]) -> None:
        super().__init__(meta._points)
        self._sleeps = sleeps

    async def put(self, name: str, value: Mapping[str, Any], read_etag: int | None) -> bool:
        if name == MODEL_FACT:
            await self._sleeps()
        return await super().put(name, value, read_etag)


async def test_a_yes_that_was_stalled_over_the_move_changes_nothing(world: World) -> None:
    """The model's points are where the new workers do not look."""
    version = await held(world)
    before = (await world.store.segments.standing()).version

    async def sleeps() -> None:
        if (await standing(world.store.meta)).encoder == OLD:
            await switched(world)

    store = world.store
    segments = Segments(store.segments._points, Stalled(store.meta, sleeps))
    assert not await segments.accept(version)
    assert await store.segments.current_version() == before


async def test_while_profiles_are_rebuilt_nothing_is_decided(world: World) -> None:
    version = await held(world)
    meta, move = world.store.meta, Move(OLD, OLD, "profiles rebuilt", Stage.LEAVING, 1)
    await enter(meta, await standing(meta), move)

    said = "profiles are being rebuilt .* wait for it"
    await assert_refused(world, said)
    with pytest.raises(Unavailable, match=said):
        await accept(world.store.segments, SegmentHistory(meta, world.store.segments), version)
    await enter(meta, await standing(meta), Move(OLD, OLD, "profiles rebuilt", Stage.ENDED, 1))
    assert await decide(world.settings, None, yes=False)


async def test_in_the_middle_of_a_restore_nothing_is_decided_nor_put_in_force(
    world: World,
) -> None:
    """A leader that was stalled may hold the etag that the restore brings back."""
    await held(world)
    claim = await saved(world)
    segments, fact = world.store.segments, Restoring("s1", "/snapshots/s1")
    assert await world.store.meta.put(RESTORE_FACT, restoring.as_value(fact), None)

    await assert_refused(world, "restored from /snapshots/s1")
    before = await segments.standing()
    for step in (segments.switch, segments.hold):
        with pytest.raises(Unavailable, match="restored"):
            await step(claim.version, claim.etag)
    assert await segments.standing() == before


async def test_before_a_restore_has_brought_its_facts_back_it_is_the_restore_that_is_told_of(
    world: World,
) -> None:
    """And not that no model is held."""
    fact = Restoring("s1", "/snapshots/s1")
    assert await world.store.meta.put(RESTORE_FACT, restoring.as_value(fact), None)

    await assert_refused(world, "restored from /snapshots/s1")
