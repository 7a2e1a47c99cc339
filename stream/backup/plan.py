"""What a restore would do, and what stands in its way. Looks only; changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from qdrant_client import AsyncQdrantClient, models

from stream.backup import broker, folder, layout
from stream.backup import manifest as manifests
from stream.backup.manifest import Kind, Manifest
from stream.backup.positions import Decision, TopicNow, decide
from stream.backup.snapshots import Snapshots
from stream.reembed.copying import Tells, patiently
from stream.settings import Settings
from stream.store import codec, names
from stream.store.client import Points
from stream.store.collections import collections_of, server_version
from stream.store.meta import Meta
from stream.store.moves import EncoderId
from stream.store.restoring import Restoring, restoring

Members = Callable[[], Sequence[str]]
TopicsNow = Callable[[], tuple[str, Sequence[TopicNow]]]


@dataclass(frozen=True, slots=True)
class Broker:
    """The broker as a restore sees it; every call blocks."""

    members: Members
    topics: TopicsNow
    go_on_at: Callable[[Sequence[Decision]], None]
    evict: Callable[[], None]

    @classmethod
    def of(cls, settings: Settings) -> Broker:
        return cls(
            members=lambda: broker.members(settings),
            topics=lambda: broker.topics_now(settings),
            go_on_at=lambda decisions: broker.go_on_at(settings, decisions),
            evict=lambda: broker.evict(settings),
        )


@dataclass(frozen=True, slots=True)
class Options:
    """What a person asks for.

    replace  put the snapshot in the place of collections that hold something
    evict    put the group's members out of it: they are known to be gone
    """

    replace: bool = False
    evict: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done.

    obstacles  why it cannot be done, for a person; none: it can
    resumed    a restore that was cut short, and is taken up
    replaced   collection -> its points, of those that are put out of service
    decisions  where the group goes on
    """

    manifest: Manifest
    obstacles: tuple[str, ...]
    resumed: Restoring | None
    replaced: dict[str, int]
    decisions: tuple[Decision, ...]


async def examine(
    settings: Settings,
    client: AsyncQdrantClient,
    rest: Snapshots,
    source: Path,
    ours: EncoderId,
    around: Broker,
    options: Options,
    tells: Tells,
) -> Plan:
    """Look at the snapshot, the store and the broker.

    ours  the encoder that workers run

    Raises Misconfigured where there is no whole snapshot, Unavailable where a part is away.
    """
    manifest = manifests.read(source)
    known = {names.meta(settings.namespace), *(one.name for one in manifest.collections)}
    found = await patiently(partial(collections_of, client))
    led = await patiently(partial(layout.our_aliases, client, settings.namespace))
    counts = {
        name: await _count(settings, client, name)
        for name in sorted((known | set(led.values())) & found)
    }
    meta = names.meta(settings.namespace)
    resumed = await _resumed(settings, client) if meta in found else None
    cluster, topics = await asyncio.to_thread(around.topics)
    obstacles = [
        *_unfit(settings, manifest, ours),
        *await _unrecoverable(client, rest, manifest),
        *await _members(around, options),
        *_in_the_way(counts, meta, resumed, options),
        *_damaged(source, manifest, tells),
    ]
    return Plan(
        manifest,
        tuple(obstacles),
        resumed,
        {name: count for name, count in counts.items() if name != meta},
        tuple(decide(manifest.positions, cluster, topics)),
    )


def _unfit(settings: Settings, manifest: Manifest, ours: EncoderId) -> list[str]:
    """What of the snapshot this deployment cannot read."""
    found = []
    if manifest.namespace != settings.namespace:
        found.append(
            f"the snapshot is of namespace {manifest.namespace!r}, this one is "
            f"{settings.namespace!r}: set INTERESTREAM_NAMESPACE to the former"
        )
    if manifest.encoder != ours:
        found.append(
            f"the snapshot's vectors are of encoder {manifest.encoder.hash} "
            f"({manifest.encoder.dimension} dimensions), workers here run {ours.hash} "
            f"({ours.dimension}): set INTERESTREAM_MODEL_DIR to the model of the former; "
            "`interestream reembed` changes models afterwards"
        )
    if manifest.schema > codec.SCHEMA:
        found.append(
            f"profiles have schema version {manifest.schema}, this version of the service knows "
            f"{codec.SCHEMA}: restore with a version as new as {manifest.service}"
        )
    for one in manifest.collections:
        params = models.CollectionParams.model_validate(one.params)
        if wrong := layout.unfit(one.part, params, manifest.encoder.dimension):
            found.append(f"{wrong}: restore with version {manifest.service} of the service")
    return found


async def _unrecoverable(
    client: AsyncQdrantClient, rest: Snapshots, manifest: Manifest
) -> list[str]:
    """Why this store cannot take a server's own snapshots, where the folder holds such."""
    if all(one.kind is Kind.POINTS for one in manifest.collections):
        return []
    remedy = "restore on such a server, or make the snapshot with --export, which fits any store"
    refusal = await rest.refusal()
    if refusal is not None:
        return [f"the snapshot is one that a Qdrant server made, and {refusal}: {remedy}"]
    here = await server_version(client)
    if here.split(".")[:2] != manifest.qdrant.split(".")[:2]:
        return [f"Qdrant {manifest.qdrant} made the snapshot, {here} runs here: {remedy}"]
    return []


async def _members(around: Broker, options: Options) -> list[str]:
    found = await asyncio.to_thread(around.members)
    if not found or options.evict:
        return []
    return [
        f"{len(found)} members read with the group: {', '.join(found)}; stop them. The embedded "
        "broker goes on to list workers that are gone: where you know that, --evict"
    ]


def _in_the_way(
    counts: dict[str, int], meta: str, resumed: Restoring | None, options: Options
) -> list[str]:
    """Empty collections are in nobody's way: a worker that was started makes them."""
    held = {name: count for name, count in counts.items() if count and name != meta}
    if not held or options.replace or resumed is not None:
        return []
    shown = ", ".join(f"{name} ({count} points)" for name, count in held.items())
    return [f"collections hold something already: {shown}; --replace gives them up"]


def _damaged(source: Path, manifest: Manifest, tells: Tells) -> list[str]:
    tells.begins("checksums", sum(one.file.size for one in manifest.collections))
    wrong = folder.damaged(
        source, manifest.collections, lambda done: tells.advances("checksums", done)
    )
    return [f"{one}: restore another snapshot" for one in wrong]


async def _count(settings: Settings, client: AsyncQdrantClient, name: str) -> int:
    points = Points(client, name, timeout_s=settings.qdrant_timeout_s)
    return await patiently(points.count)


async def _resumed(settings: Settings, client: AsyncQdrantClient) -> Restoring | None:
    name = names.meta(settings.namespace)
    points = Points(client, name, timeout_s=settings.qdrant_timeout_s)
    found, _ = await patiently(partial(restoring, Meta(points)))
    return found
