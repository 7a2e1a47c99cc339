"""Upkeep beside the requests: flush what is dirty, compact what has changed enough."""

from __future__ import annotations

import asyncio
import time

import structlog

from stream.embedded.qdrant.compaction import Abandoned, compact
from stream.embedded.qdrant.directory import Directory
from stream.embedded.qdrant.upkeep import Upkeep

TURN_S = 0.25

log = structlog.get_logger()


async def keep_up(directory: Directory, upkeep: Upkeep) -> None:
    """Run until cancelled; at most one compaction at a time."""
    compacting: asyncio.Task[None] | None = None
    try:
        while True:
            await asyncio.sleep(TURN_S)
            await _flush_due(directory, upkeep)
            due = _due_for_compaction(directory, upkeep)
            if due and (compacting is None or compacting.done()):
                compacting = asyncio.create_task(_compact(directory, due))
    finally:
        if compacting is not None:
            compacting.cancel()
            await asyncio.wait([compacting])


async def _flush_due(directory: Directory, upkeep: Upkeep) -> None:
    for collection in list(directory.collections.values()):
        due = time.monotonic() - collection.flushed_at >= upkeep.flush_every_s
        if collection.dirty and due and collection.writable.is_set():
            collection.flush()
            await asyncio.sleep(0)  # requests between two flushes: each blocks for 0.05 to 0.2 s


def _due_for_compaction(directory: Directory, upkeep: Upkeep) -> str | None:
    for name, collection in directory.collections.items():
        if collection.touched < upkeep.compact_after_rows:
            continue
        if collection.touched >= collection.shard.info().points_count:
            return name
    return None


async def _compact(directory: Directory, name: str) -> None:
    collection = directory.collections.get(name)
    if collection is None:
        return
    started = time.monotonic()
    try:
        changed = await compact(collection, lambda: directory.collections.get(name) is collection)
    except (Abandoned, OSError) as error:
        log.warning("compaction abandoned", collection=name, why=str(error))
        return
    seconds = round(time.monotonic() - started, 3)
    log.info("compacted", collection=name, changed=changed, seconds=seconds)
