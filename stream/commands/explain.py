"""`interestream explain USER`: what is known of a user, and why the list is what it is."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc

from stream.core.profile import Membership
from stream.errors import Misconfigured, Unavailable
from stream.reads.picture import Picture, items_of, picture
from stream.settings import Settings
from stream.store.client import Points, open_client
from stream.store.codec import unpack
from stream.store.items import Items, open_items
from stream.store.meta import Fact, Meta
from stream.store.moves import ENCODER_FACT, between, standing
from stream.store.segments import Segments
from stream.store.users import Users


@dataclass(frozen=True, slots=True)
class Reader:
    """The collections of a store that is there already; none is made."""

    users: Users
    items: Items
    segments: Segments
    meta: Meta


async def explained(settings: Settings, user_id: str) -> Picture | None:
    """The user's picture as of now; None if there is no such user.

    Raises Misconfigured if there is no store, and Unavailable while Qdrant does not answer.
    """
    tuning = settings.tuning()
    async with reader(settings) as store:
        row = (await store.users.load([user_id])).get(user_id)
        if row is None:
            return None
        profile = unpack(row)
        items = await store.items.load(items_of(profile), with_vectors=False)
        titles = {item_id: item.title for item_id, item in items.items()}
        label = await _label(store.segments, profile.membership)
    return picture(profile, titles, label, time.time(), tuning)


@asynccontextmanager
async def reader(settings: Settings) -> AsyncIterator[Reader]:
    """Raises Misconfigured if the namespace has no store."""
    client = open_client(settings)
    prefix = settings.namespace

    def points(name: str) -> Points:
        return Points(client, f"{prefix}_{name}", timeout_s=settings.qdrant_timeout_s)

    meta = Meta(points("meta"))
    try:
        fact = await _encoder(meta)
        if fact is None:
            raise _no_store(settings)
        users = Users(points("users"), dimension=fact.value["dimension"])
        segments = Segments(points("segments"), meta)
        yield Reader(users, open_items(points("items")), segments, meta)
    except grpc.aio.AioRpcError as error:
        if error.code() != grpc.StatusCode.NOT_FOUND:
            raise
        move = (await standing(meta)).move
        if move is not None and move.closed:
            raise Unavailable("encoder", between(move)) from error
        raise _no_store(settings) from error
    finally:
        await client.close()


async def _encoder(meta: Meta) -> Fact | None:
    """Which encoder is in force; None also where nothing has ever been stored."""
    try:
        return await meta.get(ENCODER_FACT)
    except grpc.aio.AioRpcError as error:
        if error.code() != grpc.StatusCode.NOT_FOUND:
            raise
        return None


async def _label(segments: Segments, member: Membership | None) -> str:
    """How the user's segment is called in the model in force; "" where that has it no more."""
    if member is None:
        return ""
    model = await segments.current()
    segment = model.get(member.segment) if model else None
    return segment.label if segment else ""


def _no_store(settings: Settings) -> Misconfigured:
    return Misconfigured(
        f"{settings.qdrant_url} (gRPC port {settings.qdrant_grpc_port}) holds nothing of namespace "
        f"{settings.namespace!r}: start a worker first, or set INTERESTREAM_NAMESPACE or "
        "INTERESTREAM_QDRANT_URL"
    )
