"""What is restored is what was saved, point by point, on either kind of store and across."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.backup.manifest import Kind
from stream.backup.snapshots import connected
from tests.backup.deployment import POINTS, Deployment, Told, settings_at
from tests.support.stores import Place

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]


async def test_what_is_restored_is_what_was_saved(qdrant: Place, tmp_path: Path) -> None:
    one = await Deployment(settings_at(qdrant)).filled()
    saving, restoring = Told(), Told()
    before = await one.holds()
    manifest = await one.save(tmp_path, saving)
    await one.lose()
    await one.restore(tmp_path, restoring)

    assert await one.holds() == before
    assert {saved.part: saved.points for saved in manifest.collections} == {**POINTS, "meta": 2}
    assert all(saved.kind is Kind.POINTS for saved in manifest.collections)
    assert saving.done.items() >= POINTS.items()
    assert restoring.done.items() >= POINTS.items()
    assert {one.name: one.offsets for one in one.around.set_to} == {
        "events": {0: 12},
        "items": {0: 12},
        "signals": {0: 20},
    }
    store = await one.open()  # a worker may
    assert await store.users.count() == POINTS["users"]
    await store.close()


async def test_a_servers_own_snapshots_bring_back_the_same(
    qdrant_server: Place, tmp_path: Path
) -> None:
    one = await Deployment(settings_at(qdrant_server)).filled()
    saving, restoring = Told(), Told()
    before = await one.holds()
    manifest = await one.save(tmp_path, saving, export=False)
    await one.lose()
    await one.restore(tmp_path, restoring)

    assert await one.holds() == before
    kinds = {saved.part: saved.kind for saved in manifest.collections}
    assert kinds.pop("meta") is Kind.POINTS
    assert set(kinds.values()) == {Kind.SNAPSHOT}
    assert saving.done["users"] == saving.total["users"] == manifest.of("users").file.size
    assert restoring.done["users"] == restoring.total["users"]
    async with connected(one.settings) as rest:
        left = await rest._call("GET", f"/collections/{one.collection('users')}/snapshots")
    assert left == [], "a copy stayed on the server"


@pytest.mark.parametrize("there", [True, False])
async def test_what_one_kind_of_store_exports_the_other_restores(
    embedded_qdrant: Place, qdrant_server: Place, tmp_path: Path, there: bool
) -> None:
    kinds = (embedded_qdrant, qdrant_server) if there else (qdrant_server, embedded_qdrant)
    one = await Deployment(settings_at(kinds[0])).filled()
    other = Deployment(settings_at(kinds[1], one.settings.namespace))
    await one.save(tmp_path)
    await other.restore(tmp_path)

    assert await other.holds() == await one.holds()


async def test_the_embedded_store_cannot_take_a_servers_own_snapshots(
    embedded_qdrant: Place, qdrant_server: Place, tmp_path: Path
) -> None:
    one = await Deployment(settings_at(qdrant_server)).filled({"items": 3})
    await one.save(tmp_path, export=False)
    other = Deployment(settings_at(embedded_qdrant, one.settings.namespace))

    (obstacle,) = (await other.plan(tmp_path)).obstacles
    assert "--export" in obstacle
