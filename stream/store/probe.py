"""Does this server honour conditional writes? Older ones ignore the condition and overwrite."""

from __future__ import annotations

import uuid

from qdrant_client import grpc as pb

from stream.errors import Misconfigured
from stream.store import convert
from stream.store.client import Points, any_of
from stream.store.guarded import ETAG, etags


async def probe_conditional_writes(points: Points, version: str) -> None:
    """Try each kind of conditional write on a row of a random id, and take the row away again.

    version  of the server, for the message

    Raises Misconfigured if a condition was ignored: every guarantee against two writers of one
    row rests on it.
    """
    row, absent = str(uuid.uuid4()), str(uuid.uuid4())
    insert, update = pb.UpdateMode.InsertOnly, pb.UpdateMode.UpdateOnly
    # id, etag written, mode, etags the row must carry, etag that must be there afterwards
    trials = [
        (row, 1, insert, None, 1),
        (row, 2, insert, None, 1),
        (row, 3, update, 2, 1),
        (row, 4, update, 1, 4),
        (absent, 5, update, 5, None),
    ]
    try:
        for point, etag, mode, condition, expected in trials:
            wanted = None if condition is None else pb.Filter(must=[any_of(ETAG, [condition])])
            await points.upsert([_point(point, etag)], mode, wanted)
            if (await etags(points, [point])).get(point) != expected:
                raise Misconfigured(
                    f"Qdrant {version} ignores conditional writes "
                    f"({pb.UpdateMode.Name(mode)}): use Qdrant 1.17 or newer"
                )
    finally:
        await points.delete([row, absent])


def _point(point: str, etag: int) -> pb.PointStruct:
    return pb.PointStruct(
        id=convert.point_id(point),
        payload=convert.payload({ETAG: etag}),
        vectors=pb.Vectors(vectors=pb.NamedVectors()),
    )
