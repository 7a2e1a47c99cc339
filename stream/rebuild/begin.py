"""Stating a rebuild, undoing it, and throwing away what is no longer needed."""

from __future__ import annotations

from collections.abc import Iterable

from qdrant_client import AsyncQdrantClient

from stream.errors import Failed, Misconfigured
from stream.reembed.mover import enter
from stream.reembed.switch import at, open_doors
from stream.store import names
from stream.store.client import outages
from stream.store.collections import change_aliases, collections_of, ensure_collections
from stream.store.meta import Meta
from stream.store.moves import EncoderId, Move, Stage, Standing, standing

TITLE = "profiles rebuilt"


def check_encoder(now: Standing, ours: EncoderId, namespace: str) -> None:
    """Raise Misconfigured unless profiles of `ours` are in force."""
    if now.encoder is None:
        raise Misconfigured(
            f"there is no store of namespace {namespace!r} yet: start a worker first, or set "
            "INTERESTREAM_NAMESPACE or INTERESTREAM_QDRANT_URL"
        )
    if now.encoder != ours:
        raise Misconfigured(
            f"encoder {now.encoder.hash} is in force, the model of the settings is {ours.hash}: "
            "set INTERESTREAM_MODEL_DIR to the model that the workers run"
        )


def check_alone(now: Standing) -> None:
    """Raise Misconfigured where a move to another encoder is under way."""
    if now.move is not None and not now.move.rebuilds:
        raise Misconfigured(
            f"a move to encoder {now.move.after.hash} ({now.move.model}) is under way: end it "
            "with `interestream reembed --model DIR --switch`, or undo it with `interestream "
            "reembed --abort`"
        )


async def state(client: AsyncQdrantClient, meta: Meta, namespace: str, ours: EncoderId) -> Move:
    """A new rebuild, with its empty collection; one that was begun and not ended is undone.

    Raises Failed where somebody else states one at this moment.
    """
    await undo(client, meta, namespace)
    now = await standing(meta)
    found = names.generations(namespace, ours.hash, await collections_of(client))
    users = max(now.users_of(ours), now.last_rebuild, *found) + 1  # never one of before again
    move = await enter(meta, now, Move(ours, ours, TITLE, Stage.COPYING, users))
    await discard(client, namespace, ours, {n for n in found if n > now.users_of(ours)})
    await ensure_collections(client, namespace, ours, users, parts=(names.USERS,))
    return move


async def undo(client: AsyncQdrantClient, meta: Meta, namespace: str) -> Move | None:
    """Undo the rebuild that is under way, and return it; None if there is none.

    Raises Failed after its point of no return, Misconfigured where another move is under way.
    """
    now = await standing(meta)
    move = now.move
    if move is None:
        return None
    if not move.rebuilds or move.users is None:
        raise Misconfigured(
            "no rebuild is under way, but a move to another encoder: `interestream reembed` shows "
            "what stands"
        )
    if move.stage is Stage.SWITCHING:
        raise Failed(
            "the rebuild is past its point of no return: run `interestream rebuild`, which ends it"
        )
    await enter(meta, now, at(move, Stage.ENDED))
    # Last: a switch that still runs finds first that it is not due.
    await open_doors(client, namespace, now)
    await discard(client, namespace, move.after, [move.users])
    return move


async def old(client: AsyncQdrantClient, now: Standing, namespace: str) -> set[int]:
    """Generations of the profiles of the encoder in force that are not in force themselves."""
    if now.encoder is None:
        return set()
    found = names.generations(namespace, now.encoder.hash, await collections_of(client))
    needed = {now.users_of(now.encoder)}
    if now.move is not None and now.move.users is not None:
        needed.add(now.move.users)
    return found - needed


async def left_over(client: AsyncQdrantClient, now: Standing, namespace: str) -> str:
    """Names of the profiles that a new rebuild deletes: newer than those in force, and not its
    own. Of one that was undone or killed, or put back by a restored snapshot."""
    if now.encoder is None:
        return ""
    newer = {n for n in await old(client, now, namespace) if n > now.users_of(now.encoder)}
    own = now.encoder.hash
    return ", ".join(names.collection(namespace, names.USERS, own, n) for n in sorted(newer))


async def discard(
    client: AsyncQdrantClient, namespace: str, encoder: EncoderId, generations: Iterable[int]
) -> None:
    """Delete these generations of profiles, with their doors."""
    for users in generations:
        name = names.collection(namespace, names.USERS, encoder.hash, users)
        await change_aliases(client, gone=[name + names.WRITERS])
        with outages():
            await client.delete_collection(name)
