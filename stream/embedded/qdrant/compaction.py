"""Compaction: rebuild a shard's segments and indexes without stopping its collection.

The engine never does it by itself, and holds the interpreter for as long as it runs. So it runs
on a copy of the files, in a child process of low priority; what is written meanwhile is replayed.

As a program, `python -m stream.embedded.qdrant.compaction SHARD`, it is that child.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import qdrant_edge as edge

from stream import launch
from stream.embedded.qdrant.collection import LINK, Collection

NICE = 19
NOTHING_TO_DO = 3  # the child's exit code
CATCH_UP_STEP = 4  # operations between two turns of the event loop


class Abandoned(Exception):
    """The compaction did not come to an end; the collection is as it was."""


async def compact(collection: Collection, is_current: Callable[[], bool]) -> bool:
    """Put a compacted version in place of the live one; whether there was anything to do.

    is_current  false once the collection was deleted

    Raises Abandoned when the copy or the child fails, too much was written meanwhile, or the
    collection is gone.
    """
    version = collection.new_version()
    collection.touched = 0
    try:
        await _copy(collection, version)
        worth_it = await _optimize(version)
        if not worth_it:
            return False
        if not is_current():
            raise Abandoned("the collection was deleted")
        shard = edge.EdgeShard.load(str(version))
        await _catch_up(collection, shard, is_current)
        old = collection.swap(version, shard)
        await asyncio.to_thread(shutil.rmtree, old, ignore_errors=True)
        return True
    finally:
        collection.replay = None
        if is_current() and version != (collection.path / LINK).resolve():
            await asyncio.to_thread(shutil.rmtree, version, ignore_errors=True)


async def _copy(collection: Collection, version: Path) -> None:
    """Writers wait, so that the copy is of one moment; from then on they are recorded."""
    collection.writable.clear()
    try:
        collection.flush()
        live = (collection.path / LINK).resolve()
        code = await _run("cp", "-r", "--reflink=auto", str(live), str(version))
        if code:
            raise Abandoned(f"copying {live} failed with exit code {code}")
        collection.replay = []
    finally:
        collection.writable.set()


async def _optimize(version: Path) -> bool:
    code = await _run(sys.executable, "-m", "stream.embedded.qdrant.compaction", str(version))
    if code not in (0, NOTHING_TO_DO):
        raise Abandoned(f"compacting {version} failed with exit code {code}")
    return code == 0


async def _run(*command: str) -> int:
    """The exit code. It dies with this process: after a kill the next one cleans up behind it."""
    tied = (sys.executable, "-I", "-S", launch.__file__, str(os.getpid()))
    child = await asyncio.create_subprocess_exec(*tied, *command)
    return await child.wait()


async def _catch_up(
    collection: Collection, shard: edge.EdgeShard, is_current: Callable[[], bool]
) -> None:
    """Replay in small steps; the last one shares a turn of the loop with the swap."""
    while collection.replay != []:
        if collection.replay is None or not is_current():
            shard.close()
            raise Abandoned("the collection was deleted, or more was written than is replayed")
        step = collection.replay[:CATCH_UP_STEP]
        collection.replay = collection.replay[CATCH_UP_STEP:]
        for operation in step:
            shard.update(operation)
        if collection.replay:
            await asyncio.sleep(0)


def main(path: str) -> int:
    os.nice(NICE)
    shard = edge.EdgeShard.load(path)
    worth_it = shard.optimize()
    shard.flush()
    shard.close()
    os.sync()  # flush() syncs what it wrote, not what `cp` did
    return 0 if worth_it else NOTHING_TO_DO


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
