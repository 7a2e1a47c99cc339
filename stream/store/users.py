"""Profiles in Qdrant: one point a user.

A user's interests always take the same number of rows, the places that no interest has filled with
zeros. Up to 1.18 the server may hand out a multivector's rows as another user's after a kill -9,
where the one or the other had grown past the room of its first write; one that never grows is safe
(https://github.com/qdrant/qdrant/pull/9501). A zero row is near to nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from qdrant_client import grpc as pb

from stream.store import convert
from stream.store.client import Points, below, has_vector
from stream.store.guarded import ETAG, Draft
from stream.store.rows import Matrix, UserRow, Vector
from stream.store.table import Form, Table

USER_ID = "user_id"
SEGMENT = "segment"
INTERESTS = "interests"
TASTE = "taste"
OUTBOX_AT = "outbox_at"
UPDATED_AT = "updated_at"


class Users:
    """The `users` collection; every method raises Unavailable while Qdrant does not answer.

    dimension  d of interests and taste
    places     rows that a user's interests take, filled or not
    """

    def __init__(self, points: Points, *, dimension: int, places: int = 5) -> None:
        self._dimension = dimension
        self._points = points
        row = partial(_row, dimension=dimension)
        draft = partial(_draft, dimension=dimension, places=places)
        vectors = (INTERESTS, TASTE)
        form = Form(USER_ID, vectors, lambda user: user.user_id, draft, row, UPDATED_AT)
        self.table: Table[UserRow] = Table(points, form)

    async def load(self, user_ids: Iterable[str]) -> dict[str, UserRow]:
        """user_id -> row of those that exist, in one request; see `Table.load`.

        The rows carry the names that were asked for, also where the store has forgotten them.
        """
        found = await self.table.load(user_ids)
        return {user_id: replace(row, user_id=user_id) for user_id, row in found.items()}

    async def save(self, rows: Sequence[UserRow], read_etags: Mapping[str, int | None]) -> set[str]:
        """The user ids whose row is now stored; see `Table.save`."""
        return await self.table.save(rows, read_etags)

    async def unsent(self, before_ms: int, limit: int) -> list[UserRow]:
        """Up to `limit` users for whom something waits that was due before `before_ms`."""
        waiting = pb.Filter(must=[below(OUTBOX_AT, before_ms)])
        return await self.table.select(waiting, limit)

    async def tastes(self, limit: int) -> tuple[list[str], Matrix]:
        """(n user ids, (n, d) tastes): a sample of up to `limit` users that have one.

        Point ids are hashes, so the first `limit` in their order are a uniform sample, and the
        same one each time: what differs between two samples is what these users did.
        """
        tasted = pb.Filter(must=[has_vector(TASTE)])
        pages = self._points.scroll(tasted, limit=limit, fields=[USER_ID], vectors=(TASTE,))
        found = [point async for page in pages for point in page]
        ids = [point.payload[USER_ID].string_value for point in found]
        rows = [convert.read_dense(convert.named_vectors(point)[TASTE]) for point in found]
        return ids, np.stack(rows) if rows else np.zeros((0, self._dimension), np.float32)

    async def members(self) -> AsyncIterator[list[tuple[str, Vector]]]:
        """Pages of (segment, (d,) taste) of every user who has both."""
        tasted = pb.Filter(must=[has_vector(TASTE)])
        async for page in self._points.scroll(tasted, fields=[SEGMENT], vectors=(TASTE,)):
            yield [
                (
                    point.payload[SEGMENT].string_value,
                    convert.read_dense(convert.named_vectors(point)[TASTE]),
                )
                for point in page
                if SEGMENT in point.payload
            ]

    def pages(self, page: int) -> AsyncIterator[list[UserRow]]:
        """Every user, up to `page` at a time, in the order of the point ids."""
        return self.table.pages(page)

    async def count(self) -> int:
        return await self.table.count()


def _draft(row: UserRow, dimension: int, places: int) -> Draft:
    fields: dict[str, convert.Field] = {
        USER_ID: row.user_id,
        SEGMENT: row.segment,
        UPDATED_AT: row.updated_at,
        OUTBOX_AT: row.outbox_at,
        "state": row.state,
    }
    interests = np.zeros((max(places, len(row.interests)), dimension), np.float32)
    if len(row.interests):
        interests[: len(row.interests)] = row.interests
    vectors = {INTERESTS: convert.multi(interests)}
    if row.taste is not None:
        vectors[TASTE] = convert.dense(row.taste)
    return Draft(convert.point_uuid(row.user_id), row.etag, fields, vectors)


def _row(point: pb.RetrievedPoint, dimension: int) -> UserRow:
    fields, vectors = convert.read_payload(point.payload), convert.named_vectors(point)
    return UserRow(
        user_id=convert.text(fields, USER_ID),
        etag=convert.integer(fields, ETAG),
        state=convert.text(fields, "state"),
        interests=_filled(vectors, dimension),
        taste=convert.read_dense(vectors[TASTE]) if TASTE in vectors else None,
        segment=convert.optional_text(fields, SEGMENT),
        updated_at=convert.integer(fields, UPDATED_AT),
        outbox_at=convert.optional_integer(fields, OUTBOX_AT),
    )


def _filled(vectors: Mapping[str, pb.VectorOutput], dimension: int) -> Matrix:
    if INTERESTS not in vectors:
        return np.zeros((0, dimension), np.float32)
    rows = convert.read_multi(vectors[INTERESTS])
    return rows[rows.any(axis=1)]
