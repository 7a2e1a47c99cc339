"""Taking a snapshot beside live traffic.

    1. look       which collections the aliases lead to; no switch may be under way
    2. positions  the group's committed offsets. All that lies before them is in the store already
    3. save       users, neighbours, items, meta, segments
    4. look again nothing may have been switched meanwhile
    5. manifest   last: from here on the folder holds a snapshot

Each row is as it was at some moment after step 2, so it has every record before the offsets, and
some behind them, which its marks tell. Users come first: the facts saved after them name no
older model of segments than theirs. Neighbours come next, because they have no marks: the
shorter the time between the two, the fewer signals are missed or counted twice.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

from qdrant_client import AsyncQdrantClient, models
from qdrant_client import grpc as pb

from stream.backup import broker, facts, folder, layout
from stream.backup import manifest as manifests
from stream.backup.exported import export
from stream.backup.manifest import Kind, Manifest, Positions, Saved
from stream.backup.snapshots import Snapshots, connected
from stream.errors import Failed, Misconfigured
from stream.reembed.copying import Tells, patiently
from stream.settings import Settings
from stream.store import codec, names
from stream.store.client import Points, open_client, outages
from stream.store.collections import collections_of, server_version
from stream.store.meta import Meta
from stream.store.moves import EncoderId, standing
from stream.store.restoring import refuse_while_restoring

ORDER = ("users", "neighbours", "items", names.META, "segments")
Reads = Callable[[], Positions]


@dataclass(frozen=True, slots=True)
class Look:
    """What is to be saved: the encoder in force and the generation of its profiles, the aliases
    that lead to its collections, and part -> collection."""

    encoder: EncoderId
    generation: int
    aliases: dict[str, str]
    collections: dict[str, str]


async def snapshot(
    settings: Settings,
    into: Path,
    tells: Tells,
    *,
    export_all: bool = False,
    positions: Reads | None = None,
) -> Manifest:
    """Save the deployment into a folder that is new or empty; its manifest.

    export_all  export points also where the server makes snapshots: they fit any version and
                either kind of store
    positions   reads the group's offsets; blocks

    Raises Misconfigured where there is nothing to save or the folder does not do, Failed where
    something was switched meanwhile, Unavailable where a part stays away.
    """
    folder.begin(into)
    async with AsyncExitStack() as stack:
        client = open_client(settings)
        stack.push_async_callback(client.close)
        rest = await stack.enter_async_context(connected(settings))
        saver = _Saver(settings, client, rest, into, tells)
        look = await patiently(saver.look)  # 1
        at = datetime.now(UTC)
        then = await asyncio.to_thread(positions or partial(broker.committed, settings))  # 2
        own = not export_all and await rest.refusal() is None
        saved = [await saver.save(part, look, own=own) for part in ORDER]  # 3
        if await patiently(saver.look) != look:  # 4
            raise Failed(
                "the collections in force were switched while they were saved: run the same "
                "command again"
            )
        manifest = Manifest(
            format=manifests.FORMAT,
            snapshot=uuid.uuid4().hex,
            service=version("interestream"),
            at=at.isoformat(timespec="seconds"),
            namespace=settings.namespace,
            qdrant=await server_version(client),
            encoder=look.encoder,
            schema=codec.SCHEMA,
            collections=tuple(saved),
            aliases=look.aliases,
            positions=then,
        )
        manifests.write(into, manifest)  # 5
        return manifest


class _Saver:
    def __init__(
        self,
        settings: Settings,
        client: AsyncQdrantClient,
        rest: Snapshots,
        into: Path,
        tells: Tells,
    ) -> None:
        self._settings = settings
        self._client = client
        self._rest = rest
        self._into = into
        self._tells = tells

    async def look(self) -> Look:
        """Raises Misconfigured where there is no store, or a switch is under way."""
        namespace = self._settings.namespace
        ours = await layout.our_aliases(self._client, namespace)
        meta = names.meta(namespace)
        if meta not in await collections_of(self._client):
            raise _nothing(namespace)
        points = Points(self._client, meta, timeout_s=self._settings.qdrant_timeout_s)
        await refuse_while_restoring(Meta(points))
        now = await standing(Meta(points))
        if now.move is not None and now.move.closed:
            raise Misconfigured(
                "the store is being switched to other collections: wait until `interestream "
                "reembed` or `interestream rebuild` has ended, or undo it with --abort"
            )
        readers = {part: names.readers(namespace, part) for part in names.PARTS}
        if now.encoder is None or any(alias not in ours for alias in readers.values()):
            raise _nothing(namespace)
        collections = {part: ours[alias] for part, alias in readers.items()}
        led = {alias: to for alias, to in ours.items() if to in collections.values()}
        return Look(now.encoder, now.users_of(now.encoder), led, {**collections, names.META: meta})

    async def save(self, part: str, look: Look, *, own: bool) -> Saved:
        """Save one collection. Facts are always exported: some of them are left out."""
        name = look.collections[part]
        info = await patiently(partial(self._info, name))
        rows = await patiently(partial(self._count, name))
        if own and part != names.META:
            kind, path = Kind.SNAPSHOT, self._into / f"{part}.snapshot"
            begins = partial(self._tells.begins, part)
            advances = partial(self._tells.advances, part)
            file = await self._rest.save(name, path, begins, advances)
        else:
            kind, path = Kind.POINTS, self._into / f"{part}.points.zst"
            self._tells.begins(part, rows)
            file, rows = await export(
                self._client,
                name,
                path,
                timeout_s=self._settings.qdrant_timeout_s,
                advance=partial(self._tells.advances, part),
                wanted=facts.stays if part == names.META else _all,
            )
        params = info.config.params.model_dump(mode="json", exclude_none=True)
        indexes = {name: index.data_type.value for name, index in info.payload_schema.items()}
        return Saved(part, name, kind, rows, file, params, indexes)

    async def _info(self, collection: str) -> models.CollectionInfo:
        with outages():
            return await self._client.get_collection(collection)

    async def _count(self, collection: str) -> int:
        points = Points(self._client, collection, timeout_s=self._settings.qdrant_timeout_s)
        return await points.count()


def _all(_: pb.RetrievedPoint) -> bool:
    return True


def _nothing(namespace: str) -> Misconfigured:
    return Misconfigured(
        f"there is no store of namespace {namespace!r} to save: set INTERESTREAM_NAMESPACE, "
        "INTERESTREAM_QDRANT_URL or INTERESTREAM_QDRANT_GRPC_PORT"
    )
