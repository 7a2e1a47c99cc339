"""Co-occurrence and popularity in Qdrant: one point an item."""

from __future__ import annotations

import msgspec
from qdrant_client import grpc as pb

from stream.store import convert
from stream.store.client import Points
from stream.store.guarded import ETAG, Draft
from stream.store.rows import NO_PAIRS, NeighbourRow
from stream.store.table import REVISION, Form, Table

PAIRS = "pairs"


class _Sums(msgspec.Struct, frozen=True):
    """Decayed sums and their reference time, exact in one JSON string."""

    count: float
    hotness: float
    at: float


Neighbours = Table[NeighbourRow]


def open_neighbours(points: Points) -> Neighbours:
    return Table(points, Form("item_id", (PAIRS,), lambda row: row.item_id, _draft, _row))


def _draft(row: NeighbourRow) -> Draft:
    sums = _Sums(row.count, row.hotness, row.at)
    fields: dict[str, convert.Field] = {
        "item_id": row.item_id,
        REVISION: row.revision,
        "sums": msgspec.json.encode(sums).decode(),
    }
    vectors = {PAIRS: convert.sparse(row.pairs)} if len(row.pairs[0]) else {}
    return Draft(convert.point_uuid(row.item_id), row.etag, fields, vectors)


def _row(point: pb.RetrievedPoint) -> NeighbourRow:
    fields, vectors = convert.read_payload(point.payload), convert.named_vectors(point)
    sums = msgspec.json.decode(convert.text(fields, "sums"), type=_Sums)
    return NeighbourRow(
        item_id=convert.text(fields, "item_id"),
        count=sums.count,
        hotness=sums.hotness,
        at=sums.at,
        revision=convert.integer(fields, REVISION),
        etag=convert.integer(fields, ETAG),
        pairs=convert.read_sparse(vectors[PAIRS]) if PAIRS in vectors else NO_PAIRS,
    )
