"""Rows of one collection under the names that the service gives them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from qdrant_client import grpc as pb

from stream.store import convert, guarded
from stream.store.client import Points, at_least
from stream.store.guarded import ETAG, Draft

REVISION = "revision"
PAGE = 500
LIGHT_PAGE = 10_000  # ids and one integer each: about 1 MB

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Form(Generic[Row]):
    """How one kind of row is written and read.

    key       payload field that holds the row's name; the point id is the name's hash
    vectors   names of its vectors
    stamp     payload field, and attribute of the row: an integer that every write makes larger
    """

    key: str
    vectors: tuple[str, ...]
    name_of: Callable[[Row], str]
    draft: Callable[[Row], Draft]
    row: Callable[[pb.RetrievedPoint], Row]
    stamp: str = REVISION


@dataclass(frozen=True, slots=True)
class Head:
    """What tells one state of a row from another."""

    etag: int
    stamp: int


class Table(Generic[Row]):
    """A collection of rows; every method raises Unavailable while Qdrant does not answer."""

    def __init__(self, points: Points, form: Form[Row]) -> None:
        self.points = points
        self._form = form

    def name_of(self, row: Row) -> str:
        return self._form.name_of(row)

    def stamp_of(self, row: Row) -> int:
        stamp: int = getattr(row, self._form.stamp)
        return stamp

    async def load(self, names: Iterable[str], *, with_vectors: bool = True) -> dict[str, Row]:
        """Name -> row of those that exist, in one request.

        Raises ValueError if two names share a point id (a collision of 128-bit hashes, or a
        row that something else wrote).
        """
        asked = {convert.point_uuid(name): name for name in names}
        vectors = self._form.vectors if with_vectors else ()
        found = await self.points.get(list(asked), vectors=vectors)
        for point in found:
            name, kept = asked[point.id.uuid], point.payload[self._form.key].string_value
            if kept not in (name, convert.stand_in(name)):
                raise ValueError(f"{self.points.collection}: {name!r} and {kept!r} share a point")
        return {asked[point.id.uuid]: self._form.row(point) for point in found}

    async def save(self, rows: Sequence[Row], read_etags: Mapping[str, int | None]) -> set[str]:
        """Write each row that nobody else wrote since it was read; the names now stored.

        rows        each with a fresh etag; each belongs to the entry that leads to the same point,
                    under whatever name: a row may have lost the name that it was read by
        read_etags  name -> the etag read, None where there was no row

        The names are those of `read_etags`. One that is missing from the answer has another
        writer's row now, in rare cases one made from ours: load it, and repeat only what it does
        not contain. Raises Unavailable only where it stays unknown which rows were stored.
        """
        names = {convert.point_uuid(name): name for name in read_etags}
        drafts = [self._form.draft(row) for row in rows]
        read = {draft.point: read_etags[names[draft.point]] for draft in drafts}
        stored = await guarded.save(self.points, drafts, read)
        return {names[point] for point in stored}

    async def changed(self, since_revision: int) -> list[tuple[str, int]]:
        """(point id, revision) of every row with a revision of at least `since_revision` (ms).

        0 names every row. Writers' clocks differ, and a write becomes visible after its
        revision was taken: ask with an overlap, and fetch the revisions not yet seen.
        """
        newer = pb.Filter(must=[at_least(REVISION, since_revision)])
        pages = self.points.scroll(newer, fields=[REVISION], page=LIGHT_PAGE)
        return [
            (point.id.uuid, point.payload[REVISION].integer_value)
            async for page in pages
            for point in page
        ]

    async def fetch(self, point_ids: Sequence[str], *, with_vectors: bool = True) -> list[Row]:
        """The rows of these point ids that exist, in no order."""
        vectors = self._form.vectors if with_vectors else ()
        found = await self.points.get(point_ids, vectors=vectors)
        return list(map(self._form.row, found))

    async def stamps(self) -> dict[str, int]:
        """Point id -> stamp of every row; about 150 bytes a row."""
        field = self._form.stamp
        return {
            point.id.uuid: point.payload[field].integer_value
            async for page in self.points.scroll(fields=[field], page=LIGHT_PAGE)
            for point in page
        }

    async def heads(self, names: Iterable[str]) -> dict[str, Head]:
        """Name -> etag and stamp, read together, of those of the rows that exist."""
        asked = {convert.point_uuid(name): name for name in names}
        found = await self.points.get(list(asked), fields=[ETAG, self._form.stamp])
        return {
            asked[point.id.uuid]: Head(
                point.payload[ETAG].integer_value, point.payload[self._form.stamp].integer_value
            )
            for point in found
        }

    async def pages(
        self, page: int = PAGE, condition: pb.Filter | None = None
    ) -> AsyncIterator[list[Row]]:
        """Every row, or those that match, in the order of the point ids."""
        async for found in self.points.scroll(condition, vectors=self._form.vectors, page=page):
            yield list(map(self._form.row, found))

    async def select(self, condition: pb.Filter, limit: int, *, page: int = PAGE) -> list[Row]:
        """Up to `limit` rows that match, in the order of the point ids."""
        found = self.points.scroll(condition, limit=limit, vectors=self._form.vectors, page=page)
        return [self._form.row(point) async for part in found for point in part]

    async def page(
        self, condition: pb.Filter, limit: int, after: str | None
    ) -> tuple[list[Row], str | None]:
        """Up to `limit` rows that match, in the order of the point ids, and where to go on.

        after  where the page before ended; None: from the first
        """
        found, following = await self.points.page(
            condition, limit=limit, offset=after, vectors=self._form.vectors
        )
        return list(map(self._form.row, found)), following

    async def count(self) -> int:
        """Number of rows, those of deleted items included."""
        return await self.points.count()
