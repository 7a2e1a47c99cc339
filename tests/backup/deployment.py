"""Stores of both kinds with something in them, and a broker that tests hold in their hands."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from qdrant_client import AsyncQdrantClient

from stream.backup import plan as plans
from stream.backup.manifest import Manifest, Positions, Topic
from stream.backup.plan import Broker, Options, Plan
from stream.backup.positions import INPUTS, Bounds, Decision, TopicNow
from stream.backup.restore import restore
from stream.backup.save import snapshot
from stream.backup.snapshots import Snapshots, connected
from stream.settings import Settings
from stream.settings import load as load_settings
from stream.store import names
from stream.store.client import open_client
from stream.store.collections import Store, aliases, change_aliases, open_store
from stream.store.moves import EncoderId
from tests.backup import points
from tests.support.stores import Place

#: Long enough for a norm to be off by more than what a store takes for unit.
OURS = EncoderId("e1", 384)
POINTS = {"users": 250, "items": 60, "neighbours": 30, "segments": 4}


@dataclass
class Told:
    """Progress as it was told."""

    total: dict[str, int] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)

    def begins(self, what: str, total: int) -> None:
        self.total[what] = total
        self.done[what] = 0

    def advances(self, what: str, by: int) -> None:
        self.done[what] += by


@dataclass
class FakeBroker:
    """Says what it is told to say; remembers what the group was set to."""

    present: list[str] = field(default_factory=list)
    end: int = 20
    set_to: list[Decision] = field(default_factory=list)

    def members(self) -> Sequence[str]:
        return self.present

    def topics(self) -> tuple[str, Sequence[TopicNow]]:
        return "c1", [TopicNow(name, f"id-{name}", {0: Bounds(0, self.end)}) for name in INPUTS]

    def go_on_at(self, decisions: Sequence[Decision]) -> None:
        self.set_to = list(decisions)

    def evict(self) -> None:
        self.present = []

    @property
    def broker(self) -> Broker:
        return Broker(self.members, self.topics, self.go_on_at, self.evict)


def positions() -> Positions:
    return Positions("c1", "g", tuple(Topic(name, f"id-{name}", 1, {0: 12}) for name in INPUTS))


def settings_at(place: Place, namespace: str = "") -> Settings:
    return load_settings(
        namespace=namespace or f"t{secrets.token_hex(4)}",
        qdrant_url=place.http_url,
        qdrant_grpc_port=place.grpc_port,
        qdrant_timeout_s=20,
    )


@dataclass
class Deployment:
    """One namespace of a store."""

    settings: Settings
    around: FakeBroker = field(default_factory=FakeBroker)

    async def open(self) -> Store:
        return await open_store(self.settings, dimension=OURS.dimension, encoder_hash=OURS.hash)

    async def filled(self, counts: dict[str, int] | None = None) -> Deployment:
        store = await self.open()
        for part, count in (counts or POINTS).items():
            found = points.some(part, count, OURS.dimension)
            await points.put(store.client, self.collection(part), found)
        await store.meta.put("skips", {"what": "a letter"}, None)
        await store.close()
        return self

    def collection(self, part: str) -> str:
        namespace = self.settings.namespace
        if part == names.META:
            return names.meta(namespace)
        return names.collection(namespace, part, OURS.hash)

    async def save(self, into: Path, told: Told | None = None, *, export: bool = True) -> Manifest:
        tells = told or Told()
        return await snapshot(self.settings, into, tells, export_all=export, positions=positions)

    async def plan(self, source: Path, **options: bool) -> Plan:
        async with self._store() as (client, rest):
            return await self._examined(client, rest, source, Options(**options))

    async def restore(self, source: Path, told: Told | None = None, **options: bool) -> Plan:
        asked = Options(**options)
        async with self._store() as (client, rest):
            plan = await self._examined(client, rest, source, asked)
            assert plan.obstacles == ()
            await restore(
                self.settings,
                client,
                rest,
                source,
                plan,
                self.around.broker,
                asked,
                told or Told(),
            )
        return plan

    async def _examined(
        self, client: AsyncQdrantClient, rest: Snapshots, source: Path, options: Options
    ) -> Plan:
        around = self.around.broker
        return await plans.examine(
            self.settings, client, rest, source, OURS, around, options, Told()
        )

    async def lose(self) -> None:
        """Everything that this namespace has is gone."""
        async with self._store() as (client, _):
            ours = {name for name in await aliases(client) if self._is_ours(name)}
            await change_aliases(client, gone=ours)
            for found in (await client.get_collections()).collections:
                if self._is_ours(found.name):
                    await client.delete_collection(found.name)

    async def holds(self) -> dict[str, object]:
        """Part -> points, aliases, and what is indexed."""
        async with self._store() as (client, _):
            found: dict[str, object] = {}
            for part in (*names.PARTS, names.META):
                name = self.collection(part)
                info = await client.get_collection(name)
                found[part] = await points.held(client, name)
                found[f"{part} indexes"] = {
                    field: index.data_type for field, index in info.payload_schema.items()
                }
                found[f"{part} vectors"] = info.config.params.vectors
            ours = (await aliases(client)).items()
            found["aliases"] = {name: to for name, to in ours if self._is_ours(name)}
            return found

    def _is_ours(self, name: str) -> bool:
        return name.startswith(f"{self.settings.namespace}_")

    @asynccontextmanager
    async def _store(self) -> AsyncIterator[tuple[AsyncQdrantClient, Snapshots]]:
        client = open_client(self.settings)
        try:
            async with connected(self.settings) as rest:
                yield client, rest
        finally:
            await client.close()
