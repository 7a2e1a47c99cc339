"""Queries, prefetches and orders, in the engine's terms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import qdrant_edge as edge
from qdrant_client.grpc import points_pb2 as points

from stream.embedded.qdrant.convert import (
    Names,
    optional,
    point_id,
    vector_of,
    wanted_payload,
    wanted_vectors,
)
from stream.embedded.qdrant.filters import optional_filter
from stream.embedded.qdrant.refusal import not_found, unsupported, wrong

# What the server takes where the request does not say.
LIMIT = 10
RRF_K = 2
DIVERSITY = 0.5
MMR_CANDIDATES = 100


def request(shard: edge.EdgeShard, names: Names, message: points.QueryPoints) -> edge.QueryRequest:
    """Raises Refused when it does not fit the collection or asks for what is not supported."""
    score, condition = _scoring(shard, names, message)
    return edge.QueryRequest(
        limit=limit(message),
        offset=message.offset,
        query=score,
        prefetches=_prefetches(shard, names, message.prefetch),
        filter=condition,
        params=_params(message),
        score_threshold=optional(message, "score_threshold"),
        with_payload=wanted_payload(message.with_payload),
        with_vector=wanted_vectors(names, message.with_vectors),
    )


def limit(message: Any) -> int:
    return message.limit if message.HasField("limit") else LIMIT


def order_by(message: points.OrderBy) -> edge.OrderBy:
    falling = message.direction == points.Direction.Desc
    return edge.OrderBy(
        message.key,
        direction=edge.Direction.Desc if falling else edge.Direction.Asc,
        start_from=_start(message.start_from) if message.HasField("start_from") else None,
    )


def _start(message: points.StartFrom) -> Any:
    kind = message.WhichOneof("value")
    if kind is None:
        return None
    value = getattr(message, kind)
    return value.ToJsonString() if kind == "timestamp" else value


def _prefetches(
    shard: edge.EdgeShard, names: Names, messages: Iterable[points.PrefetchQuery]
) -> list[edge.Prefetch]:
    return [_prefetch(shard, names, message) for message in messages]


def _prefetch(shard: edge.EdgeShard, names: Names, message: points.PrefetchQuery) -> edge.Prefetch:
    score, condition = _scoring(shard, names, message)
    return edge.Prefetch(
        limit=limit(message),
        query=score,
        prefetches=_prefetches(shard, names, message.prefetch),
        params=_params(message),
        filter=condition,
        score_threshold=optional(message, "score_threshold"),
    )


def _scoring(shard: edge.EdgeShard, names: Names, message: Any) -> tuple[Any, edge.Filter | None]:
    """What scores, and the filter; a query by a point's id leaves that point out."""
    if message.HasField("lookup_from"):
        raise unsupported("lookup_from")
    condition = optional_filter(message)
    if not message.HasField("query"):
        return None, condition
    query: points.Query = message.query
    using = message.using if message.HasField("using") else ""
    match query.WhichOneof("variant"):
        case "nearest":
            vector, own = _vector(shard, names, query.nearest, using)
            return edge.Query.Nearest(vector, using=using), _without(own, condition)
        case "nearest_with_mmr":
            vector, own = _vector(shard, names, query.nearest_with_mmr.nearest, using)
            return _mmr(query.nearest_with_mmr.mmr, vector, using), _without(own, condition)
        case "rrf" | "fusion" if not message.prefetch:
            raise wrong("Fusion requires at least one prefetch")
        case "rrf":
            k = query.rrf.k if query.rrf.HasField("k") else RRF_K
            return edge.Fusion.Rrf(k=k, weights=list(query.rrf.weights) or None), condition
        case "fusion":
            by_rank = query.fusion == points.Fusion.RRF
            return edge.Fusion.Rrf(k=RRF_K) if by_rank else edge.Fusion.Dbsf(), condition
        case "order_by":
            return order_by(query.order_by), condition
        case "sample":
            return edge.Sample.Random, condition
        case other:
            raise unsupported(f"a query {other}")


def _vector(
    shard: edge.EdgeShard, names: Names, message: points.VectorInput, using: str
) -> tuple[Any, int | str | None]:
    """The query's vector, and the id of the point that it was taken from."""
    kind = message.WhichOneof("variant")
    if kind in ("dense", "sparse", "multi_dense"):
        return vector_of(names, using, message, kind), None
    if kind != "id":
        raise unsupported(f"a query by {kind}")
    names.check(using)
    own = point_id(message.id)
    found = shard.retrieve([own], False, [using] if using else True)
    if not found:
        raise not_found(f"No point with id {own} found")
    vector = found[0].vector
    if isinstance(vector, dict):
        vector = vector.get(using)  # type: ignore[assignment]  # None: refused below
    if vector is None:
        raise wrong(f"Point {own} has no vector {using!r}")
    return vector, own


def _without(own: int | str | None, condition: edge.Filter | None) -> edge.Filter | None:
    if own is None:
        return condition
    return edge.Filter(
        must=[condition] if condition else None, must_not=[edge.HasIdCondition({own})]
    )


def _mmr(message: points.Mmr, vector: Any, using: str) -> edge.Mmr:
    diversity = message.diversity if message.HasField("diversity") else DIVERSITY
    candidates = (
        message.candidates_limit if message.HasField("candidates_limit") else MMR_CANDIDATES
    )
    return edge.Mmr(vector, 1.0 - diversity, candidates, using=using)


def _params(message: Any) -> edge.SearchParams | None:
    if not message.HasField("params"):
        return None
    given: points.SearchParams = message.params
    return edge.SearchParams(
        hnsw_ef=optional(given, "hnsw_ef"),
        exact=given.exact,
        indexed_only=given.indexed_only,
        quantization=_quantization(given) if given.HasField("quantization") else None,
    )


def _quantization(message: points.SearchParams) -> edge.QuantizationSearchParams:
    given = message.quantization
    return edge.QuantizationSearchParams(
        ignore=given.ignore,
        rescore=optional(given, "rescore"),
        oversampling=optional(given, "oversampling"),
    )
