"""Writes, conditional ones among them, and what they refuse."""

from __future__ import annotations

from typing import Any

from qdrant_client import AsyncQdrantClient
from qdrant_client import models as m

from tests.support.qdrant_cases.shared import (
    MULTI,
    PLAIN,
    UUID,
    a_point,
    case,
    etag_in,
    everything,
    filled,
    match,
    outcome,
)


@case
async def an_upsert_replaces_the_whole_point(client: AsyncQdrantClient, name: str) -> Any:
    await filled(client, name)
    bare = [
        m.PointStruct(id=1, vector=[0.0, 1.0, 0.0]),
        m.PointStruct(id=UUID, vector=[0.0, 0.0, 2.0], payload={"new": True}),
    ]
    return [
        await outcome(client.upsert(name, bare, wait=True)),
        await outcome(client.upsert(name, bare, wait=False)),
        await everything(client, name),
    ]


@case
async def update_only_writes_where_the_etag_is_the_one_read(
    client: AsyncQdrantClient, name: str
) -> Any:
    await filled(client, name)
    points = [
        m.PointStruct(id=number, vector=[0.0, 0.0, 1.0], payload={"etag": 1})
        for number in (1, 2, 3, 99)
    ]
    return [
        await outcome(
            client.upsert(
                name,
                points,
                wait=True,
                update_filter=etag_in(1, 3, 99),
                update_mode=m.UpdateMode.UPDATE_ONLY,
                ordering=m.WriteOrdering.STRONG,
            )
        ),
        await everything(client, name),
    ]


@case
async def insert_only_leaves_what_is_there(client: AsyncQdrantClient, name: str) -> Any:
    await filled(client, name)
    points = [m.PointStruct(id=number, vector=[0.0, 0.0, 1.0]) for number in (1, 98)]
    return [
        await outcome(client.upsert(name, points, wait=True, update_mode=m.UpdateMode.INSERT_ONLY)),
        await everything(client, name),
    ]


@case
async def a_false_filter_alone_inserts_what_is_absent(client: AsyncQdrantClient, name: str) -> Any:
    await filled(client, name)
    points = [m.PointStruct(id=number, vector=[0.0, 0.0, 1.0]) for number in (1, 97)]
    await client.upsert(name, points, wait=True, update_filter=match("etag", -1))
    return await everything(client, name)


@case
async def etags_are_read_back(client: AsyncQdrantClient, name: str) -> Any:
    await filled(client, name)
    read = client.retrieve(
        name,
        [3, 1, 99],
        with_payload=["etag"],
        with_vectors=False,
        consistency=m.ReadConsistencyType.MAJORITY,
    )
    return await outcome(read)


@case
async def payload_is_set_overwritten_deleted_and_cleared(
    client: AsyncQdrantClient, name: str
) -> Any:
    await filled(client, name)
    odd = m.FilterSelector(filter=match("even", False))
    return [
        await outcome(client.set_payload(name, {"n": 100, "new": [1]}, points=[1, 2], wait=True)),
        await outcome(client.set_payload(name, {"x": 1}, points=[3], key="deep", wait=True)),
        await outcome(client.set_payload(name, {"odd": True}, points=odd, wait=True)),
        await outcome(client.overwrite_payload(name, {"only": 1.5}, points=[4], wait=True)),
        await outcome(client.delete_payload(name, ["words", "deep"], points=[5], wait=True)),
        await outcome(client.clear_payload(name, points_selector=[6], wait=True)),
        await everything(client, name),
    ]


@case
async def points_are_deleted_by_id_and_by_filter(client: AsyncQdrantClient, name: str) -> Any:
    await filled(client, name)
    return [
        await outcome(client.delete(name, [1, 99], wait=True)),
        await outcome(client.delete(name, m.FilterSelector(filter=match("word", "a")), wait=True)),
        await everything(client, name),
    ]


@case
async def vectors_are_updated_and_deleted(client: AsyncQdrantClient, name: str) -> Any:
    await client.create_collection(name, vectors_config={"taste": PLAIN, "interests": MULTI})
    both: Any = {"taste": [1.0, 0.0, 0.0], "interests": [[1.0, 0.0], [0.0, 1.0]]}
    await client.upsert(name, [m.PointStruct(id=n, vector=both) for n in (1, 2)], wait=True)
    fresh = m.PointVectors(id=1, vector={"taste": [0.0, 1.0, 0.0]})
    unknown = m.PointVectors(id=9, vector={"taste": [0.0, 1.0, 0.0]})
    return [
        await outcome(client.update_vectors(name, [fresh], wait=True)),
        await outcome(client.update_vectors(name, [unknown], wait=True)),
        await outcome(client.delete_vectors(name, ["interests"], points=[2], wait=True)),
        await everything(client, name),
    ]


@case
async def a_point_may_lack_vectors(client: AsyncQdrantClient, name: str) -> Any:
    await client.create_collection(name, vectors_config={"taste": PLAIN, "interests": MULTI})
    points = [
        m.PointStruct(id=1, vector={}, payload={"tombstone": True}),
        m.PointStruct(id=2, vector={"taste": [1.0, 0.0, 0.0]}),
    ]
    await client.upsert(name, points, wait=True)
    return [
        await everything(client, name),
        await outcome(client.query_points(name, query=[1.0, 0.0, 0.0], using="taste")),
    ]


@case
async def a_batch_of_updates(client: AsyncQdrantClient, name: str) -> Any:
    await filled(client, name)
    operations: list[Any] = [
        m.UpsertOperation(upsert=m.PointsList(points=[a_point(8)])),
        m.SetPayloadOperation(set_payload=m.SetPayload(payload={"b": 1}, points=[8])),
        m.DeleteOperation(delete=m.PointIdsList(points=[1])),
    ]
    return [
        await outcome(client.batch_update_points(name, operations, wait=True)),
        await everything(client, name),
    ]


@case
async def what_does_not_fit_is_refused(client: AsyncQdrantClient, name: str) -> Any:
    await client.create_collection(
        name, vectors_config={"": PLAIN}, sparse_vectors_config={"pairs": m.SparseVectorParams()}
    )
    twice = m.SparseVector(indices=[1, 1], values=[1.0, 2.0])
    bad: list[Any] = [
        m.PointStruct(id=1, vector=[1.0, 2.0]),
        m.PointStruct(id=1, vector={"nobody": [1.0, 2.0, 3.0]}),
        m.PointStruct(id=1, vector={"pairs": twice}),
        m.PointStruct(id=1, vector={"pairs": [1.0, 2.0]}),
        m.PointStruct(id="no-uuid", vector=[1.0, 2.0, 3.0]),
    ]
    return [
        *[await outcome(client.upsert(name, [one], wait=True)) for one in bad],
        await outcome(client.query_points(name, query=[1.0])),
        await outcome(client.query_points(name, query=[1.0], using="nobody")),
        await outcome(client.query_points(name, query=77)),
        await outcome(client.query_points(name, query=m.FusionQuery(fusion=m.Fusion.RRF))),
        await outcome(client.scroll(name, order_by="no-index")),
        await everything(client, name),
        await outcome(
            client.upsert(name, [m.PointStruct(id=1, vector=[1.0, 2.0, 3.0])], wait=True)
        ),
        await outcome(client.scroll(name, with_vectors=["nobody"])),
        await outcome(client.scroll(name, order_by="no-index")),
    ]
