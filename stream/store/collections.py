"""The store as a whole: made where it is missing, checked where it is there, refused with a remedy.

Collections carry the encoder's hash in their names and are reached by aliases, so the vectors
of two encoders never meet in one collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import grpc
from qdrant_client import AsyncQdrantClient, models

from stream.errors import Misconfigured
from stream.settings import Settings
from stream.store import items, neighbours, segments, users
from stream.store.client import Points, open_client, outages
from stream.store.items import Items, open_items
from stream.store.meta import Meta
from stream.store.neighbours import Neighbours, open_neighbours
from stream.store.probe import probe_conditional_writes
from stream.store.segments import Segments
from stream.store.table import REVISION
from stream.store.users import Users

ENCODER_FACT = "encoder"
NO_GRAPH = models.HnswConfigDiff(m=0)  # rows are read by id and scored exactly by the replica


@dataclass(frozen=True, slots=True)
class Shape:
    """What one collection looks like.

    dense, sparse  vectors by name
    indexes        payload fields that are searched by range, integers
    """

    dense: Mapping[str, models.VectorParams]
    sparse: Mapping[str, models.SparseVectorParams]
    indexes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Store:
    """All shared state; `close()` it once."""

    users: Users
    items: Items
    neighbours: Neighbours
    segments: Segments
    meta: Meta
    client: AsyncQdrantClient

    async def close(self) -> None:
        await self.client.close()


async def open_store(settings: Settings, *, dimension: int, encoder_hash: str) -> Store:
    """Connect, create what is missing, check what is there; several workers at once are fine.

    dimension     d of the encoder's vectors
    encoder_hash  names the encoder: part of the collections' names, letters and digits

    Raises Unavailable while Qdrant does not answer and Misconfigured where the server, the
    collections or the encoder do not fit; the connection is closed then.
    """
    client = open_client(settings)
    try:
        return await _opened(client, settings, dimension, encoder_hash)
    except BaseException:
        await client.close()
        raise


async def server_version(client: AsyncQdrantClient) -> str:
    """Version of the Qdrant that answers, e.g. "1.18.0"."""
    with outages():
        return (await client.info()).version


async def _opened(
    client: AsyncQdrantClient, settings: Settings, dimension: int, encoder_hash: str
) -> Store:
    """In this order, because whoever states the encoder first decides what may be made:

    1. the facts' collection; 2. whether this server honours conditions, on which facts rest;
    3. the encoder; 4. the collections that hold its vectors.
    """
    prefix = settings.namespace

    def points(name: str) -> Points:
        return Points(client, f"{prefix}_{name}", timeout_s=settings.qdrant_timeout_s)

    meta = Meta(points("meta"))
    await _ensure(client, f"{prefix}_meta", META_SHAPE)  # 1
    await probe_conditional_writes(points("meta"), await server_version(client))  # 2
    await _agree_on_encoder(meta, prefix, {"hash": encoder_hash, "dimension": dimension})  # 3
    for name, shape in shapes(dimension).items():  # 4
        await _ensure(client, f"{prefix}_{name}_{encoder_hash}", shape)
        await _alias(client, f"{prefix}_{name}", f"{prefix}_{name}_{encoder_hash}")
    return Store(
        users=Users(points("users"), dimension=dimension),
        items=open_items(points("items")),
        neighbours=open_neighbours(points("neighbours")),
        segments=Segments(points("segments"), meta),
        meta=meta,
        client=client,
    )


def shapes(dimension: int) -> dict[str, Shape]:
    """The collections that depend on the encoder, by their alias's last part."""
    vector = models.VectorParams(
        size=dimension, distance=models.Distance.COSINE, hnsw_config=NO_GRAPH
    )
    best_of = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
    rows = vector.model_copy(update={"multivector_config": best_of})
    return {
        "users": Shape({users.INTERESTS: rows, users.TASTE: vector}, {}, (users.OUTBOX_AT,)),
        "items": Shape({items.TEXT: vector}, {}, (REVISION,)),
        "neighbours": Shape({}, {neighbours.PAIRS: models.SparseVectorParams()}, (REVISION,)),
        "segments": Shape({segments.CENTROID: vector}, {}, (segments.VERSION,)),
    }


# The embedded engine refuses a collection without any vector; no fact ever has this one.
META_SHAPE = Shape({}, {"hidden": models.SparseVectorParams()})


async def _agree_on_encoder(meta: Meta, prefix: str, ours: dict[str, object]) -> None:
    if await meta.get(ENCODER_FACT) is None:
        await meta.put(ENCODER_FACT, ours, None)  # False: another worker was first
    stated = await meta.get(ENCODER_FACT)
    if stated is None or stated.value != ours:
        raise Misconfigured(
            f"the store's vectors are of encoder {stated and stated.value}, this worker's is "
            f"{ours}: set INTERESTREAM_MODEL_DIR back to the former, or start anew under another "
            f"INTERESTREAM_NAMESPACE (now {prefix!r})"
        )


async def _ensure(client: AsyncQdrantClient, name: str, shape: Shape) -> None:
    with outages():
        try:
            await client.create_collection(
                name,
                vectors_config=shape.dense,
                sparse_vectors_config=shape.sparse or None,
                on_disk_payload=True,
            )
        except grpc.aio.AioRpcError as error:
            if error.code() != grpc.StatusCode.ALREADY_EXISTS:
                raise
        found = (await client.get_collection(name)).config.params
        _check_shape(name, shape, found)
        for field in shape.indexes:
            await client.create_payload_index(
                name, field, field_schema=models.PayloadSchemaType.INTEGER, wait=True
            )


def _check_shape(name: str, shape: Shape, found: models.CollectionParams) -> None:
    dense = found.vectors if isinstance(found.vectors, dict) else {"": found.vectors}
    has = {vector: _kind(params) for vector, params in dense.items() if params}
    has |= dict.fromkeys(found.sparse_vectors or {}, "sparse")
    needs = {vector: _kind(params) for vector, params in shape.dense.items()}
    needs |= dict.fromkeys(shape.sparse, "sparse")
    if has != needs:
        raise Misconfigured(
            f"collection {name!r} has the vectors {has}, {needs} are needed: delete the "
            "collection if nothing else uses it, or set another INTERESTREAM_NAMESPACE"
        )


def _kind(params: models.VectorParams) -> str:
    multi = " multi" if params.multivector_config else ""
    return f"{params.size} {params.distance.value}{multi}"


async def _alias(client: AsyncQdrantClient, alias: str, collection: str) -> None:
    """Point the alias at the collection unless it is there; one that points elsewhere stays."""
    with outages():
        known = {a.alias_name: a.collection_name for a in (await client.get_aliases()).aliases}
        if alias not in known:
            create = models.CreateAlias(collection_name=collection, alias_name=alias)
            operation = models.CreateAliasOperation(create_alias=create)
            await client.update_collection_aliases([operation])
        elif known[alias] != collection:
            raise Misconfigured(
                f"alias {alias!r} points at {known[alias]!r}, not at {collection!r}: finish or "
                "undo the move to new collections, or set another INTERESTREAM_NAMESPACE"
            )
