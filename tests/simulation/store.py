"""Qdrant's points, simulated: what stands in for `stream.store.client.Points`.

A write takes effect point by point, so others see it half done; its condition is looked at where
each point is written, as over several shards. It never says which points it wrote.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import partial

from qdrant_client import grpc as pb

from tests.simulation.requests import Request

Point = pb.RetrievedPoint


class SimulatedPoints:
    """One collection; `history` is every state that a point ever had, in order, None: deleted."""

    collection = "users"

    def __init__(self) -> None:
        self.rows: dict[str, Point] = {}
        self.history: list[tuple[str, Point | None]] = []

    async def get(
        self,
        ids: Sequence[str],
        *,
        fields: Sequence[str] | None = None,
        vectors: Sequence[str] = (),
    ) -> list[Point]:
        def found() -> list[Point]:
            return [_shown(self.rows[i], fields) for i in ids if i in self.rows]

        answer: list[Point] = await Request("get", "qdrant", answer=found)
        return answer

    async def scroll(
        self,
        condition: pb.Filter | None = None,
        *,
        limit: int | None = None,
        fields: Sequence[str] | None = None,
        vectors: Sequence[str] = (),
        page: int = 1000,
    ) -> AsyncIterator[list[Point]]:
        def found() -> list[Point]:
            fit = (self.rows[i] for i in sorted(self.rows) if _fits(self.rows[i], condition))
            return [_shown(point, fields) for point in fit][:limit]

        yield await Request("scroll", "qdrant", answer=found)

    async def upsert(
        self,
        points: Sequence[pb.PointStruct],
        mode: pb.UpdateMode.ValueType,
        condition: pb.Filter | None = None,
    ) -> None:
        effects = [partial(self._write, point, mode, condition) for point in points]
        await Request("upsert", "qdrant", list(effects))

    async def count(self) -> int:
        answer: int = await Request("count", "qdrant", answer=lambda: len(self.rows))
        return answer

    async def delete(self, ids: Sequence[str]) -> None:
        await Request("delete", "qdrant", [partial(self._delete, point) for point in ids])

    def _write(
        self, point: pb.PointStruct, mode: pb.UpdateMode.ValueType, condition: pb.Filter | None
    ) -> None:
        before = self.rows.get(point.id.uuid)
        if before is None:
            # an absent point is inserted whatever the condition says: only the mode forbids it
            written = mode != pb.UpdateMode.UpdateOnly
        else:
            written = mode != pb.UpdateMode.InsertOnly and _fits(before, condition)
        if written:
            self.rows[point.id.uuid] = _stored(point)
            self.history.append((point.id.uuid, self.rows[point.id.uuid]))

    def _delete(self, point: str) -> None:
        if self.rows.pop(point, None) is not None:
            self.history.append((point, None))


def _stored(point: pb.PointStruct) -> Point:
    given = point.vectors.vectors.vectors
    vectors = {
        name: pb.VectorOutput(multi_dense=vector.multi_dense)
        if vector.HasField("multi_dense")
        else pb.VectorOutput(dense=vector.dense)
        for name, vector in given.items()
    }
    named = pb.NamedVectorsOutput(vectors=vectors)
    return pb.RetrievedPoint(
        id=point.id, payload=dict(point.payload), vectors=pb.VectorsOutput(vectors=named)
    )


def _shown(point: Point, fields: Sequence[str] | None) -> Point:
    if fields is None:
        return point
    kept = {name: value for name, value in point.payload.items() if name in fields}
    return pb.RetrievedPoint(id=point.id, payload=kept)


def _fits(point: Point, condition: pb.Filter | None) -> bool:
    return condition is None or all(_holds(point, each.field) for each in condition.must)


def _holds(point: Point, wanted: pb.FieldCondition) -> bool:
    if wanted.key not in point.payload:
        return False
    value = point.payload[wanted.key].integer_value
    if wanted.HasField("range"):
        assert wanted.range.HasField("lt"), "only what the users' code asks is simulated"
        return bool(value < wanted.range.lt)
    return value in wanted.match.integers.integers
