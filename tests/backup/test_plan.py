"""What stands in the way of a restore, and that looking changes nothing."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from stream.backup import manifest as manifests
from stream.backup.manifest import Manifest, Topic
from stream.store.moves import EncoderId
from tests.backup.deployment import Deployment, settings_at
from tests.support.stores import Place

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

FEW = {"users": 3, "items": 2}


@pytest.fixture(scope="module")
def place(embedded_qdrant: Place) -> Place:
    return embedded_qdrant


@pytest.fixture
def one(place: Place) -> Deployment:
    return Deployment(settings_at(place))


def changed(source: Path, **fields: object) -> None:
    """The snapshot, saying something else of itself."""
    whole = msgspec.structs.replace(manifests.read(source), **fields)
    (source / manifests.MANIFEST).write_bytes(msgspec.json.encode(whole))


async def test_what_stands_in_the_way_is_told_with_its_remedy(
    one: Deployment, tmp_path: Path
) -> None:
    await one.filled(FEW)
    manifest = await one.save(tmp_path)
    before = await one.holds()

    async def obstacle(**options: bool) -> str:
        found = (await one.plan(tmp_path, **options)).obstacles
        assert len(found) <= 1, found
        return "".join(found)

    held = f"{one.collection('users')} (3 points); --replace"
    assert held in await obstacle()
    assert await obstacle(replace=True) == ""
    one.around.present = ["worker-7 /10.0.0.7"]
    assert "worker-7 /10.0.0.7; stop them" in await obstacle(replace=True)
    assert await obstacle(replace=True, evict=True) == ""
    one.around.present = []

    changed(tmp_path, encoder=EncoderId("e2", 384))
    assert "INTERESTREAM_MODEL_DIR" in await obstacle(replace=True)
    changed(tmp_path, encoder=manifest.encoder, schema=99)
    assert "schema version 99" in await obstacle(replace=True)
    changed(tmp_path, schema=manifest.schema, namespace="another")
    assert "INTERESTREAM_NAMESPACE" in await obstacle(replace=True)
    changed(tmp_path, namespace=manifest.namespace, collections=_narrower(manifest))
    assert "items has the vectors" in await obstacle(replace=True)
    changed(tmp_path, collections=manifest.collections)
    path = tmp_path / manifest.of("users").file.name
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert "sha256" in await obstacle(replace=True)
    assert await one.holds() == before, "looking has changed something"


def _narrower(manifest: Manifest) -> tuple[manifests.Saved, ...]:
    def narrow(saved: manifests.Saved) -> manifests.Saved:
        if saved.part != "items":
            return saved
        vectors = {"text": {"size": 3, "distance": "Cosine"}}
        return msgspec.structs.replace(saved, params={**saved.params, "vectors": vectors})

    return tuple(map(narrow, manifest.collections))


async def test_collections_that_a_started_worker_has_made_are_in_nobodys_way(
    one: Deployment, tmp_path: Path
) -> None:
    await one.filled(FEW)
    await one.save(tmp_path)
    await one.lose()
    await (await one.open()).close()

    assert (await one.plan(tmp_path)).obstacles == ()


async def test_missing_events_are_part_of_the_plan(one: Deployment, tmp_path: Path) -> None:
    await one.filled(FEW)
    await one.save(tmp_path)
    topics = tuple(Topic(name, f"id-{name}", 1, {0: -7}) for name in ("events", "items", "signals"))
    positions = msgspec.structs.replace(manifests.read(tmp_path).positions, topics=topics)
    changed(tmp_path, positions=positions)

    (events, *_) = (await one.plan(tmp_path, replace=True)).decisions
    assert events.missing == {0: 7}
