"""A restore that ends in the middle: no worker works on half a store, and running it again ends
it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stream.backup import facts
from stream.backup.restore import _Restorer
from stream.errors import Failed, Misconfigured, Unavailable
from stream.store import names
from stream.store.collections import aliases, change_aliases, ensure_collections
from stream.store.moves import ENCODER_FACT, MOVE_FACT, Move, Stage, as_value
from stream.store.restoring import RESTORE_FACT
from tests.backup.deployment import OURS, Deployment, settings_at
from tests.support.stores import Place

pytestmark = [pytest.mark.integration, pytest.mark.timeout(90)]

FEW = {"users": 5, "items": 2, "neighbours": 2, "segments": 1}
STEPS = ("_shut", "_fill", "_check", "_facts", "_offsets", "_unbar")


class Crash(Exception):
    """The process ends here."""


def crash_before(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Let the process end just before the first run of a step."""

    async def crash(self: _Restorer, *given: Any) -> None:
        raise Crash

    monkeypatch.setattr(_Restorer, step, crash)


@pytest.fixture
def one(embedded_qdrant: Place) -> Deployment:
    return Deployment(settings_at(embedded_qdrant))


async def can_start(one: Deployment) -> bool:
    """Whether a worker may work; if not, it has to wait for the restore."""
    try:
        store = await one.open()
    except Unavailable as waits:
        return "is being restored" not in str(waits)
    await store.close()
    return True


async def test_wherever_it_ends_no_worker_begins_and_the_same_command_ends_it(
    one: Deployment, tmp_path: Path
) -> None:
    await one.filled(FEW)
    await one.save(tmp_path)
    before = await one.holds()
    for step in STEPS:  # each run comes a step further than the one before
        with pytest.MonkeyPatch.context() as patching:
            crash_before(patching, step)
            with pytest.raises(Crash):
                await one.restore(tmp_path, replace=step == STEPS[0])
        assert not await can_start(one), step
    await one.restore(tmp_path)

    assert await one.holds() == before
    assert one.around.set_to, "the group was not set back"
    assert await can_start(one)


async def test_a_run_that_goes_on_leaves_whole_collections_alone(
    one: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await one.filled(FEW)
    await one.save(tmp_path)
    with monkeypatch.context() as patching:
        crash_before(patching, "_facts")
        with pytest.raises(Crash):
            await one.restore(tmp_path, replace=True)
    filled: list[str] = []
    original = _Restorer._fill

    async def watched(self: _Restorer, saved: Any) -> None:
        filled.append(saved.part)
        await original(self, saved)

    monkeypatch.setattr(_Restorer, "_fill", watched)
    await one.restore(tmp_path)

    assert filled == []


async def test_of_two_restores_at_once_the_first_finds_that_it_was_taken_over(
    one: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await one.filled(FEW)
    await one.save(tmp_path)
    before = await one.holds()
    original, others = _Restorer._check, [1]

    async def late(self: _Restorer, saved: Any) -> None:
        if others:
            others.pop()
            await one.restore(tmp_path, replace=True)
        await original(self, saved)

    monkeypatch.setattr(_Restorer, "_check", late)
    with pytest.raises(Failed, match="took over"):
        await one.restore(tmp_path, replace=True)

    assert await one.holds() == before
    assert one.around.set_to, "the second one did not come to its end"


async def test_who_leads_and_a_move_under_way_do_not_come_back(
    one: Deployment, tmp_path: Path
) -> None:
    await one.filled(FEW)
    store = await one.open()
    lease = {"holder": "a worker that is gone", "until": 2e9}
    await store.meta.put(facts.LEASE_FACT, lease, None)
    move = Move(OURS, OURS, "a model", Stage.COPYING)
    await store.meta.put(MOVE_FACT, as_value(move), None)
    await store.meta.put("segment_model", {"version": 1, "previous": 0, "claimed": 1}, None)
    await one.save(tmp_path)
    await one.restore(tmp_path, replace=True)

    for name, stays in (
        (facts.LEASE_FACT, False),
        (MOVE_FACT, False),
        (RESTORE_FACT, False),
        (ENCODER_FACT, True),
        ("segment_model", True),
        ("skips", True),
    ):
        assert (await store.meta.get(name) is not None) == stays, name
    await store.close()


async def test_the_lease_is_the_leaders() -> None:
    from stream.agents.leader import LEASE

    assert LEASE == facts.LEASE_FACT


async def test_no_snapshot_is_taken_amid_a_switch_or_a_restore(
    one: Deployment, tmp_path: Path
) -> None:
    await one.filled(FEW)
    store = await one.open()
    await store.meta.put(MOVE_FACT, as_value(Move(OURS, OURS, "a model", Stage.SWITCHING)), None)
    with pytest.raises(Misconfigured, match="being switched"):
        await one.save(tmp_path / "a")
    with pytest.raises(Misconfigured, match="was not finished"):
        await one.plan(tmp_path / "a")
    await store.close()


async def test_a_namespace_without_a_store_has_no_snapshot(one: Deployment, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="INTERESTREAM_NAMESPACE"):
        await one.save(tmp_path)


async def test_members_who_come_in_the_last_moment_keep_the_offsets_as_they_are(
    one: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await one.filled(FEW)
    await one.save(tmp_path)
    original = _Restorer._facts

    async def late(self: _Restorer) -> None:
        one.around.present = ["a worker"]
        await original(self)

    monkeypatch.setattr(_Restorer, "_facts", late)
    with pytest.raises(Failed, match="a worker came"):
        await one.restore(tmp_path, replace=True)
    assert one.around.set_to == []
    assert not await can_start(one)
    one.around.present = []
    monkeypatch.setattr(_Restorer, "_facts", original)
    await one.restore(tmp_path)

    assert one.around.set_to
    assert await can_start(one)


async def test_collections_that_the_snapshot_does_not_lead_to_stay_without_an_alias(
    one: Deployment, tmp_path: Path
) -> None:
    """A stalled worker of profiles that were rebuilt since must not go on writing them."""
    await one.filled(FEW)
    await one.save(tmp_path)
    store = await one.open()
    newer = names.collection(one.settings.namespace, "users", OURS.hash, 1)
    door = names.writers(one.settings.namespace, "users", OURS.hash, 1)
    await ensure_collections(store.client, one.settings.namespace, OURS, 1, ("users",))
    await change_aliases(store.client, made={door: newer})
    plan = await one.restore(tmp_path, replace=True)

    assert plan.replaced[newer] == 0
    assert door not in await aliases(store.client)
    assert await store.client.collection_exists(newer)
    await store.close()
