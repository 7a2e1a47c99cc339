"""Catalogues that are searched instead of scored: python -m tests.bench.large [--out DIR] [--quick]

Synthetic items on a Qdrant server, a worker's replica of them, and users asked for in chunks: how
many of everybody's best items are among the candidates, and what finding and ranking them takes.
Needs a Qdrant server (INTERESTREAM_TEST_QDRANT_URL, or the one beside the project). Writes
large.json into --out, by default the committed folder, and its part of docs/large.md.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import psutil
from qdrant_client import models

from stream.core.arrange import POOL_LISTS, pool_of
from stream.core.candidates import Choice
from stream.core.rank import rank, score
from stream.core.tuning import Tuning
from stream.settings import load
from stream.store.candidates import Candidates
from stream.store.collections import Store, open_store
from stream.store.replica import Replica
from stream.store.shelf import Shelf
from tests.bench import command, docs, machine
from tests.support.large import Large, large
from tests.support.stores import Place, server

MODULE = "tests.bench.large"
PACKAGES = ("interestream", "numpy", "qdrant-client")
SIZES, QUICK_SIZES = (100_000, 300_000), (25_000,)
DIMENSION, USERS, CHUNK = 384, 200, 10
ITEMS_A_CLUSTER = 150
WRITTEN_AT_ONCE = 1000
TUNING = Tuning()
MS = 1000

Row = TypeVar("Row")


def main() -> int:
    """Exit code: 0 measured, 1 something was missing."""
    asked = command.arguments(argparse.ArgumentParser(prog=MODULE, description=__doc__))
    machine.clean_environment(MODULE)
    sizes = QUICK_SIZES if asked.quick else SIZES
    return command.run(
        MODULE,
        asked,
        "large",
        lambda: asyncio.run(measured(sizes, quick=asked.quick)),
        docs.large_part,
    )


async def measured(sizes: Sequence[int], *, quick: bool) -> dict[str, Any]:
    """By the number of items."""
    found = [await _of(size) for size in sizes]
    return {
        **machine.facts(MODULE, PACKAGES),
        "quick": quick,
        "dimension": DIMENSION,
        "users": USERS,
        "chunk": CHUNK,
        "sizes": found,
    }


async def _of(size: int) -> dict[str, Any]:
    _say(f"{size:,} items: making them")
    world = large(
        items=size,
        dimension=DIMENSION,
        clusters=size // ITEMS_A_CLUSTER,
        users=USERS,
        tuning=TUNING,
    )
    with tempfile.TemporaryDirectory() as folder, server(Path(folder) / "qdrant") as place:
        store = await _store(place)
        try:
            return {"items": size, **await _searched(world, store)}
        finally:
            await store.close()


async def _store(place: Place) -> Store:
    settings = load(
        namespace="bench",
        qdrant_url=place.http_url,
        qdrant_grpc_port=place.grpc_port,
        qdrant_timeout_s=60,
    )
    return await open_store(settings, dimension=DIMENSION, encoder_hash="bench")


async def _searched(world: Large, store: Store) -> dict[str, Any]:
    started = time.perf_counter()
    await _fill(world, store)
    filled_s = time.perf_counter() - started
    _say(f"written in {filled_s:.0f} s; reading the replica")
    before = _resident()
    shelf = Shelf(store.items, store.neighbours, size=load().catalogue_cache_items)
    size = len(world.whole)
    replica = Replica(
        store, dimension=DIMENSION, poll_s=1, overlap_s=30, max_items=size // 2, shelf=shelf
    )
    started = time.perf_counter()
    await replica.refresh()
    read_s = time.perf_counter() - started
    light_mib = _resident() - before
    _say(f"read in {read_s:.0f} s, {light_mib:.0f} MiB; waiting for the index")
    started = time.perf_counter()
    await _indexed(store)
    indexed_s = time.perf_counter() - started
    _say(f"indexed in {indexed_s:.0f} s; asking")
    candidates = Candidates(lambda: replica.catalogue, store.items, shelf, TUNING)
    first = await _asked(world, candidates)
    again = await _asked(world, candidates)
    return {
        "written_s": round(filled_s, 1),
        "replica_read_s": round(read_s, 1),
        "replica_mib": round(light_mib),
        "whole_mib": round(_whole_mib(world)),
        "indexed_s": round(indexed_s, 1),
        "recall": again.pop("recall"),
        "largest_score_difference": again.pop("difference"),
        "exact_ms": _exact_ms(world),
        "first_ms": {k: first[k] for k in ("find", "rank")},
        "again_ms": again,
    }


async def _fill(world: Large, store: Store) -> None:
    for items in _batches(world.item_rows()):
        await store.items.save(items, dict.fromkeys(row.item_id for row in items))
    for rows in _batches(world.neighbour_rows()):
        await store.neighbours.save(rows, dict.fromkeys(row.item_id for row in rows))


def _batches(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for first in range(0, len(rows), WRITTEN_AT_ONCE):
        yield rows[first : first + WRITTEN_AT_ONCE]


async def _indexed(store: Store) -> None:
    """Until the server has nothing left to do."""
    quiet = 0
    while quiet < 5:
        info = await store.client.get_collection(store.items.points.collection)
        done = info.status == models.CollectionStatus.GREEN
        quiet = quiet + 1 if done and (info.indexed_vectors_count or 0) > 0 else 0
        await asyncio.sleep(1.0)


async def _asked(world: Large, candidates: Candidates) -> dict[str, Any]:
    """What every user's candidates take to be found and ranked, by chunk; and whether they do."""
    find, order, sizes = [], [], []
    pool = {TUNING.list_size: 0.0, POOL_LISTS * TUNING.list_size: 0.0}
    difference = 0.0
    for first in range(0, USERS, CHUNK):
        users = world.profiles[first : first + CHUNK]
        started = time.perf_counter()
        ((_, choice),) = [each async for each in candidates.around(users)]
        found = time.perf_counter()
        rank(users, [()] * CHUNK, choice.catalogue, TUNING, only=choice.only)
        find.append((found - started) * MS)
        order.append((time.perf_counter() - found) * MS)
        assert choice.only is not None
        sizes.append(float(choice.only.sum(axis=1).mean()))
        difference = max(difference, _compared(world, first, choice, pool))
    return {
        "find": _spread(find),
        "rank": _spread(order),
        "candidates": round(float(np.mean(sizes))),
        "recall": {str(size): round(total / USERS, 4) for size, total in pool.items()},
        "difference": difference,
    }


