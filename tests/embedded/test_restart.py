"""What the embedded store has acknowledged is there after a restart, and after kill -9."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import psutil
import pytest
from qdrant_client import AsyncQdrantClient
from qdrant_client import models as m
from qdrant_client.grpc import json_with_int_pb2, points_pb2, qdrant_common_pb2

from stream import launch
from stream.embedded.qdrant import host as module
from stream.embedded.qdrant.host import EmbeddedQdrant
from stream.embedded.qdrant.upkeep import Upkeep
from stream.errors import Misconfigured
from tests.support.processes import ends
from tests.support.qdrant_cases.shared import etag_in, everything, filled
from tests.support.stores import Place

pytestmark = pytest.mark.integration
POINTS = 200  # ids that the writers share
WRITERS = 4


@pytest.fixture
def host(tmp_path: Path) -> Iterator[EmbeddedQdrant]:
    # Flushing and compacting all the time: kills fall into every moment of them.
    host = EmbeddedQdrant(tmp_path / "data", upkeep=Upkeep(0.25, compact_after_rows=POINTS))
    yield host.start()
    host.kill()


def client_of(host: EmbeddedQdrant) -> AsyncQdrantClient:
    return Place(host.http_url, host.grpc_port).client(check_compatibility=False)


async def test_a_restart_changes_nothing(host: EmbeddedQdrant) -> None:
    client = client_of(host)
    await filled(client, "films")
    await client.create_payload_index("films", "etag", m.PayloadSchemaType.INTEGER, wait=True)
    alias = m.CreateAlias(collection_name="films", alias_name="live")
    await client.update_collection_aliases([m.CreateAliasOperation(create_alias=alias)])
    before = await everything(client, "live")

    host.stop()
    host.start()

    assert await everything(client, "live") == before
    assert (await client.count("live", count_filter=etag_in(2, 3))).count == 2
    assert set((await client.get_collection("live")).payload_schema) == {"etag"}
    await client.close()


async def test_kills_under_load_lose_no_acknowledged_write(host: EmbeddedQdrant) -> None:
    """Flushes, compactions and their swaps included; what was not acknowledged may be there."""
    client = client_of(host)
    await client.create_collection(
        "films",
        vectors_config=m.VectorParams(size=8, distance=m.Distance.DOT),
        optimizers_config=m.OptimizersConfigDiff(indexing_threshold=1),
        hnsw_config=m.HnswConfigDiff(full_scan_threshold=10),
    )
    await client.close()
    numbers = itertools.count(1)
    acknowledged: dict[int, int] = {}
    moments: tuple[Callable[[], bool], ...] = (
        lambda: len(acknowledged) == POINTS,
        lambda: versions(host) > 1,  # a compaction is under way
        lambda: compactions(host) >= 1,  # its result was swapped in
        lambda: compactions(host) >= 2 and versions(host) > 1,
    )
    for moment in moments:
        await write_and_kill(host, numbers, acknowledged, moment)
        host.start()

        stored = await numbers_in(host)

        lost = {id_: number for id_, number in acknowledged.items() if stored.get(id_, 0) < number}
        assert lost == {}


async def test_a_second_start_on_the_same_directory_is_refused(host: EmbeddedQdrant) -> None:
    second = EmbeddedQdrant(host.data_dir)

    with pytest.raises(Misconfigured, match=rf"^{host.data_dir} is in use by another"):
        second.start()

    assert not second.running
    assert host.running


async def test_a_taken_port_is_named(host: EmbeddedQdrant, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=rf"port {host.grpc_port} is taken"):
        EmbeddedQdrant(tmp_path / "other", grpc_port=host.grpc_port).start()


def test_a_missing_engine_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ENGINE_MODULE", "no_such_engine")

    with pytest.raises(Misconfigured, match=r"pip install 'interestream\[embedded\]'"):
        EmbeddedQdrant(tmp_path).start()


async def write_and_kill(
    host: EmbeddedQdrant,
    numbers: Iterator[int],
    acknowledged: dict[int, int],
    moment: Callable[[], bool],
) -> None:
    """Write rising numbers to shared points; kill the store when `moment` has come."""
    client = client_of(host)
    enough = asyncio.Event()

    async def write(writer: int) -> None:
        for id_ in itertools.cycle(range(writer, POINTS, WRITERS)):
            number = next(numbers)
            try:
                await client.grpc_points.Upsert(request(id_, number))
            except grpc.aio.AioRpcError:
                return  # killed
            acknowledged[id_] = number
            if number % 50 == 0 and moment():
                enough.set()

    writers = [asyncio.create_task(write(writer)) for writer in range(WRITERS)]
    await enough.wait()
    helpers = suspended_helpers(host)
    host.kill()
    survivors = [helper for helper in helpers if not ends(helper)]
    for helper in survivors:
        helper.kill()
    assert survivors == []
    await asyncio.gather(*writers)
    await client.close()


def suspended_helpers(host: EmbeddedQdrant) -> list[psutil.Process]:
    """Its children, stopped, so that none ends by having done its work.

    But those still in the launcher: it ends when it finds its parent gone, which takes running.
    """
    helpers = psutil.Process(host.pid).children()
    for helper in helpers:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if launch.__file__ not in helper.cmdline():
                helper.suspend()
    return helpers


def request(id_: int, number: int) -> points_pb2.UpsertPoints:
    data = [float(id_), float(number % 97), 1.0, 0.0, 0.5, 0.25, 2.0, float(number % 13)]
    dense = points_pb2.DenseVector(data=data)
    point = points_pb2.PointStruct(
        id=qdrant_common_pb2.PointId(num=id_),
        vectors=points_pb2.Vectors(vector=points_pb2.Vector(dense=dense)),
        payload={"number": json_with_int_pb2.Value(integer_value=number)},
    )
    return points_pb2.UpsertPoints(collection_name="films", points=[point], wait=True)


async def numbers_in(host: EmbeddedQdrant) -> dict[int, int]:
    client = client_of(host)
    found = await client.retrieve("films", list(range(POINTS)))
    await client.close()
    return {int(one.id): one.payload["number"] for one in found if one.payload}


def compactions(host: EmbeddedQdrant) -> int:
    return host.log.read_text().count("changed=True")


def versions(host: EmbeddedQdrant) -> int:
    return len(list(host.data_dir.glob("collections/films/shard-*")))
