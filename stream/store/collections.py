"""The store as a whole: made where it is missing, checked where it is there, refused with a remedy.

Collections carry the encoder's hash in their names, and a worker reaches those of its own encoder
alone, so the vectors of two encoders never meet in one collection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import grpc
from qdrant_client import AsyncQdrantClient, models

from stream.errors import Misconfigured, Unavailable
from stream.settings import Settings
from stream.store import items, names, neighbours, segments, users
from stream.store.client import Points, open_client, outages
from stream.store.items import Items, open_items
from stream.store.meta import Meta
from stream.store.moves import ENCODER_FACT, EncoderId, Standing, admit, as_value, standing
from stream.store.neighbours import Neighbours, open_neighbours
from stream.store.probe import probe_conditional_writes
from stream.store.restoring import refuse_while_restoring
from stream.store.segments import Segments
from stream.store.table import REVISION
from stream.store.users import Users

NO_GRAPH = models.HnswConfigDiff(m=0)  # rows are read by id and scored exactly by the replica
GRAPH = models.HnswConfigDiff(m=16)  # of a catalogue that is searched instead


@dataclass(frozen=True, slots=True)
class Shape:
    """What one collection looks like.

    dense, sparse  vectors by name
    numbers        payload fields that are searched by range, integers
    words          payload fields that are searched by equality, strings
    """

    dense: Mapping[str, models.VectorParams]
    sparse: Mapping[str, models.SparseVectorParams]
    numbers: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


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

    async def index_items(self) -> bool:
        """Have the items' vectors indexed, as is worth it for many of them; repeatable.

        False where this store has no such index: then every search looks at all items. Raises
        Unavailable.
        """
        graph = {items.TEXT: models.VectorParamsDiff(hnsw_config=GRAPH)}
        name = self.items.points.collection
        with outages():
            try:
                return await self.client.update_collection(name, vectors_config=graph)
            except grpc.aio.AioRpcError as error:
                if error.code() != grpc.StatusCode.UNIMPLEMENTED:
                    raise
                return False


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
    3. the encoder; 4. the collections that hold its vectors, and their aliases; 5. the encoder
    again, because a move to another one may have begun meanwhile.
    """
    namespace, ours = settings.namespace, EncoderId(encoder_hash, dimension)
    meta = await open_meta(client, settings)  # 1, 2
    users = (await _agree_on_encoder(meta, ours)).users_of(ours)  # 3
    await ensure_collections(client, namespace, ours, users)  # 4
    try:
        missing = await _missing(client, names.aliases(namespace, encoder_hash, users))
    except Misconfigured:
        await _still(meta, ours, users)
        raise
    try:
        await change_aliases(client, made=missing)
        await _still(meta, ours, users)  # 5
    except BaseException:
        # They were not missing but taken away just now. If this fails too, the switch finds them.
        with suppress(Unavailable):
            await _retract(client, missing)
        raise
    return tables(client, settings, ours, meta, names.writers, users)


async def _still(meta: Meta, ours: EncoderId, users: int) -> None:
    """Raise what keeps a worker from working, where a move has begun, or ended, meanwhile."""
    await refuse_while_restoring(meta)
    now = await standing(meta)
    admit(now, ours)
    if now.users_of(ours) != users:
        raise Unavailable("qdrant", "profiles were rebuilt at this moment: start again")


async def open_meta(client: AsyncQdrantClient, settings: Settings) -> Meta:
    """The facts, made where they are missing, on a server that honours conditional writes."""
    name = names.meta(settings.namespace)
    points = Points(client, name, timeout_s=settings.qdrant_timeout_s)
    await _ensure(client, name, META_SHAPE)
    await probe_conditional_writes(points, await server_version(client))
    return Meta(points)


def tables(
    client: AsyncQdrantClient,
    settings: Settings,
    encoder: EncoderId,
    meta: Meta,
    name_of: Callable[[str, str, str, int], str],
    users: int = 0,
) -> Store:
    """One encoder's tables.

    name_of  from namespace, part, hash and generation to the name under which they are reached:
             workers take the writers' aliases, who moves a store the collections themselves
    users    generation of the profiles
    """

    def points(part: str) -> Points:
        name = name_of(settings.namespace, part, encoder.hash, users)
        return Points(client, name, timeout_s=settings.qdrant_timeout_s)

    return Store(
        users=Users(points("users"), dimension=encoder.dimension, places=settings.interests_max),
        items=open_items(points("items")),
        neighbours=open_neighbours(points("neighbours")),
        segments=Segments(points("segments"), meta),
        meta=meta,
        client=client,
    )


async def ensure_collections(
    client: AsyncQdrantClient,
    namespace: str,
    encoder: EncoderId,
    users: int = 0,
    parts: Iterable[str] = names.PARTS,
) -> None:
    """Make an encoder's collections where they are missing, check them where they are there.

    users  generation of the profiles
    """
    wanted = shapes(encoder.dimension)
    for part in parts:
        name = names.collection(namespace, part, encoder.hash, users)
        await _ensure(client, name, wanted[part])


