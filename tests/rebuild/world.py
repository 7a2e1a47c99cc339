"""A store with a worker's profiles, and the topic that they come from, without a broker."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from stream.agents.items import content, content_hash
from stream.core.fold import Observation, fold
from stream.core.profile import Membership, Profile, StoredList
from stream.core.tuning import Tuning
from stream.encoder.fake import FakeEncoder
from stream.errors import Failed
from stream.rebuild import begin
from stream.rebuild.compare import differences
from stream.rebuild.log import Placed
from stream.rebuild.open import Tools
from stream.rebuild.reading import Counts, open_reading
from stream.rebuild.rebuilder import Rebuild
from stream.rebuild.since import Since
from stream.reembed.switch import Switch
from stream.sentiment import Silent
from stream.settings import Settings
from stream.settings import load as load_settings
from stream.store import names
from stream.store.codec import pack, unpack
from stream.store.collections import Store, open_store, tables
from stream.store.moves import EncoderId, Move, standing
from stream.store.rows import fresh_etag, next_version
from stream.wire.decode import Item
from tests.support.records import Kept
from tests.support.rows import item_row
from tests.support.stores import Place

NOW = 1_767_225_600.0
DIMENSION = 24
TOPICS = ("sea", "war", "love")


def settings_at(place: Place) -> Settings:
    return load_settings(
        namespace=f"t{secrets.token_hex(4)}",
        qdrant_url=place.http_url,
        qdrant_grpc_port=place.grpc_port,
        qdrant_timeout_s=20,
    )


@dataclass
class Topic:
    """The events topic as `stream.rebuild.log.Log` shows it.

    done  offset up to which workers have acknowledged, by partition
    """

    records: dict[int, list[Kept]] = field(default_factory=lambda: {0: [], 1: []})
    done: dict[int, int] = field(default_factory=lambda: {0: 0, 1: 0})
    first: dict[int, int] = field(default_factory=lambda: {0: 0, 1: 0})
    topic: str = "t.events"
    changed: bool = False  # its partitions are not those of before

    @property
    def sources(self) -> dict[int, str]:
        return {partition: f"source-{partition}" for partition in self.records}

    async def check_same(self) -> None:
        if self.changed:
            raise Failed("other partitions")

    async def committed(self) -> dict[int, int]:
        return dict(self.done)

    async def read(
        self, starts: Mapping[int, int], ends: Mapping[int, int], *, since: float | None = None
    ) -> AsyncIterator[list[Placed]]:
        for partition, kept in self.records.items():
            asked = kept[starts[partition] : ends[partition]]
            some = [one for one in asked if since is None or one.at >= since]
            for start in range(0, len(some), 5):
                yield [self.placed(one) for one in some[start : start + 5]]

    def placed(self, one: Kept) -> Placed:
        return Placed(one.partition, self.sources[one.partition], Arrived(one))


@dataclass(frozen=True)
class Arrived:
    """A kept record with its time in milliseconds."""

    kept: Kept
    headers: Sequence[tuple[str, bytes]] = ()

    @property
    def offset(self) -> int:
        return self.kept.offset

    @property
    def timestamp(self) -> int:
        return int(self.kept.at * 1000)

    @property
    def key(self) -> bytes | None:
        return self.kept.key

    @property
    def value(self) -> bytes | None:
        return self.kept.value


class Quiet:
    """Tells nobody."""

    def begins(self, what: str, total: int) -> None: ...

    def advances(self, what: str, by: int) -> None: ...


async def nobody() -> Sequence[str]:
    return []


class World:
    """A store as a worker keeps it; `send` and `work` are what happens to it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.encoder = FakeEncoder(DIMENSION)
        self.ours = EncoderId(self.encoder.manifest.hash, DIMENSION)
        self.topic = Topic()
        self.clock = NOW
        self.store: Store

    async def open(self) -> World:
        self.store = await self.worker()
        rows = []
        for number in range(9):
            message = Item(f"film-{number}", f"{TOPICS[number % 3]} {number}")
            (vector,) = await self.encoder.encode([content(message)])
            row = item_row(message.item_id, title=message.title, vector=vector)
            rows.append(replace(row, content_hash=content_hash(message), revision=1))
        await self.store.items.save(rows, dict.fromkeys(row.item_id for row in rows))
        return self

    async def worker(self) -> Store:
        """The store as a worker opens it; the caller closes it."""
        identity = self.encoder.manifest
        return await open_store(self.settings, dimension=DIMENSION, encoder_hash=identity.hash)

    def send(
        self, user: str, film: int = 0, *, partition: int | None = None, **fields: object
    ) -> int:
        """One more event; its offset. A user's partition goes by the number in the name."""
        self.clock += 1
        if partition is None:
            partition = int(user[-1]) % 2 if user[-1].isdecimal() else 0
        kept = self.topic.records[partition]
        message = {"user_id": user, "item_id": f"film-{film}", "type": "like", "at": self.clock}
        message["event_id"] = f"event-{partition}-{len(kept)}"
        value = json.dumps({**message, **fields}).encode()
        kept.append(Kept("t", partition, len(kept), user.encode(), value, at=self.clock))
        return len(kept) - 1

    async def work(self, *, acknowledge: bool = True, lists: bool = True) -> None:
        """Apply what the live profiles have not applied yet, each record for itself."""
        tools = await self.tools()
        for partition, kept in self.topic.records.items():
            for one in kept[self.topic.done[partition] :]:
                placed = self.topic.placed(one)
                seen = await tools.reading.observations([placed], Counts())
                for user, row in seen.items():
                    known = [each.observation for each in row]
                    await self.change(user, partial(_applied, known, tools.reading.tuning, lists))
            if acknowledge:
                self.topic.done[partition] = len(kept)

    async def change(
        self, user: str, how: Callable[[Profile], Profile], store: Store | None = None
    ) -> Profile:
        """Write a live profile as a worker does."""
        users = (store or self.store).users
        row = (await users.load([user])).get(user)
        before = Profile(user) if row is None else unpack(row)
        after = replace(how(before), version=next_version(before.version, self.clock))
        packed = pack(after, fresh_etag(), self.settings.tuning(), now=self.clock)
        saved = await users.save([packed], {user: row.etag if row else None})
        assert saved, user
        return after

    async def tools(self) -> Tools:
        users = (await standing(self.store.meta)).users_of(self.ours)
        live = tables(
            self.store.client, self.settings, self.ours, self.store.meta, names.collection, users
        )
        reading = await open_reading(self.settings, live, self.encoder, Silent())
        return Tools(
            self.settings,
            self.encoder,
            self.ours,
            self.store.meta,
            live,
            self.topic,  # type: ignore[arg-type]  # in the place of a Log
            reading,
        )

    async def stated(self) -> Move:
        client, meta = self.store.client, self.store.meta
        return await begin.state(client, meta, self.settings.namespace, self.ours)

    async def begun(self, since: Since | None = None) -> Rebuild:
        """A rebuild that has been stated, and has done nothing yet."""
        move = await self.stated()
        tools = await self.tools()
        return tools.rebuild(move, since or Since(), dict(self.topic.done), Quiet())

    async def rebuilt(self, since: Since | None = None) -> Rebuild:
        made = await self.begun(since)
        await made.catch_up()
        await self.switch(made)
        return made

    async def switch(self, made: Rebuild) -> None:
        await Switch(made, members=nobody, wait_s=0, strict=False, say=str).run()

    async def profiles(self) -> dict[str, Profile]:
        """Those in force."""
        users = (await self.tools()).live.users
        return {row.user_id: unpack(row) async for page in users.pages(50) for row in page}

    async def close(self) -> None:
        await self.store.close()


def _applied(known: Sequence[Observation], tuning: Tuning, lists: bool, before: Profile) -> Profile:
    after = fold(before, known, tuning).profile
    return _listed(after) if lists and after.as_of else after


def _listed(profile: Profile) -> Profile:
    """With a list and a segment as ranking would leave them."""
    made = StoredList(profile.version + 1, profile.as_of, ("e",), (), (), 0.0, 0.5, "s-1")
    return replace(profile, current=made, membership=Membership("s-1", 3, profile.as_of))


async def lived(world: World) -> dict[str, Profile]:
    """Six users with three events each."""
    for number in range(18):
        world.send(f"user-{number % 6}", number % 9, partition=number % 2)
    await world.work()
    return await world.profiles()


def check(world: World, live: dict[str, Profile], made: dict[str, Profile]) -> None:
    """The same by their events, and by what is carried; versions above the live ones."""
    sources, tuning = world.topic.sources.values(), world.settings.tuning()
    assert live.keys() == made.keys()
    for user, one in live.items():
        again = made[user]
        assert not differences(one, again, sources, tuning, 3)
        assert again.version == one.version + 1
        for name in ("current", "offered", "membership", "outbox", "forgetting"):
            assert getattr(again, name) == getattr(one, name)
