"""The connection to Qdrant: options, errors, and one collection's points as protobuf messages."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
from qdrant_client import AsyncQdrantClient
from qdrant_client import grpc as pb
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse

from stream.errors import Unavailable
from stream.settings import Settings

PART = "qdrant"
PAGE = 1000  # points of a scroll in one answer

# With gRPC's own back-off (1 s growing to 120 s) one restart of the server meant 25 s of outage.
# The minimum is not a wait but what each attempt to connect is given: with 50 ms a line that takes
# more than half a second for question and answer was never connected again.
RECONNECT = {
    "grpc.initial_reconnect_backoff_ms": 50,
    "grpc.min_reconnect_backoff_ms": 2000,
    "grpc.max_reconnect_backoff_ms": 500,
}
# A connection that something in between dropped without a word timed out call by call, for ever:
# where a call is open and nothing has come for 10 s, ask, and connect anew where that is not
# answered. It is the time-out of pings that counts; with its own minute it took 70 s.
KEEPALIVE = {
    "grpc.keepalive_time_ms": 10_000,
    "grpc.keepalive_timeout_ms": 5_000,
    "grpc.http2.ping_timeout_ms": 5_000,
}
UNBOUNDED = {"grpc.max_send_message_length": -1, "grpc.max_receive_message_length": -1}

AWAY = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
        # a full disk, a stream reset by a proxy: what a person mends while the worker waits
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
    }
)

STRONG = pb.WriteOrdering(type=pb.WriteOrderingType.Strong)
MAJORITY = pb.ReadConsistency(type=pb.ReadConsistencyType.Majority)


def open_client(settings: Settings) -> AsyncQdrantClient:
    """A client that connects at its first call; close it with `close()`.

    The API key travels as a header: given as `api_key`, the client warns about plain gRPC at
    every start, though inside a cluster's network that is a choice and not a mistake.
    """
    key = settings.qdrant_api_key
    return AsyncQdrantClient(
        url=settings.qdrant_url,
        grpc_port=settings.qdrant_grpc_port,
        prefer_grpc=True,
        headers={"api-key": key.get_secret_value()} if key else None,
        timeout=math.ceil(settings.qdrant_timeout_s),
        grpc_options={**RECONNECT, **KEEPALIVE, **UNBOUNDED},
        check_compatibility=False,  # asks over REST, in a thread; `server_version` asks over gRPC
    )


@contextmanager
def outages() -> Iterator[None]:
    """Turn what a missing or overloaded server raises into Unavailable; the rest is a bug.

    The client reports a call that was cancelled under it (its channel closed) like the
    cancellation of the task that waits: only the latter may pass.
    """
    try:
        yield
    except grpc.aio.AioRpcError as error:
        if error.code() not in AWAY:
            raise
        raise Unavailable(PART, f"{error.code().name}: {error.details()}") from error
    except (ResourceExhaustedResponse, OSError) as error:
        raise Unavailable(PART, str(error) or type(error).__name__) from error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise Unavailable(PART, "the call was cancelled: the connection was closed") from error


@dataclass(frozen=True, slots=True)
class Search:
    """What is nearest to `query` among the vectors named `vector`, where `condition` holds?"""

    vector: str
    query: pb.VectorInput
    condition: pb.Filter


class Points:
    """One collection's points.

    Every call raises Unavailable where the server does not answer within the time-out; after a
    write this says nothing about whether the write happened.
    """

    def __init__(self, client: AsyncQdrantClient, collection: str, *, timeout_s: float) -> None:
        self.collection = collection
        self._client = client
        self._timeout_s = timeout_s

    async def get(
        self,
        ids: Sequence[str],
        *,
        fields: Sequence[str] | None = None,
        vectors: Sequence[str] = (),
    ) -> Sequence[pb.RetrievedPoint]:
        """Those of the points that exist, in no order; all payload `fields` unless named."""
        if not ids:
            return []
        request = pb.GetPoints(
            collection_name=self.collection,
            ids=[pb.PointId(uuid=each) for each in ids],
            with_payload=_payload_selector(fields),
            with_vectors=_vectors_selector(vectors),
            read_consistency=MAJORITY,
        )
        with outages():
            answer = await self._client.grpc_points.Get(request, timeout=self._timeout_s)
        found: Sequence[pb.RetrievedPoint] = answer.result
        return found

    async def scroll(
        self,
        condition: pb.Filter | None = None,
        *,
        limit: int | None = None,
        fields: Sequence[str] | None = None,
        vectors: Sequence[str] = (),
        page: int = PAGE,
    ) -> AsyncIterator[Sequence[pb.RetrievedPoint]]:
        """Pages of the points that match, in the order of their ids; at most `limit` points."""
        left: int | None = limit
        offset: str | None = None
        while left is None or left > 0:
            size = page if left is None else min(page, left)
            found, offset = await self.page(
                condition, limit=size, offset=offset, fields=fields, vectors=vectors
            )
            if found:
                yield found
            if offset is None:
                return
            left = None if left is None else left - len(found)

    async def page(
        self,
        condition: pb.Filter | None,
        *,
        limit: int,
        offset: str | None = None,
        fields: Sequence[str] | None = None,
        vectors: Sequence[str] = (),
    ) -> tuple[Sequence[pb.RetrievedPoint], str | None]:
        """Up to `limit` points that match, from the id `offset` on in the order of their ids, and
        the id from which to go on; None: there are no more."""
        request = pb.ScrollPoints(
            collection_name=self.collection,
            filter=condition,
            offset=None if offset is None else pb.PointId(uuid=offset),
            limit=limit,
            with_payload=_payload_selector(fields),
            with_vectors=_vectors_selector(vectors),
            read_consistency=MAJORITY,
        )
        with outages():
            answer = await self._client.grpc_points.Scroll(request, timeout=self._timeout_s)
        more = answer.HasField("next_page_offset")
        return answer.result, answer.next_page_offset.uuid if more else None

    async def search(
        self, wanted: Sequence[Search], limit: int, *, score_min: float | None = None
    ) -> list[Sequence[pb.ScoredPoint]]:
        """For each search up to `limit` points, bare, the nearest first.

        score_min  leave out what is not at least so near; None: nothing
        """
        if not wanted:
            return []
        queries = [
            pb.QueryPoints(
                collection_name=self.collection,
                query=pb.Query(nearest=one.query),
                using=one.vector,
                filter=one.condition,
                limit=limit,
                score_threshold=score_min,
                with_payload=_payload_selector(()),
                read_consistency=MAJORITY,
            )
            for one in wanted
        ]
        request = pb.QueryBatchPoints(
            collection_name=self.collection, query_points=queries, read_consistency=MAJORITY
        )
        with outages():
            answer = await self._client.grpc_points.QueryBatch(request, timeout=self._timeout_s)
        return [found.result for found in answer.result]

    async def count(self) -> int:
        request = pb.CountPoints(
            collection_name=self.collection, exact=True, read_consistency=MAJORITY
        )
        with outages():
            answer = await self._client.grpc_points.Count(request, timeout=self._timeout_s)
        return int(answer.result.count)

    async def upsert(
        self,
        points: Sequence[pb.PointStruct],
        mode: pb.UpdateMode.ValueType,
        condition: pb.Filter | None = None,
    ) -> None:
        """Write the points that `mode` and `condition` allow; the answer never says which."""
        request = pb.UpsertPoints(
            collection_name=self.collection,
            wait=True,
            points=points,
            ordering=STRONG,
            update_filter=condition,
            update_mode=mode,
        )
        with outages():
            await self._client.grpc_points.Upsert(request, timeout=self._timeout_s)

    async def delete(self, ids: Sequence[str]) -> None:
        chosen = pb.PointsIdsList(ids=[pb.PointId(uuid=each) for each in ids])
        request = pb.DeletePoints(
            collection_name=self.collection,
            wait=True,
            points=pb.PointsSelector(points=chosen),
            ordering=STRONG,
        )
        with outages():
            await self._client.grpc_points.Delete(request, timeout=self._timeout_s)


def at_least(field: str, value: int) -> pb.Condition:
    return pb.Condition(field=pb.FieldCondition(key=field, range=pb.Range(gte=value)))


def below(field: str, value: int) -> pb.Condition:
    return pb.Condition(field=pb.FieldCondition(key=field, range=pb.Range(lt=value)))


def above(field: str, value: int) -> pb.Condition:
    return pb.Condition(field=pb.FieldCondition(key=field, range=pb.Range(gt=value)))


def one_of(field: str, values: Iterable[str]) -> pb.Condition:
    match = pb.Match(keywords=pb.RepeatedStrings(strings=values))
    return pb.Condition(field=pb.FieldCondition(key=field, match=match))


def is_empty(field: str) -> pb.Condition:
    return pb.Condition(is_empty=pb.IsEmptyCondition(key=field))


def has_id(points: Iterable[str]) -> pb.Condition:
    ids = [pb.PointId(uuid=point) for point in points]
    return pb.Condition(has_id=pb.HasIdCondition(has_id=ids))


def either(*conditions: pb.Condition) -> pb.Condition:
    return pb.Condition(filter=pb.Filter(should=conditions))


def any_of(field: str, values: Sequence[int]) -> pb.Condition:
    match = pb.Match(integers=pb.RepeatedIntegers(integers=values))
    return pb.Condition(field=pb.FieldCondition(key=field, match=match))


def has_vector(name: str) -> pb.Condition:
    return pb.Condition(has_vector=pb.HasVectorCondition(has_vector=name))


def _payload_selector(fields: Sequence[str] | None) -> pb.WithPayloadSelector:
    if fields is None:
        return pb.WithPayloadSelector(enable=True)
    return pb.WithPayloadSelector(include=pb.PayloadIncludeSelector(fields=fields))


def _vectors_selector(names: Sequence[str]) -> pb.WithVectorsSelector:
    if not names:
        return pb.WithVectorsSelector(enable=False)
    return pb.WithVectorsSelector(include=pb.VectorsSelector(names=names))
