"""One encoder's collections filled from another's, while workers go on writing the latter."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import Self

from qdrant_client import AsyncQdrantClient

from stream.core.rebuild import Members, recentred
from stream.core.tuning import Tuning
from stream.encoder.contract import TextEncoder
from stream.errors import Failed, Misconfigured
from stream.reembed.copying import Copied, Tells, copy, patiently
from stream.reembed.make import Counts, MakesItems, MakesUsers, NewVectors, make_neighbours
from stream.settings import Settings
from stream.store import names
from stream.store.client import Points
from stream.store.collections import collections_of, ensure_collections, tables
from stream.store.meta import Meta
from stream.store.moves import (
    ENCODER_FACT,
    MOVE_FACT,
    EncoderId,
    Move,
    Stage,
    Standing,
    as_value,
    rebuilding,
    standing,
)
from stream.store.restoring import refuse_while_restoring

ITEMS_PAGE = 256  # texts of one call: enough to sort by length, and a step of the progress bar
ROWS_PAGE = 500
USERS_PAGE = 100  # profiles packed at once beside the progress bar
FEW = 100  # rows that are left to the last pass, while nobody writes: a second or so
PASSES = 10  # until few rows differ; where that many do not do, writers are as fast as we are


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass over all tables did."""

    items: Copied
    neighbours: Copied
    users: Copied

    @property
    def differed(self) -> int:
        return self.items.differed + self.neighbours.differed + self.users.differed

    @property
    def complete(self) -> bool:
        """Whether nothing differed: with nobody writing, nothing will."""
        return self.differed == 0


class Mover:
    """A move in hand; open it with `Mover.open`.

    source, target           tables of the encoder in force and of the new one, by their own names
    ways_before, ways_after  aliases that lead to the one and to the other, while it is in force
    """

    def __init__(
        self,
        client: AsyncQdrantClient,
        settings: Settings,
        meta: Meta,
        move: Move,
        encoder: TextEncoder,
        tells: Tells,
        now: Standing,
    ) -> None:
        self.client = client
        self.namespace = settings.namespace
        self.meta = meta
        self.move = move
        self.tuning: Tuning = settings.tuning()
        self.counts = Counts()
        old, new = now.users_of(move.before), now.users_of(move.after)
        self.ways_before = names.aliases(self.namespace, move.before.hash, old)
        self.ways_after = names.aliases(self.namespace, move.after.hash, new)
        self.source = tables(client, settings, move.before, meta, names.collection, old)
        self.target = tables(client, settings, move.after, meta, names.collection, new)
        self.encoder = encoder
        self._tells = tells

    @classmethod
    async def open(
        cls,
        client: AsyncQdrantClient,
        settings: Settings,
        encoder: TextEncoder,
        *,
        model: str,
        tells: Tells,
    ) -> Self:
        """State the move in the facts, or take up the one that is there; make the collections.

        model  how people call the new model: the name of its folder

        Raises Misconfigured where there is no store, where the model is in force already, or where
        a switch to another one has begun.
        """
        meta = await facts(client, settings)
        ours = EncoderId(encoder.manifest.hash, encoder.dimension)
        move = await _stated(meta, ours, model, settings.namespace)
        now = await standing(meta)
        await ensure_collections(client, settings.namespace, ours, now.users_of(ours))
        return cls(client, settings, meta, move, encoder, tells, now)

    async def catch_up(self) -> Pass:
        """Passes until one finds few rows, or no fewer than half of what the one before found."""
        last = await self.copy()
        for _ in range(PASSES - 1):
            if last.differed <= FEW:
                break
            before, last = last, await self.copy()
            if last.differed > before.differed / 2:
                break
        return last

    async def copy(self) -> Pass:
        """One pass. Items first: interests are made from their vectors."""
        source, target, tells = self.source, self.target, self._tells
        make_items = MakesItems(target.items, self.encoder, self.counts)
        items = await copy(
            "items",
            source.items,
            target.items,
            make_items,
            page=ITEMS_PAGE,
            tells=tells,
            still_due=self.check_due,
            with_vectors=False,
        )
        neighbours = await copy(
            "neighbours",
            source.neighbours,
            target.neighbours,
            make_neighbours,
            page=ROWS_PAGE,
            tells=tells,
            still_due=self.check_due,
        )
        make_users = MakesUsers(self.new_vectors(), self.tuning, self.counts)
        users = await copy(
            "users",
            source.users.table,
            target.users.table,
            make_users,
            page=USERS_PAGE,
            tells=tells,
            still_due=self.check_due,
        )
        return Pass(items, neighbours, users)

    async def check_due(self) -> None:
        """Raise Failed unless the old encoder is in force and this move stands."""
        now = await standing(self.meta)
        if now.encoder != self.move.before or now.move is None or now.move.after != self.move.after:
            raise Failed(
                "the encoder in force or the move has changed meanwhile: look with "
                "`interestream reembed`"
            )

    async def in_force(self) -> bool:
        """Whether the new encoder is the one in force. Raises Unavailable."""
        return (await standing(self.meta)).encoder == self.move.after

    async def put_in_force(self) -> None:
        """Raises Unavailable; Failed where somebody else was faster."""
        now = await standing(self.meta)
        if now.encoder == self.move.after:
            return
        if not await self.meta.put(ENCODER_FACT, as_value(self.move.after), now.encoder_etag):
            raise Failed("somebody else changed the encoder in force: run this again")

    def new_vectors(self) -> NewVectors:
        return NewVectors(self.source.items, self.target.items, self.encoder)

    async def finish(self) -> None:
        """Passes until nothing differs, and the segments; for when nobody writes any more.

        Raises Failed where something keeps changing.
        """
        await patiently(self._outrun_leaders)
        segments = self.source.segments
        for _ in range(PASSES):
            version = await patiently(segments.current_version)
            if (await self.copy()).complete:
                await patiently(partial(self._copy_segments, version))
                # a leader on its way out may have put its last model in force meanwhile
                if version == await patiently(segments.current_version):
                    return
        raise Failed(
            f"rows still change after {PASSES} passes though no worker may write: does something "
            "else write these collections? Run this again, or undo with `interestream reembed "
            "--abort`"
        )

    async def _outrun_leaders(self) -> None:
        """Claim a version that nobody uses: models that were claimed before come too late.

        A stalled leader puts its model in force by a fact alone, for which it needs no door, and
        the model's points would be missing here.
        """
        while await self.source.segments.claim(int(time.time() * 1000)) is None:
            continue  # a leader was faster, which can be only while there are leaders

    async def _copy_segments(self, version: int | None) -> None:
        model = None if version is None else await self.source.segments.load(version)
        if model is None:
            return
        members = Members()
        async for page in self.target.users.members():
            for segment, taste in page:
                members.add(segment, taste)
        await self.check_due()
        await self.target.segments.replace(recentred(model, members))


