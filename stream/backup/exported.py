"""A collection into a file and back, point by point, by the calls that every Qdrant knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from qdrant_client import AsyncQdrantClient
from qdrant_client import grpc as pb

from stream.backup import folder, pointfile
from stream.backup.manifest import File
from stream.reembed.copying import patiently
from stream.store.client import MAJORITY, Points, outages

PAGE = 200  # points of one answer or write: some 4 MB of profiles
BATCH_BYTES = 8 << 20

Advance = Callable[[int], object]
Wanted = Callable[[pb.RetrievedPoint], bool]


async def export(
    client: AsyncQdrantClient,
    collection: str,
    path: Path,
    *,
    timeout_s: float,
    advance: Advance,
    wanted: Wanted = lambda _: True,
) -> tuple[File, int]:
    """Every wanted point of a collection, whoever writes it meanwhile; the file and its points.

    Each point is as it was at one moment after the beginning. Raises Unavailable where the store
    stays away for long, and Failed where the disk is full.
    """
    with folder.writing(path) as sink:
        writer, offset = pointfile.PointWriter(sink), None
        while True:
            ask = partial(_page, client, collection, offset, timeout_s)
            answer = await patiently(ask)
            for point in filter(wanted, answer.result):
                writer.write(pointfile.stored(point))
            advance(len(answer.result))
            if not answer.HasField("next_page_offset"):
                break
            offset = answer.next_page_offset
        writer.finish()
    return sink.file, writer.count


async def import_points(points: Points, path: Path, advance: Advance) -> None:
    """Write every point of the file. Repeatable."""
    for batch in _batches(pointfile.read(path)):
        await patiently(partial(points.upsert, batch, pb.UpdateMode.Upsert))
        advance(len(batch))


async def _page(
    client: AsyncQdrantClient, collection: str, offset: pb.PointId | None, timeout_s: float
) -> pb.ScrollResponse:
    request = pb.ScrollPoints(
        collection_name=collection,
        offset=offset,
        limit=PAGE,
        with_payload=pb.WithPayloadSelector(enable=True),
        with_vectors=pb.WithVectorsSelector(enable=True),
        read_consistency=MAJORITY,
    )
    with outages():
        answer: pb.ScrollResponse = await client.grpc_points.Scroll(request, timeout=timeout_s)
    return answer


def _batches(points: Iterable[pb.PointStruct]) -> Iterator[list[pb.PointStruct]]:
    batch: list[pb.PointStruct] = []
    size = 0
    for point in points:
        batch.append(point)
        size += point.ByteSize()
        if len(batch) == PAGE or size > BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
