"""The store as the doctor sees it: there, new enough, honest about conditions, of one encoder."""

from __future__ import annotations

import re
import secrets

import grpc
from qdrant_client import AsyncQdrantClient, models

from stream.commands.finding import Finding, failed, ok
from stream.encoder.manifest import Manifest
from stream.errors import Misconfigured, Unavailable
from stream.settings import Settings
from stream.store import names
from stream.store.client import Points, open_client, outages
from stream.store.collections import aliases, collections_of, server_version
from stream.store.meta import Meta
from stream.store.moves import EncoderId, Move, obstacle, standing
from stream.store.probe import probe_conditional_writes

OLDEST = (1, 17)
UPGRADE = "use Qdrant 1.17 or newer"


async def check_store(settings: Settings, manifest: Manifest | None) -> list[Finding]:
    """manifest  of the model in use; None where it cannot be read"""
    client = open_client(settings)
    try:
        version = await server_version(client)
        found = [_version(settings, version)]
        found.append(await _conditions(client, settings, version))
        found.append(await _encoder(client, settings, manifest))
        return found
    except (Unavailable, grpc.aio.AioRpcError) as error:
        remedy = (
            "start Qdrant, or set INTERESTREAM_QDRANT_URL, INTERESTREAM_QDRANT_GRPC_PORT and "
            "INTERESTREAM_QDRANT_API_KEY"
        )
        host = f"{settings.qdrant_url}, gRPC port {settings.qdrant_grpc_port}: "
        return [failed("store", host + _said(error), remedy)]
    finally:
        await client.close()


def _version(settings: Settings, version: str) -> Finding:
    place = f"Qdrant {version} at {settings.qdrant_url}, gRPC port {settings.qdrant_grpc_port}"
    numbers = tuple(int(n) for n in re.findall(r"\d+", version)[:2])
    return ok("store", place) if numbers >= OLDEST else failed("store", place, UPGRADE)


async def _conditions(client: AsyncQdrantClient, settings: Settings, version: str) -> Finding:
    """Tried on a collection made for the purpose: rows in use are not touched."""
    name = f"{settings.namespace}_doctor_{secrets.token_hex(4)}"
    with outages():
        await client.create_collection(
            name, vectors_config={}, sparse_vectors_config={"hidden": models.SparseVectorParams()}
        )
    try:
        points = Points(client, name, timeout_s=settings.qdrant_timeout_s)
        await probe_conditional_writes(points, version)
    except Misconfigured as error:
        return failed("conditional writes", error, UPGRADE)
    finally:
        with outages():
            await client.delete_collection(name)
    return ok("conditional writes", "honoured")


async def _encoder(
    client: AsyncQdrantClient, settings: Settings, manifest: Manifest | None
) -> Finding:
    """Whether the collections hold vectors of the model in use."""
    prefix, check = settings.namespace, "collections"
    if names.meta(prefix) not in await collections_of(client):
        return ok(check, f"none of {prefix!r} yet: the first worker makes them")
    meta = Meta(Points(client, names.meta(prefix), timeout_s=settings.qdrant_timeout_s))
    now = await standing(meta)
    if now.encoder is None or manifest is None:
        return ok(check, "there; their encoder cannot be compared")
    ours = EncoderId(manifest.hash, manifest.dimension)
    if reason := obstacle(now, ours):
        return failed(
            check,
            reason,
            "see docs/reembed.md and docs/operations/rebuild.md, or start anew under another "
            f"INTERESTREAM_NAMESPACE (now {prefix!r}); `interestream reembed` shows what stands",
        )
    there = await aliases(client)
    expected = names.aliases(prefix, ours.hash, now.users_of(ours))
    wrong = [f"{a} -> {there.get(a)}" for a, name in expected.items() if there.get(a) != name]
    if wrong:
        remedy = "start a worker, which makes what is missing, or undo the move of the aliases"
        return failed(check, f"aliases do not fit: {', '.join(wrong)}", remedy)
    what = f"{len(names.PARTS)} collections of encoder {ours.hash}, {ours.dimension} d"
    if users := now.users_of(ours):
        what += f", profiles rebuilt (generation {users})"
    return ok(check, what + (f"; {_under_way(now.move)}" if now.move else ""))


def _under_way(move: Move) -> str:
    return "a rebuild replays" if move.rebuilds else f"a move to {move.after.hash} copies"


def _said(error: Unavailable | grpc.aio.AioRpcError) -> str:
    if isinstance(error, Unavailable):
        return str(error)
    return f"{error.code().name}: {error.details()}"
