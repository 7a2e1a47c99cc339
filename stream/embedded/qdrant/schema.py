"""A collection's parameters: what the server's API says, in the engine's terms and back."""

from __future__ import annotations

from typing import Any

import qdrant_edge as edge
from qdrant_client.grpc import collections_pb2 as collections

from stream.embedded.qdrant.convert import Dense, Names, optional
from stream.embedded.qdrant.refusal import unsupported, wrong
from stream.embedded.qdrant.updates import INDEXES

DISTANCES = {
    collections.Distance.Cosine: edge.Distance.Cosine,
    collections.Distance.Dot: edge.Distance.Dot,
    collections.Distance.Euclid: edge.Distance.Euclid,
    collections.Distance.Manhattan: edge.Distance.Manhattan,
}
DATATYPES = {
    collections.Datatype.Float16: edge.VectorStorageDatatype.Float16,
    collections.Datatype.Uint8: edge.VectorStorageDatatype.Uint8,
}
OPTIMIZERS = (
    "deleted_threshold",
    "vacuum_min_vector_number",
    "default_segment_number",
    "max_segment_size",
    "indexing_threshold",
)
# What the server reports for a collection that was created without saying so.
HNSW = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10_000}
HNSW_SHOWN = collections.HnswConfigDiff(
    m=HNSW["m"],
    ef_construct=HNSW["ef_construct"],
    full_scan_threshold=HNSW["full_scan_threshold"],
    max_indexing_threads=0,
    on_disk=False,
)
OPTIMIZERS_SHOWN = collections.OptimizersConfigDiff(
    deleted_threshold=0.2,
    vacuum_min_vector_number=1000,
    default_segment_number=0,
    indexing_threshold=10_000,
    flush_interval_sec=5,
)


def names(created: collections.CreateCollection) -> Names:
    dense = {
        name: Dense(size=params.size, multi=params.HasField("multivector_config"))
        for name, params in _dense(created).items()
    }
    return Names(dense=dense, sparse=frozenset(created.sparse_vectors_config.map))


def config(created: collections.CreateCollection) -> edge.EdgeConfig:
    """Raises Refused for what the engine cannot do."""
    dense = {name: _vector(params) for name, params in _dense(created).items()}
    sparse_params = created.sparse_vectors_config.map
    sparse = {name: _sparse(sparse_params[name]) for name in sparse_params}
    if not dense and not sparse:
        raise unsupported("a collection without any vector")
    return edge.EdgeConfig(
        vectors=dense,
        sparse_vectors=sparse,
        hnsw_config=_hnsw(created),
        quantization_config=_quantization(created),
        optimizers=_optimizers(created),
        on_disk_payload=optional(created, "on_disk_payload"),
    )


def info(
    created: collections.CreateCollection, found: edge.ShardInfo
) -> collections.CollectionInfo:
    """What the server would report; a compaction in progress does not show."""
    return collections.CollectionInfo(
        status=collections.CollectionStatus.Green,
        optimizer_status=collections.OptimizerStatus(ok=True),
        segments_count=found.segments_count,
        points_count=found.points_count,
        indexed_vectors_count=found.indexed_vectors_count,
        payload_schema={
            field: _index_shown(index) for field, index in found.payload_schema.items()
        },
        config=_config_shown(created),
    )


def _dense(created: collections.CreateCollection) -> dict[str, collections.VectorParams]:
    match created.vectors_config.WhichOneof("config"):
        case "params":
            return {"": created.vectors_config.params}
        case "params_map":
            return dict(created.vectors_config.params_map.map)
        case _:
            return {}


def _vector(params: collections.VectorParams) -> edge.EdgeVectorParams:
    if not params.size or params.distance not in DISTANCES:
        raise wrong(f"a vector needs a size of at least 1 (got {params.size}) and a distance")
    multi = edge.MultiVectorConfig(edge.MultiVectorComparator.MaxSim)
    return edge.EdgeVectorParams(
        size=params.size,
        distance=DISTANCES[params.distance],
        on_disk=optional(params, "on_disk"),
        hnsw_config=_hnsw(params),
        quantization_config=_quantization(params),
        datatype=DATATYPES.get(params.datatype),
        multivector_config=multi if params.HasField("multivector_config") else None,
    )


def _sparse(params: collections.SparseVectorParams) -> edge.EdgeSparseVectorParams:
    return edge.EdgeSparseVectorParams(
        modifier=edge.Modifier.Idf if params.modifier == collections.Modifier.Idf else None,
        full_scan_threshold=optional(params.index, "full_scan_threshold"),
        on_disk=optional(params.index, "on_disk"),
    )


def _hnsw(params: Any) -> edge.HnswIndexConfig | None:
    if not params.HasField("hnsw_config"):
        return None
    given = params.hnsw_config
    values = {name: getattr(given, name) for name in HNSW if given.HasField(name)}
    return edge.HnswIndexConfig(**{**HNSW, **values})


def _quantization(params: Any) -> edge.ScalarQuantizationConfig | None:
    if not params.HasField("quantization_config"):
        return None
    given = params.quantization_config
    if given.WhichOneof("quantization") != "scalar":
        raise unsupported("a quantization other than scalar")
    return edge.ScalarQuantizationConfig(
        type=edge.ScalarType.Int8,
        quantile=optional(given.scalar, "quantile"),
        always_ram=optional(given.scalar, "always_ram"),
    )


def _optimizers(created: collections.CreateCollection) -> edge.EdgeOptimizersConfig | None:
    if not created.HasField("optimizers_config"):
        return None
    given = created.optimizers_config
    return edge.EdgeOptimizersConfig(**{name: optional(given, name) for name in OPTIMIZERS})


def _index_shown(index: edge.PayloadIndexInfo) -> collections.PayloadSchemaInfo:
    kind = str(index.data_type).rpartition(".")[2]
    unknown_comes_first = 1
    return collections.PayloadSchemaInfo(
        data_type=collections.PayloadSchemaType.ValueType(
            INDEXES.index(kind) + unknown_comes_first
        ),
        points=index.points,
    )


def _config_shown(created: collections.CreateCollection) -> collections.CollectionConfig:
    params = collections.CollectionParams(
        shard_number=1,
        replication_factor=1,
        write_consistency_factor=1,
        on_disk_payload=created.on_disk_payload,
    )
    if created.HasField("vectors_config"):
        params.vectors_config.CopyFrom(created.vectors_config)
    if created.HasField("sparse_vectors_config"):
        params.sparse_vectors_config.CopyFrom(created.sparse_vectors_config)
    shown = collections.CollectionConfig(
        params=params,
        hnsw_config=HNSW_SHOWN,
        optimizer_config=OPTIMIZERS_SHOWN,
        wal_config=collections.WalConfigDiff(wal_capacity_mb=32, wal_segments_ahead=0),
        metadata=created.metadata,
    )
    shown.hnsw_config.MergeFrom(created.hnsw_config)
    shown.optimizer_config.MergeFrom(created.optimizers_config)
    if created.HasField("quantization_config"):
        shown.quantization_config.CopyFrom(created.quantization_config)
    return shown
