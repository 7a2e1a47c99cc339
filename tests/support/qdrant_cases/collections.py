"""Collections and field indexes."""

from __future__ import annotations

from typing import Any

from qdrant_client import AsyncQdrantClient
from qdrant_client import models as m

from tests.support.qdrant_cases.shared import (
    MULTI,
    PLAIN,
    a_point,
    case,
    comparable,
    filled,
    outcome,
)


@case
async def a_collection_from_creation_to_deletion(client: AsyncQdrantClient, name: str) -> Any:
    return [
        await outcome(client.collection_exists(name)),
        await outcome(client.create_collection(name, vectors_config=PLAIN)),
        await outcome(client.collection_exists(name)),
        name in {one.name for one in (await client.get_collections()).collections},
        await outcome(client.create_collection(name, vectors_config=PLAIN)),
        await outcome(client.delete_collection(name)),
        await outcome(client.collection_exists(name)),
        await outcome(client.delete_collection(name)),
        await outcome(client.get_collection(name)),
    ]


@case
async def parameters_are_reported(client: AsyncQdrantClient, name: str) -> Any:
    await client.create_collection(
        name,
        vectors_config={"interests": MULTI, "taste": PLAIN},
        sparse_vectors_config={"pairs": m.SparseVectorParams()},
        on_disk_payload=True,
    )
    found = await client.get_collection(name)
    assert found.config is not None
    return comparable(
        [
            found.config.params,
            found.status,
            found.points_count,
            found.config.hnsw_config.m,
            found.payload_schema,
        ]
    )


@case
async def a_missing_collection_is_not_found(client: AsyncQdrantClient, name: str) -> Any:
    return [
        await outcome(client.get_collection(name)),
        await outcome(client.upsert(name, [a_point(1)])),
        await outcome(client.retrieve(name, [1])),
        await outcome(client.scroll(name)),
        await outcome(client.count(name)),
        await outcome(client.query_points(name, query=[1.0, 0.0, 0.0])),
    ]


@case
async def field_indexes_come_and_go(client: AsyncQdrantClient, name: str) -> Any:
    await filled(client, name)
    kinds: dict[str, Any] = {
        "n": m.PayloadSchemaType.INTEGER,
        "word": m.PayloadSchemaType.KEYWORD,
        "share": m.PayloadSchemaType.FLOAT,
        "even": m.PayloadSchemaType.BOOL,
        "at": m.PayloadSchemaType.DATETIME,
    }
    made = [
        await outcome(client.create_payload_index(name, *one, wait=True)) for one in kinds.items()
    ]
    tagged = m.IntegerIndexParams(
        type=m.IntegerIndexType.INTEGER, lookup=True, range=False, enable_hnsw=False
    )
    made.append(await outcome(client.create_payload_index(name, "etag", tagged, wait=True)))
    shown = (await client.get_collection(name)).payload_schema
    await client.delete_payload_index(name, "word", wait=True)
    left = (await client.get_collection(name)).payload_schema
    kinds_shown = {key: (index.data_type, index.points) for key, index in shown.items()}
    return comparable([made, kinds_shown, sorted(left)])