async def facts(client: AsyncQdrantClient, settings: Settings) -> Meta:
    """The facts of a store that is there. Raises Misconfigured where there is none, Unavailable
    while it is being restored."""
    name = names.meta(settings.namespace)
    if name not in await collections_of(client):
        raise _no_store(settings.namespace)
    meta = Meta(Points(client, name, timeout_s=settings.qdrant_timeout_s))
    await refuse_while_restoring(meta)
    return meta


def _no_store(namespace: str) -> Misconfigured:
    return Misconfigured(
        f"there is no store of namespace {namespace!r} yet: start a worker first, or set "
        "INTERESTREAM_NAMESPACE or INTERESTREAM_QDRANT_URL"
    )


async def _stated(meta: Meta, ours: EncoderId, model: str, namespace: str) -> Move:
    """The move to `ours`, as stated in the facts now."""
    now = await standing(meta)
    if now.encoder is None:
        raise _no_store(namespace)
    if now.move is not None and now.move.rebuilds:
        raise Misconfigured(f"{rebuilding(now.move)}; then run this again")
    if now.move is not None and now.move.after != ours and now.move.closed:
        raise Misconfigured(
            f"a switch to {now.move.after.hash} ({now.move.model}) has begun: end it with "
            "`interestream reembed --model DIR --switch`, or undo it with --abort"
        )
    if now.move is not None and now.move.after == ours:
        return now.move
    if now.encoder == ours:
        raise Misconfigured(f"encoder {ours.hash} ({model}) is in force: there is nothing to do")
    move = Move(now.encoder, ours, model, Stage.COPYING)
    return await enter(meta, now, move)


async def enter(meta: Meta, now: Standing, move: Move) -> Move:
    """State the move in place of what `now` says. Raises Failed where that has changed."""
    if not await meta.put(MOVE_FACT, as_value(move), now.move_etag):
        raise Failed(
            "somebody else changes the move at this moment: look with `interestream reembed`, then "
            "run this again"
        )
    return move