def _compared(world: Large, first: int, choice: Choice, pool: dict[int, float]) -> float:
    """Adds each user's recall to `pool`; the largest difference between scores of one item."""
    users = world.profiles[first : first + CHUNK]
    exact = score(users, world.whole, TUNING).total
    entries, rows, only = world.whole.entries, choice.catalogue.rows, choice.only
    assert only is not None
    for size in pool:
        for user, best in enumerate(pool_of(exact, size).rows):
            places = [rows.get(entries[row].item_id, -1) for row in best.tolist()]
            pool[size] += sum(place >= 0 and bool(only[user, place]) for place in places) / size
    ours = score(users, choice.catalogue, TUNING, only=only).total
    own = [world.whole.rows[entry.item_id] for entry in choice.catalogue.entries]
    there = np.isfinite(ours)
    return float(np.abs(ours[there] - exact[:, own][there]).max())


def _exact_ms(world: Large) -> dict[str, float]:
    """What scoring and ranking everything takes, in this process."""
    took = []
    for first in range(0, USERS // 4, CHUNK):
        users = world.profiles[first : first + CHUNK]
        started = time.perf_counter()
        rank(users, [()] * CHUNK, world.whole, TUNING)
        took.append((time.perf_counter() - started) * MS)
    return _spread(took)


def _spread(values: Sequence[float]) -> dict[str, float]:
    p50, p99 = np.percentile(values, (50, 99)).tolist()
    return {"p50": round(p50, 1), "p99": round(p99, 1)}


def _whole_mib(world: Large) -> float:
    """Of vectors and neighbours alone, if they were all held."""
    pairs = sum(row.others.nbytes + row.weights.nbytes for row in world.whole.learned.values())
    return float(world.whole.vectors.nbytes + pairs) / 2**20


def _resident() -> float:
    return float(psutil.Process().memory_info().rss) / 2**20


def _say(what: str) -> None:
    sys.stderr.write(
        f"{what} (peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB)\n"
    )


if __name__ == "__main__":
    raise SystemExit(main())
