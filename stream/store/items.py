"""The catalogue in Qdrant: one point an item, deleted ones included."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import msgspec
from qdrant_client import grpc as pb

from stream.core.attributes import Attribute, Scalar
from stream.core.candidates import Near
from stream.store import convert
from stream.store.client import Points, Search, above, either, has_id, is_empty, one_of
from stream.store.guarded import ETAG, Draft
from stream.store.rows import ItemRow, Vector
from stream.store.table import REVISION, Form, Table

TEXT = "text"
ITEM_ID, UNTIL = "item_id", "until"
CATEGORIES, DOMAIN, LANG, FACETS = "categories", "domain", "lang", "facets"
ALWAYS = 2**53  # the largest integer that a range, in doubles, tells from its neighbours


class _Rest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What nothing filters on; in one JSON string, where floating-point numbers stay exact."""

    published_at: float | None = None
    expires_at: float | None = None
    deleted_at: float | None = None
    content_hash: str = ""
    marks: dict[str, int] = {}
    attributes: dict[str, Attribute] = {}


class Items(Table[ItemRow]):
    """The rows, and an index of their vectors."""

    async def vectors(self, item_ids: Sequence[str]) -> dict[str, Vector]:
        """Id -> (d,) of those of the items that have one, and nothing else of them."""
        asked = {convert.point_uuid(item_id): item_id for item_id in item_ids}
        found = await self.points.get(list(asked), fields=(), vectors=(TEXT,))
        named = ((point.id.uuid, convert.named_vectors(point)) for point in found)
        return {asked[i]: convert.read_dense(own[TEXT]) for i, own in named if TEXT in own}

    async def nearest(self, asked: Sequence[Near], limit: int) -> list[list[list[str]]]:
        """For each question, and each of its vectors, the point ids of up to `limit` items.

        The nearest by cosine come first. Deleted and unavailable items are left out, and those
        whose filters ask for anything else. Of many items an index is asked, which may miss one now
        and then.
        """
        conditions = [_condition(near) for near in asked]
        wanted = [
            Search(TEXT, convert.dense_query(vector), condition)
            for near, condition in zip(asked, conditions, strict=True)
            for vector in near.vectors
        ]
        found = iter(await self.points.search(wanted, limit))
        return [[[point.id.uuid for point in next(found)] for _ in near.vectors] for near in asked]


def open_items(points: Points) -> Items:
    return Items(points, Form(ITEM_ID, (TEXT,), lambda item: item.item_id, _draft, _row))


def _condition(near: Near) -> pb.Filter:
    """Of what can be filtered in the store; what cannot, the ranking filters again."""
    filters = near.filters
    # what was written before there was such a field is let through, and filtered by the ranking
    lasts = either(above(UNTIL, int(near.as_of)), is_empty(UNTIL))
    must = [lasts] if filters.available_only else []
    if near.langs:
        must.append(either(one_of(LANG, near.langs), is_empty(LANG)))
    if filters.domain is not None:
        must.append(one_of(DOMAIN, [filters.domain]))
    if filters.categories:
        must.append(one_of(CATEGORIES, filters.categories))
    for name, values in filters.where.items():
        must.append(one_of(FACETS, [_facet(name, value) for value in values]))
    must_not = [has_id(map(convert.point_uuid, near.seen))] if near.seen else []
    if filters.without:
        must_not.append(one_of(CATEGORIES, filters.without))
    return pb.Filter(must=must, must_not=must_not)


def _facets(row: ItemRow) -> list[str]:
    """Its attributes, each value a word of its own, so that any of them can be searched for."""
    return [
        _facet(name, value)
        for name, said in row.attributes.items()
        for value in (said if isinstance(said, tuple) else (said,))
    ]


def _facet(name: str, value: Scalar) -> str:
    """The same word for numbers of the same value."""
    whole = isinstance(value, float) and value.is_integer()
    return msgspec.json.encode((name, int(value) if whole else value)).decode()


def _until(row: ItemRow) -> int:
    """The second from which on it may not be offered any more."""
    if row.deleted_at is not None or not row.available:
        return 0
    return ALWAYS if row.expires_at is None else ceil(row.expires_at)


def _draft(row: ItemRow) -> Draft:
    rest = _Rest(
        row.published_at,
        row.expires_at,
        row.deleted_at,
        row.content_hash,
        dict(row.marks),
        dict(row.attributes),
    )
    fields: dict[str, convert.Field] = {
        ITEM_ID: row.item_id,
        "title": row.title,
        "text": row.text,
        CATEGORIES: row.categories or None,
        DOMAIN: row.domain,
        LANG: row.lang,
        "available": row.available,
        UNTIL: _until(row),
        FACETS: _facets(row) or None,
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
        attributes=rest.attributes,
    )
