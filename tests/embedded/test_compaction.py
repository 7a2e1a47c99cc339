"""A compaction changes nothing but the files, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import qdrant_edge as edge
from qdrant_client.grpc import collections_pb2 as pb2

from stream.embedded.qdrant import collection as module
from stream.embedded.qdrant.collection import Collection
from stream.embedded.qdrant.compaction import Abandoned, compact
from stream.embedded.qdrant.directory import Directory

pytestmark = pytest.mark.integration
POINTS = 100


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    directory = Directory(tmp_path).open()
    yield directory
    directory.close()


@pytest.fixture
def films(directory: Directory) -> Collection:
    """Points that an index is worth building for."""
    params = pb2.VectorParams(size=8, distance=pb2.Distance.Dot)
    wanted = pb2.CreateCollection(
        collection_name="films",
        vectors_config=pb2.VectorsConfig(params=params),
        optimizers_config=pb2.OptimizersConfigDiff(indexing_threshold=1),
    )
    directory.create(wanted)
    films = directory.named("films")
    films.apply([upsert(id_, 0) for id_ in range(POINTS)], rows=POINTS)
    return films


def upsert(id_: int, number: int) -> edge.UpdateOperation:
    vector = [float(id_), 1.0, 0.5, 0.25, 2.0, -1.0, 3.0, float(number)]
    return edge.UpdateOperation.upsert_points([edge.Point(id_, vector, {"number": number})])


def numbers(films: Collection) -> dict[object, int]:
    found, _ = films.shard.scroll(edge.ScrollRequest(limit=1_000_000, with_payload=True))
    return {one.id: one.payload["number"] for one in found if one.payload}


def versions(films: Collection) -> list[Path]:
    return list(films.path.glob("shard-*"))


async def write_during(compaction: asyncio.Task[bool], films: Collection) -> dict[int, int]:
    """Write new points until it ends; the number of every point there is then."""
    written = dict.fromkeys(range(POINTS), 0)
    for id_ in itertools.count(POINTS):
        if compaction.done():
            break
        await films.writable.wait()
        films.apply([upsert(id_, id_)], rows=1)
        written[id_] = id_
        await asyncio.wait({compaction}, timeout=0.001)
    return written


async def test_what_is_written_meanwhile_is_kept(directory: Directory, films: Collection) -> None:
    before = films.shard
    compaction = asyncio.create_task(compact(films, lambda: True))

    written = await write_during(compaction, films)

    assert compaction.result() is True
    assert films.shard is not before
    assert numbers(films) == written
    assert len(versions(films)) == 1
    directory.close()
    directory.open()
    assert numbers(directory.named("films")) == written


async def test_with_nothing_to_do_the_live_version_stays(films: Collection) -> None:
    assert await compact(films, lambda: True)
    before = films.shard

    assert not await compact(films, lambda: True)

    assert films.shard is before
    assert len(versions(films)) == 1


async def test_too_much_to_replay_gives_up_and_loses_nothing(
    films: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REPLAY_MAX", 10)
    before = films.shard
    compaction = asyncio.create_task(compact(films, lambda: True))

    written = await write_during(compaction, films)

    assert isinstance(compaction.exception(), Abandoned)
    assert films.shard is before
    assert numbers(films) == written
    assert len(versions(films)) == 1


async def test_a_collection_deleted_meanwhile_stays_deleted(
    directory: Directory, films: Collection
) -> None:
    compaction = asyncio.create_task(compact(films, lambda: "films" in directory.collections))
    await asyncio.sleep(0)
    await films.writable.wait()

    directory.delete("films")

    with pytest.raises(Abandoned):
        await compaction
    assert list((directory.root / "collections").iterdir()) == []
