"""Points of every kind, and what a store holds of them."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence

import numpy as np
from qdrant_client import AsyncQdrantClient
from qdrant_client import grpc as pb

from stream.store import convert
from stream.store.client import Points
from stream.store.rows import Matrix

VECTORS = {"users": ("interests", "taste"), "items": ("text",), "segments": ("centroid",)}


def some(part: str, count: int, dimension: int, seed: int = 0) -> list[pb.PointStruct]:
    """Points as collections of this part may hold them, some of them without vectors."""
    chance, rng = random.Random(f"{part}{seed}"), np.random.default_rng(seed)
    return [_point(part, dimension, chance, rng) for _ in range(count)]


def _point(
    part: str, dimension: int, chance: random.Random, rng: np.random.Generator
) -> pb.PointStruct:
    def rows(count: int) -> Matrix:
        found = rng.normal(size=(count, dimension))
        unit: Matrix = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)
        return unit

    vectors = {}
    if part == "neighbours":
        indices = np.array(sorted(chance.sample(range(2**32), 20)), np.uint32)
        vectors["pairs"] = convert.sparse((indices, rng.random(20).astype(np.float32)))
    for name in VECTORS.get(part, ()):
        if name == "interests":
            filled = np.concatenate([rows(3), np.zeros((2, dimension), np.float32)])
            vectors[name] = convert.multi(filled)
        else:
            vectors[name] = convert.dense(rows(1)[0])
    if chance.random() < 0.2:
        vectors.clear()
    payload = convert.payload(
        {
            "name": f"né {chance.random()}",
            "state": "x" * chance.randrange(3000),
            "etag": chance.getrandbits(62),
            "revision": chance.randrange(2**40),
            "available": chance.random() < 0.5,
            "categories": [f"c{chance.randrange(9)}" for _ in range(3)],
        }
    )
    return pb.PointStruct(
        id=convert.point_id(str(uuid.UUID(int=chance.getrandbits(128)))),
        payload=payload,
        vectors=pb.Vectors(vectors=pb.NamedVectors(vectors=vectors)),
    )


async def put(client: AsyncQdrantClient, collection: str, points: Sequence[pb.PointStruct]) -> None:
    at = Points(client, collection, timeout_s=20)
    await at.upsert(points, pb.UpdateMode.Upsert)


async def held(client: AsyncQdrantClient, collection: str) -> dict[str, object]:
    """Point id -> payload and vectors to the bit; a sparse vector's order says nothing."""
    info = await client.get_collection(collection)
    params = info.config.params
    names = [*(params.vectors or {}), *(params.sparse_vectors or {})]
    pages = Points(client, collection, timeout_s=20).scroll(vectors=tuple(names))
    return {point.id.uuid: _plain(point) async for page in pages for point in page}


def _plain(point: pb.RetrievedPoint) -> object:
    vectors = point.vectors.vectors.vectors
    return (
        {name: value.SerializeToString() for name, value in point.payload.items()},
        {name: _numbers(vectors[name]) for name in vectors},
    )


def _numbers(vector: pb.VectorOutput) -> object:
    if vector.WhichOneof("vector") == "sparse":
        pairs = zip(vector.sparse.indices, vector.sparse.values, strict=True)
        return sorted(pairs)
    return vector.SerializeToString()
