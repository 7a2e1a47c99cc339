"""The store, the producer and the deliveries of a test, in memory, with the real ones' promises.

Every fake calls its `hook` with the name of each point that it reaches: there a test may crash the
process, cut the line, or let another writer in.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import numpy as np

from stream.core.attributes import Attributes, Scalar
from stream.core.candidates import Near
from stream.core.decay import Vector
from stream.encoder.contract import Lane, Role, Rows
from stream.encoder.fake import FakeEncoder
from stream.encoder.manifest import Manifest
from stream.kafka.deliveries import Delivery, Record, TopicPartition
from stream.kafka.publisher import Outgoing, Publisher
from stream.kafka.spans import Span
from stream.settings import load
from stream.store.convert import point_uuid
from stream.store.meta import Fact
from stream.store.rows import NO_PAIRS, ItemRow, NeighbourRow, Tastes, UserRow, fresh_etag
from stream.store.users import SCORE_MIN, Alike
from tests.kafka.fakes import FakeFlow

Hook = Callable[[str], Awaitable[None]]
Row = TypeVar("Row", UserRow, ItemRow, NeighbourRow)


async def nothing_happens(_: str) -> None:
    await asyncio.sleep(0)  # let others run, as a real request does


class FakeTable(Generic[Row]):
    """Rows that are written only where nobody else wrote since they were read.

    hook     hears "NAME.load", "NAME.loaded", "NAME.save", "NAME.written" (what is to be read back
             stands), "NAME.saved"
    rows     what is stored
    history  every row that ever was stored, in order
    """

    def __init__(self, name: str, key: str) -> None:
        self.name = name
        self.hook: Hook = nothing_happens
        self.rows: dict[str, Row] = {}
        self.history: list[Row] = []
        self.fetched: list[str] = []
        self._key = key

    async def load(self, names: Iterable[str], *, with_vectors: bool = True) -> dict[str, Row]:
        await self.hook(f"{self.name}.load")
        found = {name: self.rows[name] for name in names if name in self.rows}
        await self.hook(f"{self.name}.loaded")
        return found if with_vectors else {name: _bare(row) for name, row in found.items()}

    async def save(self, rows: Sequence[Row], read_etags: Mapping[str, int | None]) -> set[str]:
        names = {point_uuid(name): name for name in read_etags}
        drafts = {names[point_uuid(self._name_of(row))]: row for row in rows}
        if len(drafts) != len(rows):
            raise ValueError("a row appears twice in one write")
        if any(row.etag == read_etags[name] for name, row in drafts.items()):
            raise ValueError("take a fresh etag")
        await self.hook(f"{self.name}.save")
        read = {etag for name in drafts if (etag := read_etags[name]) is not None}
        for name, row in drafts.items():
            if self._unchanged(name, read_etags[name], read):
                self.rows[name] = row
                self.history.append(row)
        await self.hook(f"{self.name}.written")
        stored = {name for name, row in drafts.items() if self.rows.get(name) is row}
        await self.hook(f"{self.name}.saved")
        return stored

    def _unchanged(self, name: str, read_etag: int | None, read: set[int]) -> bool:
        before = self.rows.get(name)
        if read_etag is None:
            return before is None
        return before is not None and before.etag in read

    def _name_of(self, row: Row) -> str:
        name = getattr(row, self._key)
        assert isinstance(name, str)
        return name

    async def changed(self, since_revision: int) -> list[tuple[str, int]]:
        await self.hook(f"{self.name}.changed")
        revisions = [(point_uuid(name), _revision(row)) for name, row in self.rows.items()]
        return [one for one in revisions if one[1] >= since_revision]

    async def fetch(self, point_ids: Sequence[str], *, with_vectors: bool = True) -> list[Row]:
        await self.hook(f"{self.name}.fetch")
        wanted = set(point_ids)
        found = {name: row for name, row in self.rows.items() if point_uuid(name) in wanted}
        self.fetched += found
        return [row if with_vectors else _bare(row) for row in found.values()]

    async def count(self) -> int:
        return len(self.rows)


class FakeItems(FakeTable[ItemRow]):
    """Items, and an exact search among them."""

    async def nearest(self, asked: Sequence[Near], limit: int) -> list[list[list[str]]]:
        await self.hook(f"{self.name}.nearest")
        return [self._nearest(near, limit) for near in asked]

    def _nearest(self, near: Near, limit: int) -> list[list[str]]:
        fit = {i: row.vector for i, row in self.rows.items() if _fits(row, near)}
        known = {i: vector for i, vector in fit.items() if vector is not None}
        found = []
        for wanted in near.vectors:
            order = sorted(known, key=lambda i: -float(known[i] @ wanted))
            found.append([point_uuid(item_id) for item_id in order[:limit]])
        return found

    async def vectors(self, item_ids: Sequence[str]) -> dict[str, Vector]:
        rows = await self.load(item_ids)
        return {i: row.vector for i, row in rows.items() if row.vector is not None}


class FakeUsers(FakeTable[UserRow]):
    """Users, and an exact search among them: places without an interest are rows of zeros."""

    places = 5

    async def nearest(self, asked: Alike, limit: int) -> list[Tastes]:
        await self.hook(f"{self.name}.nearest")
        fit = [row for row in self.rows.values() if _is_asked_for(row, asked)]
        by_taste = {id(row): _cosine(row, asked) for row in fit}
        by_interests = {id(row): _max_sim(row, asked, self.places) for row in fit}
        best = set()
        for scores in (by_taste, by_interests):
            near = [one for one in scores if scores[one] >= SCORE_MIN]
            best |= set(sorted(near, key=lambda one: -scores[one])[:limit])
        return [Tastes(r.user_id, r.interests, r.taste) for r in fit if id(r) in best]

    async def in_segment(
        self, segment: str, limit: int, after: str | None = None
    ) -> tuple[list[UserRow], str | None]:
        await self.hook(f"{self.name}.in_segment")
        inside = {point_uuid(n): row for n, row in self.rows.items() if row.segment == segment}
        points = sorted(point for point in inside if after is None or point >= after)
        more = points[limit] if len(points) > limit else None
        return [inside[point] for point in points[:limit]], more


def _is_asked_for(row: UserRow, asked: Alike) -> bool:
    if asked.since is None:
        active = True
    elif row.active_at is None:
        active = row.updated_at >= asked.since * 1000
    else:
        active = row.active_at >= int(asked.since)
    return (
        row.taste is not None
        and active
        and row.user_id != asked.tastes.user_id
        and asked.segment in (None, row.segment)
        and (asked.outside is None or row.segment != asked.outside)
    )


def _cosine(row: UserRow, asked: Alike) -> float:
    taste = asked.tastes.taste
    return 0.0 if taste is None or row.taste is None else float(row.taste @ taste)


def _max_sim(row: UserRow, asked: Alike, places: int) -> float:
    if not len(asked.tastes.interests):
        return 0.0
    empty = np.zeros((max(places - len(row.interests), 0), row.interests.shape[1]), np.float32)
    rows = np.concatenate([row.interests, empty])
    return float((asked.tastes.interests @ rows.T).max(axis=1).sum())


def _fits(row: ItemRow, near: Near) -> bool:
    filters = near.filters
    lasts = row.expires_at is None or row.expires_at > near.as_of
    return (
        (not filters.available_only or (row.available and row.deleted_at is None and lasts))
        and (not near.langs or row.lang is None or row.lang in near.langs)
        and row.item_id not in near.seen
        and all(_has(row, name, values) for name, values in filters.where.items())
        and (filters.domain is None or row.domain == filters.domain)
        and (not filters.categories or bool(filters.categories & set(row.categories)))
        and not filters.without & set(row.categories)
    )


def _has(row: ItemRow, name: str, values: Collection[Scalar]) -> bool:
    return bool(Attributes([row.attributes]).any_of(name, values)[0])


def _bare(row: Any) -> Any:
    if isinstance(row, ItemRow):
        return replace(row, vector=None)
    return replace(row, pairs=NO_PAIRS) if isinstance(row, NeighbourRow) else row


def _revision(row: Any) -> int:
    assert isinstance(row.revision, int)
    return row.revision


class FakeMeta:
    """Facts by name, each replaced only where it is as it was read."""

    def __init__(self) -> None:
        self.facts: dict[str, Fact] = {}

    async def get(self, name: str) -> Fact | None:
        await asyncio.sleep(0)
        return self.facts.get(name)

    async def put(self, name: str, value: Mapping[str, Any], read_etag: int | None) -> bool:
        await asyncio.sleep(0)
        before = self.facts.get(name)
        if (None if before is None else before.etag) != read_etag:
            return False
        self.facts[name] = Fact(json.loads(json.dumps(value)), fresh_etag())
        return True


@dataclass
class FakeStore:
    """Stands in for `stream.store.collections.Store`."""

    users: FakeUsers = field(default_factory=lambda: FakeUsers("users", "user_id"))
    items: FakeItems = field(default_factory=lambda: FakeItems("items", "item_id"))
    neighbours: FakeTable[NeighbourRow] = field(
        default_factory=lambda: FakeTable("neighbours", "item_id")
    )
    meta: FakeMeta = field(default_factory=FakeMeta)
    indexed: int = 0

    async def index_items(self) -> bool:
        self.indexed += 1
        return True


class FakePublisher(Publisher):
    """Keeps what arrived.

    hook  hears "send" (nothing has arrived), "sending" (the first half has), "sent" (all has, but
          the sender does not know yet)
    """

    def __init__(self) -> None:
        super().__init__(load())
        self.hook: Hook = nothing_happens
        self.arrived: list[Outgoing] = []

    async def send(self, records: Sequence[Outgoing]) -> None:
        half = (len(records) + 1) // 2
        await self.hook("send")
        self.arrived += records[:half]
        await self.hook("sending")
        self.arrived += records[half:]
        await self.hook("sent")

    def of(self, topic: str) -> list[Outgoing]:
        """What arrived in a topic, by the last part of its name."""
        return [record for record in self.arrived if record.topic.endswith(f".{topic}")]


class HookedEncoder:
    """The fake encoder with a hook that hears "encode" and "encoded"."""

    def __init__(self, dimension: int) -> None:
        self.inner = FakeEncoder(dimension)
        self.hook: Hook = nothing_happens

    @property
    def dimension(self) -> int:
        return self.inner.dimension

    @property
    def manifest(self) -> Manifest:
        return self.inner.manifest

    async def encode(
        self, texts: Sequence[str], lane: Lane = Lane.EVENTS, role: Role = Role.PASSAGE
    ) -> Rows:
        await self.hook("encode")
        rows = await self.inner.encode(texts, lane, role)
        await self.hook("encoded")
        return rows

    async def close(self) -> None:
        await self.inner.close()


def delivery_of(
    tp: TopicPartition, records: Sequence[Record], source: str, owner: FakeFlow
) -> Delivery:
    """A delivery of consecutive records in the partition's present assignment."""
    span = Span(records[0].offset, records[-1].offset)
    epoch = owner.epochs[tp]
    return Delivery(tp.topic, tp.partition, records, source, epoch, span, owner)
