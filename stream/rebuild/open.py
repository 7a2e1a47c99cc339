"""What a rebuild and a comparison work with, opened and closed together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from stream.encoder.contract import TextEncoder
from stream.models import model_folder, open_encoder
from stream.rebuild.begin import check_alone, check_encoder
from stream.rebuild.log import Log
from stream.rebuild.reading import Reading, open_reading
from stream.rebuild.rebuilder import Rebuild
from stream.rebuild.since import Since, starts
from stream.reembed.copying import Tells
from stream.reembed.mover import facts
from stream.sentiment import open_sentiment
from stream.settings import Settings
from stream.store import names
from stream.store.client import open_client
from stream.store.collections import Store, tables
from stream.store.meta import Meta
from stream.store.moves import EncoderId, Move, Stage, standing


@dataclass(frozen=True, slots=True)
class Tools:
    """Open parts; nothing was made or written.

    live  the tables in force, by their own collections' names
    """

    settings: Settings
    encoder: TextEncoder
    ours: EncoderId
    meta: Meta
    live: Store
    log: Log
    reading: Reading

    def rebuild(self, move: Move, since: Since, ends: dict[int, int], tells: Tells) -> Rebuild:
        """The stated move, ready to be taken on.

        A switch that was begun reads from the first record where it has to: what is folded
        already changes nothing.

        Raises Misconfigured where `since` does not fit the topic.
        """
        assert move.users is not None
        begun, namespace = move.stage is Stage.SWITCHING, self.settings.namespace
        target = self.tables(move.users)
        ways = [
            names.aliases(namespace, self.ours.hash, users, parts=(names.USERS,))
            for users in (self.live_users, move.users)
        ]
        return Rebuild(
            self.settings,
            move,
            live=self.live,
            target=target,
            log=self.log,
            reading=self.reading,
            starts=dict(self.log.first) if begun else starts(since, self.log.first, ends),
            since=None if begun else since.at,
            ways=(ways[0], ways[1]),
            tells=tells,
        )

    @property
    def live_users(self) -> int:
        """Generation of the live profiles."""
        (found,) = names.generations(
            self.settings.namespace, self.ours.hash, [self.live.users.table.points.collection]
        )
        return found

    def tables(self, users: int) -> Store:
        client, meta = self.live.client, self.meta
        return tables(client, self.settings, self.ours, meta, names.collection, users)


@asynccontextmanager
async def opened(settings: Settings, *, beside_moves: bool = False) -> AsyncIterator[Tools]:
    """Raises Misconfigured where there is no store or another encoder is in force, Unavailable.

    beside_moves  also where a move to another encoder is under way
    """
    async with AsyncExitStack() as stack:
        folder = await asyncio.to_thread(model_folder, settings)
        encoder = await open_encoder(settings, folder=folder)
        stack.push_async_callback(encoder.close)
        sentiment = await open_sentiment(settings, encoder.manifest, folder)
        client = open_client(settings)
        stack.push_async_callback(client.close)
        meta = await facts(client, settings)
        ours = EncoderId(encoder.manifest.hash, encoder.dimension)
        now = await standing(meta)
        check_encoder(now, ours, settings.namespace)
        if not beside_moves:
            check_alone(now)
        live = tables(client, settings, ours, meta, names.collection, now.users_of(ours))
        log = await stack.enter_async_context(Log.open(settings))
        reading = await open_reading(settings, live, encoder, sentiment)
        yield Tools(settings, encoder, ours, meta, live, log, reading)
