"""The guarded write: optimistic concurrency for every row that several processes may write.

Each row carries `etag`, a random integer, fresh in each write. A write names the etags that
its writer read, and only rows that still carry one of them change. Qdrant answers "completed"
whether or not a row changed, so the etags are read back: a row that now carries the etag that
was written is stored. One that does not was written by somebody else, either instead of ours or
on top of ours before we looked: what is tried again must recognise what it did already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from qdrant_client import grpc as pb

from stream.errors import Unavailable
from stream.store import convert
from stream.store.client import Points, any_of

ETAG = "etag"


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A row on its way into the store.

    point    point id, a UUID
    etag     fresh: never written before
    fields   payload but the etag
    vectors  by name; an empty one is left out
    """

    point: str
    etag: int
    fields: Mapping[str, convert.Field]
    vectors: Mapping[str, pb.Vector]


async def save(
    points: Points, drafts: Sequence[Draft], read_etags: Mapping[str, int | None]
) -> set[str]:
    """Write each draft whose row is still as it was read; the point ids that are now stored.

    read_etags  point id -> the etag read, or None where there was no row

    1. Rows that were read: one conditional update. Rows that were not there: one insertion.
    2. Read the etags back and compare. This alone decides: the outcome of a write that timed
       out or lost its connection is unknown until then, and one that lands even later finds
       its condition false, because every attempt writes a fresh etag.

    Raises Unavailable only if the reading back fails: then nothing is known, and the caller
    reads again before it writes again. Raises ValueError for a draft that appears twice or
    repeats the etag read.
    """
    if not drafts:
        return set()
    _check(drafts, read_etags)
    with suppress(Unavailable):  # the outcome is unknown: step 2 finds it out
        await _write(points, drafts, read_etags)
    written = await etags(points, [draft.point for draft in drafts])
    return {draft.point for draft in drafts if written.get(draft.point) == draft.etag}


async def etags(points: Points, ids: Sequence[str]) -> dict[str, int]:
    """Point id -> etag, of those of the points that exist."""
    found = await points.get(ids, fields=[ETAG])
    return {point.id.uuid: point.payload[ETAG].integer_value for point in found}


async def _write(
    points: Points, drafts: Sequence[Draft], read_etags: Mapping[str, int | None]
) -> None:
    known = [draft for draft in drafts if read_etags[draft.point] is not None]
    new = [draft for draft in drafts if read_etags[draft.point] is None]
    if known:
        read = [etag for draft in known if (etag := read_etags[draft.point]) is not None]
        unchanged = pb.Filter(must=[any_of(ETAG, read)])
        await points.upsert(list(map(_message, known)), pb.UpdateMode.UpdateOnly, unchanged)
    if new:
        await points.upsert(list(map(_message, new)), pb.UpdateMode.InsertOnly)


def _message(draft: Draft) -> pb.PointStruct:
    return pb.PointStruct(
        id=convert.point_id(draft.point),
        payload=convert.payload({**draft.fields, ETAG: draft.etag}),
        vectors=pb.Vectors(vectors=pb.NamedVectors(vectors=draft.vectors)),
    )


def _check(drafts: Sequence[Draft], read_etags: Mapping[str, int | None]) -> None:
    ids = [draft.point for draft in drafts]
    if len(set(ids)) != len(ids):
        raise ValueError("a row appears twice in one write: only one of the two could be stored")
    for draft in drafts:
        if draft.etag == read_etags[draft.point]:
            raise ValueError(f"the etag {draft.etag} was read, not made: take a fresh one")
