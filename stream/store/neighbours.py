"""Co-occurrence and popularity in Qdrant: one point an item."""

from __future__ import annotations

import msgspec
import numpy as np
from qdrant_client import grpc as pb

from stream.store import convert
from stream.store.client import Points
from stream.store.guarded import ETAG, Draft
from stream.store.rows import NO_PAIRS, NeighbourRow, Pairs
from stream.store.table import REVISION, Form, Table

PAIRS = "pairs"


class _Sums(msgspec.Struct, frozen=True, omit_defaults=True):
    """Decayed sums and their reference time, exact in one JSON string."""

    count: float
    hotness: float
    at: float
    segments: dict[int, float] = {}  # rows from before there were any have none


Neighbours = Table[NeighbourRow]


def open_neighbours(points: Points) -> Neighbours:
    return Table(points, FORM)


def _draft(row: NeighbourRow) -> Draft:
    segments = dict(zip(*(each.tolist() for each in row.segments), strict=True))
    sums = _Sums(row.count, row.hotness, row.at, segments)
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
        segments=_pairs(sums.segments),
    )


def _pairs(sums: dict[int, float]) -> Pairs:
    if not sums:
        return NO_PAIRS
    hashes = sorted(sums)
    return np.array(hashes, np.uint32), np.array([sums[one] for one in hashes], np.float32)


#: How a row is written and read.
FORM: Form[NeighbourRow] = Form("item_id", (PAIRS,), lambda row: row.item_id, _draft, _row)
