"""The catalogue in Qdrant: one point an item, deleted ones included."""

from __future__ import annotations

import msgspec
from qdrant_client import grpc as pb

from stream.store import convert
from stream.store.client import Points
from stream.store.guarded import ETAG, Draft
from stream.store.rows import ItemRow
from stream.store.table import REVISION, Form, Table

TEXT = "text"


class _Rest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What nothing filters on; in one JSON string, where floating-point numbers stay exact."""

    published_at: float | None = None
    expires_at: float | None = None
    deleted_at: float | None = None
    content_hash: str = ""
    marks: dict[str, int] = {}


Items = Table[ItemRow]


def open_items(points: Points) -> Items:
    return Table(points, Form("item_id", (TEXT,), lambda item: item.item_id, _draft, _row))


def _draft(row: ItemRow) -> Draft:
    rest = _Rest(
        row.published_at, row.expires_at, row.deleted_at, row.content_hash, dict(row.marks)
    )
    fields: dict[str, convert.Field] = {
        "item_id": row.item_id,
        "title": row.title,
        "text": row.text,
        "categories": row.categories or None,
        "domain": row.domain,
        "lang": row.lang,
        "available": row.available,
        REVISION: row.revision,
        "rest": msgspec.json.encode(rest).decode(),
    }
    vectors = {} if row.vector is None else {TEXT: convert.dense(row.vector)}
    return Draft(convert.point_uuid(row.item_id), row.etag, fields, vectors)


def _row(point: pb.RetrievedPoint) -> ItemRow:
    fields, vectors = convert.read_payload(point.payload), convert.named_vectors(point)
    rest = msgspec.json.decode(convert.text(fields, "rest"), type=_Rest)
    return ItemRow(
        item_id=convert.text(fields, "item_id"),
        title=convert.text(fields, "title"),
        text=convert.text(fields, "text"),
        categories=convert.texts(fields, "categories"),
        domain=convert.optional_text(fields, "domain"),
        lang=convert.optional_text(fields, "lang"),
        published_at=rest.published_at,
        expires_at=rest.expires_at,
        available=bool(fields["available"]),
        content_hash=rest.content_hash,
        deleted_at=rest.deleted_at,
        revision=convert.integer(fields, REVISION),
        etag=convert.integer(fields, ETAG),
        marks=rest.marks,
        vector=convert.read_dense(vectors[TEXT]) if TEXT in vectors else None,
    )
