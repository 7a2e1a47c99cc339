"""A small deployment to move: a catalogue around planted topics, users who like some of it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from stream.agents.items import content, content_hash
from stream.core.fold import Observation, fold
from stream.core.profile import Membership, Profile
from stream.core.segments import Segment, SegmentModel
from stream.core.tuning import EventKind, Tuning
from stream.encoder.contract import Lane, Role, Rows
from stream.encoder.fake import FakeEncoder
from stream.encoder.manifest import Manifest
from stream.reembed.mover import Mover
from stream.settings import Settings
from stream.settings import load as load_settings
from stream.store.client import open_client
from stream.store.codec import pack, unpack
from stream.store.collections import Store, open_store
from stream.store.rows import ItemRow, UserRow, fresh_etag, next_version
from stream.wire.decode import Item
from tests.support.rows import item_row, neighbour_row
from tests.support.stores import Place

NOW = 1_700_000_000.0
OLD_DIMENSION, NEW_DIMENSION = 8, 12
TUNING = Tuning(interests_max=16)
LIKE, HIDE = EventKind(0.8), EventKind(-0.8)
TOPICS = ("sea", "war", "love", "train")
WORDS = ("old", "new", "long", "quiet", "lost")
SOURCE = "topic/0"


class Turned:
    """Sees exactly what the fake of `OLD_DIMENSION` sees, in more dimensions."""

    def __init__(self) -> None:
        self.inner, self._like = FakeEncoder(OLD_DIMENSION), FakeEncoder(NEW_DIMENSION)
        square = np.random.default_rng(5).normal(size=(NEW_DIMENSION, NEW_DIMENSION))
        self._turn = np.linalg.qr(square)[0][:, :OLD_DIMENSION].astype(np.float32)

    @property
    def dimension(self) -> int:
        return NEW_DIMENSION

    @property
    def manifest(self) -> Manifest:
        return self._like.manifest

    async def encode(
        self, texts: Sequence[str], lane: Lane = Lane.EVENTS, role: Role = Role.PASSAGE
    ) -> Rows:
        rows = await self.inner.encode(texts, lane, role)
        return np.asarray(rows @ self._turn.T, np.float32)

    async def close(self) -> None:
        await self.inner.close()


@dataclass
class Tally:
    """Progress as it was told."""

    begun: list[tuple[str, int]] = field(default_factory=list)

    def begins(self, what: str, total: int) -> None:
        self.begun.append((what, total))

    def advances(self, what: str, by: int) -> None:
        pass

    def last(self) -> dict[str, int]:
        """Rows that the last pass had to copy, by table."""
        return dict(self.begun[-3:])


def settings_at(place: Place) -> Settings:
    return load_settings(
        namespace=f"t{secrets.token_hex(4)}",
        qdrant_url=place.http_url,
        qdrant_grpc_port=place.grpc_port,
        qdrant_timeout_s=20,
        interests_max=16,
    )


def film(number: int) -> Item:
    topic = TOPICS[number % len(TOPICS)]
    word = WORDS[number % len(WORDS)]
    return Item(f"film-{number}", f"{topic} {topic} {topic} {word} {number}", categories=(topic,))


async def item(encoder: FakeEncoder, message: Item, revision: int = 1) -> ItemRow:
    (vector,) = await encoder.encode([content(message)])
    return item_row(
        message.item_id,
        title=message.title,
        text=message.text,
        categories=message.categories,
        content_hash=content_hash(message),
        revision=revision,
        marks={SOURCE: revision},
        vector=vector,
    )


class World:
    """A store as workers of the old encoder keep it. `act` is one user's next event."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.old = FakeEncoder(OLD_DIMENSION)
        self.new = FakeEncoder(NEW_DIMENSION)
        self.store: Store
        self.offset = 0

    async def open(self, *, users: int = 12, items: int = 20) -> World:
        self.store = await self.worker(self.old)
        rows = [await item(self.old, film(number)) for number in range(items)]
        rows[-1] = replace(rows[-1], deleted_at=NOW)
        await self.store.items.save(rows, dict.fromkeys(row.item_id for row in rows))
        heat = [neighbour_row(row.item_id, revision=3, count=7.25) for row in rows]
        await self.store.neighbours.save(heat, dict.fromkeys(row.item_id for row in heat))
        for number in range(users):
            for step in range(3):
                await self.act(f"user-{number}", number % len(TOPICS) + len(TOPICS) * step)
        return self

    async def worker(self, encoder: FakeEncoder | Turned) -> Store:
        """The store as a worker of this encoder opens it; the caller closes it."""
        identity = encoder.manifest
        return await open_store(
            self.settings, dimension=encoder.dimension, encoder_hash=identity.hash
        )

    async def act(
        self, user: str, number: int, kind: EventKind = LIKE, store: Store | None = None
    ) -> Profile:
        """Fold one event into the user's profile, as a worker on `store` does."""
        return await self.like(user, f"film-{number}", kind, store)

    async def like(
        self, user: str, name: str, kind: EventKind = LIKE, store: Store | None = None
    ) -> Profile:
        store = store or self.store
        row = (await store.users.load([user])).get(user)
        profile = Profile(user) if row is None else unpack(row)
        known = (await store.items.load([name])).get(name)
        self.offset += 1
        seen = Observation(
            event_id=f"event-{self.offset}",
            kind=kind,
            at=NOW + self.offset,
            source=SOURCE,
            offset=self.offset,
            item_id=name,
            vector=known.vector if known else None,
            categories=known.categories if known else (),
            label=known.title if known else "",
        )
        after = fold(profile, [seen], TUNING).profile
        after = replace(after, version=next_version(profile.version, NOW))
        await self._put(store, pack(after, fresh_etag(), TUNING, now=0.0), row)
        return after

    async def _put(self, store: Store, fresh: UserRow, read: UserRow | None) -> None:
        read_etags = {fresh.user_id: read.etag if read else None}
        assert await store.users.save([fresh], read_etags) == {fresh.user_id}

    async def change(self, message: Item, revision: int, store: Store | None = None) -> None:
        """An item that comes or changes, as the items agent of the old encoder writes it."""
        store = store or self.store
        read = (await store.items.load([message.item_id])).get(message.item_id)
        row = await item(self.old, message, revision)
        saved = await store.items.save([row], {message.item_id: read.etag if read else None})
        assert saved == {message.item_id}

    async def segment(self) -> SegmentModel:
        """A model in force with a segment for each topic, and every user in one of them."""
        model = await self.segment_model()
        async for rows in self.store.users.pages(100):
            for row in rows:
                topic = TOPICS[int(row.user_id.removeprefix("user-")) % len(TOPICS)]
                member = Membership(f"s-{topic}", model.version, NOW)
                profile = unpack(row)
                moved = replace(profile, membership=member, version=profile.version + 1)
                await self._put(self.store, pack(moved, fresh_etag(), TUNING, now=0.0), row)
        return model

    async def segment_model(self) -> SegmentModel:
        """A new model in force, as a leader leaves it; nobody has moved to it yet."""
        claim = await self.store.segments.claim(1)
        assert claim is not None
        centres = await self.old.encode([" ".join([topic] * 3) for topic in TOPICS])
        model = SegmentModel(
            claim.version,
            tuple(Segment(f"s-{t}", t, c, 1) for t, c in zip(TOPICS, centres, strict=True)),
        )
        await self.store.segments.save(model)
        assert await self.store.segments.switch(model.version, claim.etag)
        return model

    async def mover(self, encoder: FakeEncoder | Turned | None = None) -> Mover:
        """A move to `encoder`; its client is closed with `close`."""
        client = open_client(self.settings)
        self._clients = [*getattr(self, "_clients", []), client]
        self.tally = Tally()
        return await Mover.open(
            client, self.settings, encoder or self.new, model="a model", tells=self.tally
        )

    async def close(self) -> None:
        await asyncio.gather(*(client.close() for client in getattr(self, "_clients", [])))
        await self.store.close()


async def all_items(store: Store) -> dict[str, ItemRow]:
    return {row.item_id: row async for page in store.items.pages() for row in page}


async def all_users(store: Store) -> dict[str, UserRow]:
    return {row.user_id: row async for page in store.users.pages(100) for row in page}