def shapes(dimension: int) -> dict[str, Shape]:
    """The collections that depend on the encoder, by their part."""
    vector = models.VectorParams(
        size=dimension, distance=models.Distance.COSINE, hnsw_config=NO_GRAPH
    )
    best_of = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
    rows = vector.model_copy(update={"multivector_config": best_of})
    return {
        "users": Shape(
            {users.INTERESTS: rows, users.TASTE: vector},
            {},
            (users.OUTBOX_AT, users.ACTIVE_AT),
            (users.SEGMENT,),
        ),
        "items": Shape(
            {items.TEXT: vector},
            {},
            (REVISION, items.UNTIL),
            (items.CATEGORIES, items.DOMAIN, items.LANG, items.FACETS),
        ),
        "neighbours": Shape({}, {neighbours.PAIRS: models.SparseVectorParams()}, (REVISION,)),
        "segments": Shape({segments.CENTROID: vector}, {}, (segments.VERSION,)),
    }


# The embedded engine refuses a collection without any vector; no fact ever has this one.
META_SHAPE = Shape({}, {"hidden": models.SparseVectorParams()})


async def _agree_on_encoder(meta: Meta, ours: EncoderId) -> Standing:
    await refuse_while_restoring(meta)
    if await meta.get(ENCODER_FACT) is None:
        await meta.put(ENCODER_FACT, as_value(ours), None)  # False: another worker was first
    now = await standing(meta)
    admit(now, ours)
    return now


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
        kinds = dict.fromkeys(shape.numbers, models.PayloadSchemaType.INTEGER)
        kinds |= dict.fromkeys(shape.words, models.PayloadSchemaType.KEYWORD)
        for field, kind in kinds.items():
            await client.create_payload_index(name, field, field_schema=kind, wait=True)


def _check_shape(name: str, shape: Shape, found: models.CollectionParams) -> None:
    has, needs = vectors_of(found), vectors_needed(shape)
    if has != needs:
        raise Misconfigured(
            f"collection {name!r} has the vectors {has}, {needs} are needed: delete the "
            "collection if nothing else uses it, or set another INTERESTREAM_NAMESPACE"
        )


def vectors_of(found: models.CollectionParams) -> dict[str, str]:
    """What kind each vector of a collection is, by name."""
    dense = found.vectors if isinstance(found.vectors, dict) else {"": found.vectors}
    kinds = {vector: _kind(params) for vector, params in dense.items() if params}
    return kinds | dict.fromkeys(found.sparse_vectors or {}, "sparse")


def vectors_needed(shape: Shape) -> dict[str, str]:
    """The same of a collection of this shape."""
    kinds = {vector: _kind(params) for vector, params in shape.dense.items()}
    return kinds | dict.fromkeys(shape.sparse, "sparse")


def _kind(params: models.VectorParams) -> str:
    multi = " multi" if params.multivector_config else ""
    return f"{params.size} {params.distance.value}{multi}"


async def _missing(client: AsyncQdrantClient, wanted: Mapping[str, str]) -> dict[str, str]:
    """Those of the aliases that are missing; one that points elsewhere is refused."""
    known = await aliases(client)
    for alias, target in wanted.items():
        if known.get(alias, target) != target:
            raise Misconfigured(
                f"alias {alias!r} points at {known[alias]!r}, not at {target!r}: finish or "
                "undo the move to new collections, or set another INTERESTREAM_NAMESPACE"
            )
    return {alias: target for alias, target in wanted.items() if alias not in known}


async def _retract(client: AsyncQdrantClient, made: Mapping[str, str]) -> None:
    """Take these aliases away, except those that a switch has pointed elsewhere since."""
    known = await aliases(client)
    await change_aliases(client, gone=[a for a, target in made.items() if known.get(a) == target])


async def collections_of(client: AsyncQdrantClient) -> set[str]:
    """Names of every collection of the server."""
    with outages():
        return {found.name for found in (await client.get_collections()).collections}


async def aliases(client: AsyncQdrantClient) -> dict[str, str]:
    """Every alias of the server and the collection it points at."""
    with outages():
        found = (await client.get_aliases()).aliases
    return {alias.alias_name: alias.collection_name for alias in found}


async def change_aliases(
    client: AsyncQdrantClient, *, gone: Iterable[str] = (), made: Mapping[str, str] | None = None
) -> None:
    """In one request: take away `gone`, then make or move `made` (alias -> collection).

    Repeatable: what is gone already, or there already, is no error. A server that refuses one of
    them keeps what it did before that.
    """
    operations: list[models.AliasOperations] = [
        models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias))
        for alias in gone
    ]
    operations += [
        models.CreateAliasOperation(
            create_alias=models.CreateAlias(alias_name=alias, collection_name=target)
        )
        for alias, target in (made or {}).items()
    ]
    if operations:
        with outages():
            await client.update_collection_aliases(operations)
