"""Profiles in Qdrant: one point a user.

A user's interests always take the same number of rows, the places that no interest has filled with
zeros. Up to 1.18 the server may hand out a multivector's rows as another user's after a kill -9,
where the one or the other had grown past the room of its first write; one that never grows is safe
(https://github.com/qdrant/qdrant/pull/9501). A zero row is near to nothing: where users are
compared by their interests, each row of the one counts with its nearest of the other, and a zero
row with 0.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from qdrant_client import grpc as pb

from stream.store import convert
from stream.store.client import (
    Points,
    Search,
    at_least,
    below,
    either,
    has_id,
    has_vector,
    is_empty,
    one_of,
)
from stream.store.guarded import ETAG, Draft
from stream.store.rows import Matrix, Tastes, UserRow, Vector
from stream.store.table import Form, Table

USER_ID = "user_id"
SEGMENT = "segment"
INTERESTS = "interests"
TASTE = "taste"
OUTBOX_AT = "outbox_at"
UPDATED_AT = "updated_at"
ACTIVE_AT = "active_at"
WEIGHT = "weight_milli"

#: Users of a page of tastes: on the one connection what events ask for waits behind it. With 1000
#: of them, lists took 0.8 s while a sample was read instead of 0.03 s.
TASTES_PAGE = 100
#: Between two such pages. Without it p99 of lists was 3 times what it is at rest, with it 1.3
#: times; 100,000 users take 33 s instead of 13.
TASTES_REST_S = 0.02

#: A match must be better than no match at all, which zero rows are.
SCORE_MIN = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Alike:
    """A question: which users are nearest to these tastes?

    tastes    of a user, who is left out, or of "" (nobody)
    segment   only of its users; None: of any
    outside   a segment whose users are left out; None: of none
    since     only who did something at this time or later, seconds
    """

    tastes: Tastes
    segment: str | None = None
    outside: str | None = None
    since: float | None = None


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

    async def tastes(self, limit: int, min_weight: float = 0.0) -> tuple[list[str], Matrix]:
        """(n user ids, (n, d) tastes): a sample of up to `limit` users that have one.

        Point ids are hashes, so the first `limit` in their order are a uniform sample, and the
        same one each time: what differs between two samples is what these users did.

        min_weight  of all interests together, but of who is in a segment: who has less is told
                    from others by one or two items, and groups are found worse for it. Who was
                    written before weights were stored counts.
        """
        size = min(limit, await self.count())
        enough = at_least(WEIGHT, round(1000 * min_weight))
        members = pb.Condition(filter=pb.Filter(must_not=[is_empty(SEGMENT)]))
        counts = either(enough, members, is_empty(WEIGHT))
        known = pb.Filter(must=[has_vector(TASTE), counts])
        pages = self._points.scroll(
            known, limit=size, fields=[USER_ID], vectors=(TASTE,), page=TASTES_PAGE
        )
        ids: list[str] = []
        # Filled page by page: with all at the end, 100,000 users held up the event loop for half a
        # second, and took three times the memory.
        found = np.empty((size, self._dimension), np.float32)
        async for page in pages:
            for place, point in enumerate(page, len(ids)):
                found[place] = convert.read_dense(convert.named_vectors(point)[TASTE])
            ids += [point.payload[USER_ID].string_value for point in page]
            await asyncio.sleep(TASTES_REST_S)
        return ids, found[: len(ids)]

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

    async def nearest(self, asked: Alike, limit: int) -> list[Tastes]:
        """The up to `limit` users nearest by taste, and as many by their interests; in no order.

        By interests: the sum over the asked rows of the cosine to the nearest row of the other
        (max-sim). Users without any interest are left out, so forgotten ones are.
        """
        condition, wanted = _alike(asked), []
        if asked.tastes.taste is not None:
            wanted.append(Search(TASTE, convert.dense_query(asked.tastes.taste), condition))
        if len(asked.tastes.interests):
            rows = convert.multi_query(asked.tastes.interests)
            wanted.append(Search(INTERESTS, rows, condition))
        answers = await self._points.search(wanted, limit, score_min=SCORE_MIN)
        ids = {point.id.uuid for found in answers for point in found}
        points = await self._points.get(sorted(ids), fields=(USER_ID,), vectors=(INTERESTS, TASTE))
        return [_tastes(point, self._dimension) for point in points]

    async def in_segment(
        self, segment: str, limit: int, after: str | None = None
    ) -> tuple[list[UserRow], str | None]:
        """Up to `limit` users of a segment in the order of their points, and where to go on.

        after  where the page before ended; None: from the first. Users who come or go meanwhile
               move nobody else to another page.
        """
        return await self.table.page(pb.Filter(must=[one_of(SEGMENT, [segment])]), limit, after)

    def pages(self, page: int) -> AsyncIterator[list[UserRow]]:
        """Every user, up to `page` at a time, in the order of the point ids."""
        return self.table.pages(page)

    def elsewhere(self, segments: Sequence[str], page: int) -> AsyncIterator[list[UserRow]]:
        """Every user who is in a segment that is none of these, as `pages`."""
        there = pb.Filter(must_not=[one_of(SEGMENT, segments), is_empty(SEGMENT)])
        return self.table.pages(page, there)

    async def count(self) -> int:
        return await self.table.count()


def _draft(row: UserRow, dimension: int, places: int) -> Draft:
    fields: dict[str, convert.Field] = {
        USER_ID: row.user_id,
        SEGMENT: row.segment,
        UPDATED_AT: row.updated_at,
        OUTBOX_AT: row.outbox_at,
        ACTIVE_AT: row.active_at,
        WEIGHT: row.weight_milli,
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
        active_at=convert.optional_integer(fields, ACTIVE_AT),
        weight_milli=convert.optional_integer(fields, WEIGHT),
    )


def _tastes(point: pb.RetrievedPoint, dimension: int) -> Tastes:
    fields, vectors = convert.read_payload(point.payload), convert.named_vectors(point)
    return Tastes(
        user_id=convert.text(fields, USER_ID),
        interests=_filled(vectors, dimension),
        taste=convert.read_dense(vectors[TASTE]) if TASTE in vectors else None,
    )


def _alike(asked: Alike) -> pb.Filter:
    must, must_not = [has_vector(TASTE)], []
    if asked.segment is not None:
        must.append(one_of(SEGMENT, [asked.segment]))
    if asked.since is not None:
        # who was written before there was such a field was written when the last event came
        written = pb.Filter(
            must=[is_empty(ACTIVE_AT), at_least(UPDATED_AT, int(asked.since * 1000))]
        )
        active = at_least(ACTIVE_AT, int(asked.since))
        must.append(either(active, pb.Condition(filter=written)))
    if asked.outside is not None:
        must_not.append(one_of(SEGMENT, [asked.outside]))
    if asked.tastes.user_id:
        must_not.append(has_id([convert.point_uuid(asked.tastes.user_id)]))
    return pb.Filter(must=must, must_not=must_not)


def _filled(vectors: Mapping[str, pb.VectorOutput], dimension: int) -> Matrix:
    if INTERESTS not in vectors:
        return np.zeros((0, dimension), np.float32)
    rows = convert.read_multi(vectors[INTERESTS])
    return rows[rows.any(axis=1)]
