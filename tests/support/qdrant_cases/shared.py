"""What the cases share: a filled collection, and answers in a form that can be compared."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from pydantic import BaseModel
from qdrant_client import AsyncQdrantClient
from qdrant_client import models as m

Case = Callable[[AsyncQdrantClient, str], Awaitable[Any]]
CASES: list[Case] = []
UUID = "6f1f7f7e-7a0b-4b6e-9d0a-0a4b8f0a1c11"
BY_SERVER = frozenset({"version", "operation_id", "shard_key"})  # its own business

PLAIN = m.VectorParams(size=3, distance=m.Distance.COSINE)
MULTI = m.VectorParams(
    size=2,
    distance=m.Distance.DOT,
    multivector_config=m.MultiVectorConfig(comparator=m.MultiVectorComparator.MAX_SIM),
    hnsw_config=m.HnswConfigDiff(m=0),
)


def case(function: Case) -> Case:
    CASES.append(function)
    return function


def comparable(value: Any) -> Any:
    """Without what is the server's own business, floats to five digits."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    if isinstance(value, dict):
        return {key: comparable(one) for key, one in value.items() if key not in BY_SERVER}
    if isinstance(value, (list, tuple)):
        return [comparable(one) for one in value]
    return round(value, 5) if isinstance(value, float) else value


async def outcome(call: Awaitable[Any]) -> Any:
    """What the call returns, or the status code it fails with."""
    try:
        return comparable(await call)
    except grpc.aio.AioRpcError as error:
        return error.code().name


async def filled(client: AsyncQdrantClient, name: str) -> None:
    """Six points: 3-d cosine vectors, and one field of every kind."""
    await client.create_collection(name, vectors_config=PLAIN)
    await client.upsert(name, [a_point(number) for number in range(1, 7)], wait=True)


def a_point(number: int) -> m.PointStruct:
    return m.PointStruct(
        id=number,
        vector=[1.0, number / 7, (number % 3) / 3],
        payload={
            "n": number,
            "etag": 2**61 + number,
            "share": number / 4,
            "word": "ab"[number % 2],
            "words": [f"w{number}", "all"],
            "even": number % 2 == 0,
            "at": f"2024-01-0{number}T00:00:00Z",
            "deep": {"list": [1, {"x": None}], "number": number},
            "none": None,
        },
    )


async def everything(client: AsyncQdrantClient, name: str) -> Any:
    """All points of the collection, with payload and vectors."""
    return await outcome(client.scroll(name, limit=100, with_payload=True, with_vectors=True))


def match(key: str, value: Any) -> m.Filter:
    return m.Filter(must=[m.FieldCondition(key=key, match=m.MatchValue(value=value))])


def etag_in(*numbers: int) -> m.Filter:
    tags = m.MatchAny(any=[2**61 + number for number in numbers])
    return m.Filter(must=[m.FieldCondition(key="etag", match=tags)])
