"""Filters, scrolling, lookups and queries."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

from qdrant_client import AsyncQdrantClient
from qdrant_client import models as m

from tests.support.qdrant_cases.shared import (
    MULTI,
    case,
    comparable,
    everything,
    filled,
    match,
    outcome,
)


def conditions() -> dict[str, m.Filter]:
    def field(key: str, **how: Any) -> m.FieldCondition:
        return m.FieldCondition(key=key, **how)

    single: dict[str, Any] = {
        "integer range": field("n", range=m.Range(gt=2, lte=5)),
        "open range": field("n", range=m.Range(gte=4)),
        "float range": field("share", range=m.Range(lt=1.0)),
        "big integers": field("etag", match=m.MatchAny(any=[2**61 + 2, 2**61 + 5])),
        "integer": field("n", match=m.MatchValue(value=3)),
        "word": field("word", match=m.MatchValue(value="a")),
        "true": field("even", match=m.MatchValue(value=True)),
        "false": field("even", match=m.MatchValue(value=False)),
        "any of words": field("words", match=m.MatchAny(any=["w1", "w6"])),
        "none of words": field("word", match=m.MatchExcept(**{"except": ["a"]})),
        "none of integers": field("n", match=m.MatchExcept(**{"except": [1, 2]})),
        "text": field("words", match=m.MatchText(text="w3")),
        "times": field("at", range=m.DatetimeRange(gte=datetime(2024, 1, 3, tzinfo=UTC))),
        "count": field("words", values_count=m.ValuesCount(gte=2)),
        "nested key": field("deep.number", range=m.Range(lt=3)),
        "ids": m.HasIdCondition(has_id=[1, 4, 99]),
        "empty": m.IsEmptyCondition(is_empty=m.PayloadField(key="none")),
        "null": m.IsNullCondition(is_null=m.PayloadField(key="none")),
        "has vector": m.HasVectorCondition(has_vector=""),
    }
    some = list(single.values())
    wholes = {
        "both": m.Filter(must=[some[0], some[5]]),
        "either": m.Filter(should=[some[4], some[9]]),
        "not": m.Filter(must_not=[some[1]]),
        "two of three": m.Filter(
            min_should=m.MinShould(conditions=[some[0], some[1], some[6]], min_count=2)
        ),
        "filter in filter": m.Filter(must=[m.Filter(should=[some[4], some[2]])]),
        "empty filter": m.Filter(),
    }
    return {name: m.Filter(must=[one]) for name, one in single.items()} | wholes


@case
async def filters_choose_the_same_points(client: AsyncQdrantClient, name: str) -> Any:
    await filled(client, name)

    async def chosen(wanted: m.Filter) -> Any:
        found, _ = await client.scroll(name, scroll_filter=wanted, with_payload=False)
        counted = (await client.count(name, count_filter=wanted)).count
        return [[one.id for one in found], counted]

    plain = {what: await chosen(wanted) for what, wanted in conditions().items()}
    await client.create_payload_index(name, "n", m.PayloadSchemaType.INTEGER, wait=True)
    await client.create_payload_index(name, "etag", m.PayloadSchemaType.INTEGER, wait=True)
    await client.create_payload_index(name, "words", m.PayloadSchemaType.KEYWORD, wait=True)
    indexed = {what: await chosen(wanted) for what, wanted in conditions().items()}
    return [plain, indexed]


@case
async def scrolling_pages_through_everything(client: AsyncQdrantClient, name: str) -> Any:
    await filled(client, name)
    pages, offset = [], None
    for _ in itertools.repeat(None, 5):
        found, offset = await client.scroll(name, limit=4, offset=offset, with_payload=["n"])
        pages.append(comparable(found))
        if offset is None:
            break
    return pages


@case
async def scrolling_in_order(client: AsyncQdrantClient, name: str) -> Any:
    await filled(client, name)
    await client.create_payload_index(name, "n", m.PayloadSchemaType.INTEGER, wait=True)
    await client.create_payload_index(name, "at", m.PayloadSchemaType.DATETIME, wait=True)
    falling = m.OrderBy(key="n", direction=m.Direction.DESC)
    later = m.OrderBy(key="n", direction=m.Direction.ASC, start_from=4)
    since = m.OrderBy(key="at", start_from=datetime(2024, 1, 5, tzinfo=UTC))
    return [
        await outcome(client.scroll(name, order_by=falling, limit=3, with_payload=False)),
        await outcome(client.scroll(name, order_by=later, with_payload=["n"])),
        await outcome(client.scroll(name, order_by=since, with_payload=["at"])),
        await outcome(client.scroll(name, order_by=falling, offset=3)),
        await outcome(client.query_points(name, query=m.OrderByQuery(order_by="n"), limit=2)),
    ]


@case
async def only_what_is_wanted_comes_back(client: AsyncQdrantClient, name: str) -> Any:
    await filled(client, name)
    without = m.PayloadSelectorExclude(exclude=["deep", "words"])
    return [
        await outcome(client.retrieve(name, [2, 1], with_payload=without, with_vectors=True)),
        await outcome(client.retrieve(name, [1], with_payload=["deep.number", "n"])),
        await outcome(client.retrieve(name, [1], with_payload=False)),
        await outcome(client.retrieve(name, [99])),
        await outcome(client.retrieve(name, [])),
    ]


@case
async def dense_queries(client: AsyncQdrantClient, name: str) -> Any:
    await filled(client, name)
    ask = client.query_points
    near = [0.2, 1.0, 0.1]
    mmr = m.NearestQuery(nearest=near, mmr=m.Mmr(diversity=0.7, candidates_limit=6))
    deep = [m.Prefetch(query=near, limit=4), m.Prefetch(query=[1.0, 0.0, 0.0], limit=4)]
    fused = m.FusionQuery(fusion=m.Fusion.RRF)
    return [
        await outcome(ask(name, query=near, limit=3)),
        await outcome(ask(name, query=near, limit=2, offset=2, with_vectors=True)),
        await outcome(ask(name, query=near, query_filter=match("word", "a"), with_payload=False)),
        await outcome(ask(name, query=near, score_threshold=0.8, with_payload=False)),
        await outcome(ask(name, query=2, limit=3, with_payload=False)),
        await outcome(ask(name, query=near, search_params=m.SearchParams(exact=True))),
        await outcome(ask(name, query=mmr, limit=3, with_payload=False)),
        await outcome(ask(name, prefetch=deep[0], query=[0.1, 0.0, 1.0], with_payload=False)),
        await outcome(ask(name, prefetch=deep[:1], query=fused, with_payload=False)),
        await outcome(ask(name, limit=2, with_payload=False)),
    ]


@case
async def multivector_queries(client: AsyncQdrantClient, name: str) -> Any:
    await client.create_collection(name, vectors_config={"interests": MULTI})
    rows = {1: [[1.0, 0.0], [0.0, 1.0]], 2: [[0.5, 0.5]], 3: [[-1.0, 0.25]]}
    points = [m.PointStruct(id=n, vector={"interests": one}) for n, one in rows.items()]
    await client.upsert(name, points, wait=True)
    ask = client.query_points
    return [
        await outcome(ask(name, query=[0.25, 1.0], using="interests", with_vectors=True)),
        await outcome(ask(name, query=[[1.0, 0.0], [0.5, 0.25]], using="interests")),
        await outcome(client.upsert(name, [m.PointStruct(id=4, vector={"interests": []})])),
    ]


@case
async def sparse_queries(client: AsyncQdrantClient, name: str) -> Any:
    await client.create_collection(
        name, vectors_config={}, sparse_vectors_config={"pairs": m.SparseVectorParams()}
    )
    rows = {1: ([1, 5], [1.0, 0.5]), 2: ([5, 9], [2.0, 1.0]), 3: ([7], [1.0])}
    points = [
        m.PointStruct(id=n, vector={"pairs": m.SparseVector(indices=i, values=v)})
        for n, (i, v) in rows.items()
    ]
    await client.upsert(name, points, wait=True)
    wanted = m.SparseVector(indices=[5, 1], values=[1.0, 0.25])
    return [
        await outcome(client.query_points(name, query=wanted, using="pairs", with_vectors=True)),
        await everything(client, name),
    ]


@case
async def a_batch_of_queries(client: AsyncQdrantClient, name: str) -> Any:
    await filled(client, name)
    asked = [
        m.QueryRequest(query=[1.0, 0.0, 0.0], limit=2, with_payload=True),
        m.QueryRequest(query=[0.0, 1.0, 0.0], limit=1, with_vector=True),
        m.QueryRequest(query=1, limit=2, filter=match("even", True)),
    ]
    return await outcome(client.query_batch_points(name, asked))
