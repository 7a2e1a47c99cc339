"""Calls about points: writes, lookups, queries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qdrant_edge as edge
from qdrant_client.grpc import points_pb2 as pb2
from qdrant_client.grpc.points_service_pb2_grpc import PointsServicer

from stream.embedded.qdrant import queries, rpc, updates
from stream.embedded.qdrant.convert import (
    Fields,
    Names,
    id_out,
    point_id,
    record_out,
    wanted_payload,
    wanted_vectors,
)
from stream.embedded.qdrant.directory import Directory
from stream.embedded.qdrant.filters import optional_filter
from stream.embedded.qdrant.refusal import wrong


class PointsService:
    """Points of the collections of one data directory."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def servicer(self) -> Any:
        reads = {
            "Get": self.get,
            "Scroll": self.scroll,
            "Count": self.count,
            "Query": self.query,
            "QueryBatch": self.query_batch,
        }
        writes: dict[str, rpc.Call] = {
            "Upsert": self._write(updates.upsert),
            "UpdateVectors": self._write(updates.update_vectors),
            "DeleteVectors": self._write(updates.delete_vectors),
            "Delete": self._write(lambda _, r: updates.delete_points(r.points)),
            "SetPayload": self._write(lambda _, r: updates.set_payload(r)),
            "OverwritePayload": self._write(lambda _, r: updates.overwrite_payload(r)),
            "DeletePayload": self._write(lambda _, r: updates.delete_payload(r)),
            "ClearPayload": self._write(lambda _, r: updates.clear_payload(r.points)),
            "CreateFieldIndex": self._write(lambda _, r: updates.create_index(r)),
            "DeleteFieldIndex": self._write(lambda _, r: updates.delete_index(r)),
            "UpdateBatch": self.update_batch,
        }
        return rpc.servicer(PointsServicer, self._directory, reads, writes)

    # --- reads

    def get(self, request: pb2.GetPoints) -> pb2.GetResponse:
        """Points that are not there are left out."""
        collection = self._directory.named(request.collection_name)
        found = collection.shard.retrieve(
            [point_id(one) for one in request.ids],
            wanted_payload(request.with_payload),
            wanted_vectors(collection.names, request.with_vectors),
        )
        return pb2.GetResponse(result=[record_out(one) for one in found])

    def scroll(self, request: pb2.ScrollPoints) -> pb2.ScrollResponse:
        collection = self._directory.named(request.collection_name)
        ordered = request.HasField("order_by")
        if ordered and request.HasField("offset"):
            raise wrong(
                "Cannot use an `offset` when using `order_by`. "
                "The alternative for paging is to use `order_by.start_from` and a filter"
            )
        found, following = collection.shard.scroll(
            edge.ScrollRequest(
                offset=point_id(request.offset) if request.HasField("offset") else None,
                limit=queries.limit(request),
                filter=optional_filter(request),
                with_payload=wanted_payload(request.with_payload),
                with_vector=wanted_vectors(collection.names, request.with_vectors),
                order_by=queries.order_by(request.order_by) if ordered else None,
            )
        )
        return pb2.ScrollResponse(
            result=[record_out(one) for one in found],
            next_page_offset=None if following is None else id_out(following),
        )

    def count(self, request: pb2.CountPoints) -> pb2.CountResponse:
        """Exact, also where an estimate would do."""
        collection = self._directory.named(request.collection_name)
        wanted = edge.CountRequest(exact=True, filter=optional_filter(request))
        return pb2.CountResponse(result=pb2.CountResult(count=collection.shard.count(wanted)))

    def query(self, request: pb2.QueryPoints) -> pb2.QueryResponse:
        collection = self._directory.named(request.collection_name)
        wanted = queries.request(collection.shard, collection.names, request)
        return pb2.QueryResponse(result=_scored(request, collection.shard.query(wanted)))

    def query_batch(self, request: pb2.QueryBatchPoints) -> pb2.QueryBatchResponse:
        collection = self._directory.named(request.collection_name)
        wanted = [
            queries.request(collection.shard, collection.names, one) for one in request.query_points
        ]
        found = collection.shard.query_batch(edge.QueryBatchRequest(wanted))
        pairs = zip(request.query_points, found, strict=True)
        return pb2.QueryBatchResponse(
            result=[pb2.BatchResult(result=_scored(query, rows)) for query, rows in pairs]
        )

    # --- writes

    def update_batch(self, request: pb2.UpdateBatchPoints) -> pb2.UpdateBatchResponse:
        """Operations in order; all are validated before the first is applied."""
        collection = self._directory.named(request.collection_name)
        operations = [updates.batched(collection.names, one) for one in request.operations]
        collection.apply(operations, rows=len(operations))
        return pb2.UpdateBatchResponse(result=[_done(request)] * len(operations))

    def _write(self, operation: Callable[[Names, Any], updates.Change]) -> rpc.Call:
        def write(request: Any) -> pb2.PointsOperationResponse:
            collection = self._directory.named(request.collection_name)
            change = operation(collection.names, request)
            collection.apply([change], rows=_rows(request))
            return pb2.PointsOperationResponse(result=_done(request))

        return write


def _rows(request: Any) -> int:
    return len(request.points) if isinstance(request, pb2.UpsertPoints) else 1


def _done(request: Any) -> pb2.UpdateResult:
    """Everything is applied at once; who does not wait is told no more than by the server."""
    status = pb2.UpdateStatus.Completed if request.wait else pb2.UpdateStatus.Acknowledged
    return pb2.UpdateResult(status=status)


def _scored(request: pb2.QueryPoints, rows: list[edge.ScoredPoint]) -> list[Fields]:
    # A query with MMR returns vectors also when nobody asked for them.
    selector = request.with_vectors
    wanted = selector.WhichOneof("selector_options") == "include" or selector.enable
    return [
        record_out(row, with_vectors=wanted, score=row.score, version=row.version) for row in rows
    ]
