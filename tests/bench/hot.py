"""Whether hot items slow the others down: python -m tests.bench.hot [--out DIR] [--quick]

The signals agent on the embedded store, without Kafka: the same number of events by the same users,
spread over the items evenly, by Zipf's law, and with half of them on one item. Each world has a
store of its own, and they take turns. Writes hot.json into --out, by default the committed folder,
and its part of docs/quality.md.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.agents.signals import SignalsAgent
from stream.bugs import BugBudget
from stream.core.fold import Folded, Observation, fold
from stream.core.profile import Profile
from stream.core.tuning import EventKind
from stream.kafka.deliveries import TopicPartition
from stream.kafka.patience import Patience
from stream.kafka.publisher import Outgoing
from stream.render import Renderer
from stream.settings import Settings, load
from stream.store.collections import Store, open_store
from stream.store.contract import SavesNeighbours
from stream.store.rows import NeighbourRow
from stream.wire.decode import Limits, decode_signals
from tests.bench import command, docs, machine
from tests.kafka.fakes import FakeFlow, FakeHealth, FakeRecord
from tests.support.fakes import FakePublisher, delivery_of
from tests.support.stores import Place, embedded

MODULE = "tests.bench.hot"
PACKAGES = ("interestream", "numpy", "qdrant-client", "qdrant-edge-py")
ITEMS, USERS, PARTITIONS = 3000, 500, 4
HOT = ITEMS // 100  # the first items are the hot ones; ages are those of all the others
EVENTS_PER_S, CHUNK = 200, 200
FLUSHES, ROUNDS = 10, 3
UNIFORM, ZIPF, ONE = "uniform", "Zipf", "half on one item"
CLICK = EventKind(1.0)
START = 1_750_000_000.0


def worlds() -> dict[str, NDArray[np.float64]]:
    """The share of each item in the events, by name."""
    even = np.full(ITEMS, 1 / ITEMS)
    zipf = 1 / np.arange(1, ITEMS + 1)
    one = even / 2
    one[0] += 0.5
    return {UNIFORM: even, ZIPF: zipf / zipf.sum(), ONE: one}


@dataclass(slots=True)
class Watched:
    """The table of neighbours, and when each row was stored, by its own clock."""

    table: SavesNeighbours
    stored: dict[str, float] = field(default_factory=dict)

    async def load(self, names: Iterable[str]) -> dict[str, NeighbourRow]:
        return await self.table.load(names)

    async def save(
        self, rows: Sequence[NeighbourRow], read_etags: Mapping[str, int | None]
    ) -> set[str]:
        stored = await self.table.save(rows, read_etags)
        self.stored |= dict.fromkeys(stored, time.perf_counter())
        return stored


@dataclass(frozen=True, slots=True)
class Flushed:
    """One flush, and what became of what chunks said about other than hot items.

    stored_s  (m,) from the beginning of the flush until the row was stored
    ages_s    (m,) from the chunk's arrival until then
    """

    seconds: float
    rows: int
    stored_s: NDArray[np.float64]
    ages_s: NDArray[np.float64]


class Users:
    """Who clicks: their profiles, folded as a worker does, and what that says about items."""

    def __init__(self, settings: Settings, shares: NDArray[np.float64], seed: int) -> None:
        self._tuning = settings.tuning()
        self._renderer = Renderer(settings, encoder="none", signal_partitions=PARTITIONS)
        self._shares = shares
        self._rng = np.random.default_rng(seed)
        self._profiles = {str(user): Profile(str(user)) for user in range(USERS)}
        self._count = 0

    def chunk(self) -> list[Outgoing]:
        """The records of signals that the next chunk of events makes."""
        users = self._rng.integers(0, USERS, CHUNK)
        items = self._rng.choice(ITEMS, CHUNK, p=self._shares)
        folded = [self._clicks(str(u), i) for u, i in zip(users, items.tolist(), strict=True)]
        return self._renderer.signals(folded, "bench", self._count)

    def _clicks(self, user: str, item: int) -> Folded:
        self._count += 1
        seen = Observation(
            event_id=f"e{self._count}",
            kind=CLICK,
            at=START + self._count / EVENTS_PER_S,
            source="bench",
            offset=self._count,
            item_id=item_id(item),
        )
        folded = fold(self._profiles[user], [seen], self._tuning)
        self._profiles[user] = folded.profile
        return folded


def item_id(number: int) -> str:
    return f"item-{number}"


HOT_IDS = frozenset(map(item_id, range(HOT)))


class Run:
    """One world with its own store. Chunks arrive by a simulated clock, writes take real time."""

    def __init__(self, settings: Settings, store: Store, shares: NDArray[np.float64]) -> None:
        self.users = Users(settings, shares, seed=0)
        self._limits = Limits.of(settings)
        self._flow = FakeFlow({TopicPartition("signals", part): 1 for part in range(PARTITIONS)})
        self._watched = Watched(store.neighbours)
        self._agent = SignalsAgent(
            settings,
            neighbours=self._watched,
            publisher=FakePublisher(),
            patience=Patience(FakeHealth(), shortest_s=0.01, longest_s=0.1),
            bugs=BugBudget(store.meta, 10),
            on_done=lambda results: None,
            tuning=settings.tuning(),
        )
        self._chunks = int(settings.signals_flush_s * EVENTS_PER_S / CHUNK)
        self._wait_s = [CHUNK / EVENTS_PER_S * left for left in reversed(range(self._chunks))]

    async def flushed(self) -> Flushed:
        """What arrives between two flushes, and the second of them."""
        said: list[tuple[float, str]] = []
        for wait_s in self._wait_s:
            for record in self.users.chunk():
                said += [(wait_s, name) for name in self._named(record)]
                await self._deliver(record)
        self._watched.stored.clear()
        started = time.perf_counter()
        await self._agent.flush()
        seconds = time.perf_counter() - started
        stored = self._watched.stored
        others = [(wait_s, stored[name]) for wait_s, name in said if name not in HOT_IDS]
        wait_s, at = np.array(others).T
        return Flushed(seconds, len(stored), at - started, wait_s + at - started)

    def _named(self, record: Outgoing) -> Iterator[str]:
        for item in decode_signals(record.value, limits=self._limits).items:
            yield item.item_id

    async def _deliver(self, record: Outgoing) -> None:
        tp = TopicPartition("signals", record.partition or 0)
        delivery = delivery_of(tp, [FakeRecord(0, record.value)], "bench", self._flow)
        await self._agent.apply(delivery, delivery.records)
        await self._agent.finish(delivery)


async def measured(place: Place, *, quick: bool) -> dict[str, Any]:
    """Figures of each world by round, and their ratios to the uniform one."""
    shares = worlds()
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in shares}
    for number in range(1 if quick else ROUNDS):
        runs = {
            name: await _opened(place, f"hot-{number}-{world}", one)
            for world, (name, one) in enumerate(shares.items())
        }
        found: dict[str, list[Flushed]] = {name: [] for name in shares}
        for turn in range(3 if quick else FLUSHES):
            for name in _turned(list(runs), turn):
                found[name].append(await runs[name][1].flushed())
        for name, (store, _) in runs.items():
            await store.close()
            rounds[name].append(figures(found[name]))
    return {
        "items": ITEMS,
        "users": USERS,
        "partitions": PARTITIONS,
        "events_per_s": EVENTS_PER_S,
        "signals_flush_s": load().signals_flush_s,
        "worlds": {name: _medians(each) for name, each in rounds.items()},
        "ratios": {name: ratios(rounds[name], rounds[UNIFORM]) for name in (ZIPF, ONE)},
        "rounds": rounds,
    }


def figures(flushes: Sequence[Flushed]) -> dict[str, float]:
    """Of one round; the first flush, into an empty store, is left out."""
    later = flushes[1:]
    stored_s = np.concatenate([one.stored_s for one in later])
    ages_s = np.concatenate([one.ages_s for one in later])
    return {
        "flush_s": median(one.seconds for one in later),
        "rows": median(one.rows for one in later),
        "ms_a_row": 1000 * sum(one.seconds for one in later) / sum(one.rows for one in later),
        "stored_p99_s": float(np.percentile(stored_s, 99)),
        "age_p99_s": float(np.percentile(ages_s, 99)),
    }


def ratios(
    rounds: Sequence[Mapping[str, float]], uniform: Sequence[Mapping[str, float]]
) -> dict[str, float]:
    """The median over rounds of each figure, as a multiple of the uniform world's."""
    return {
        name: round(median(a[name] / b[name] for a, b in zip(rounds, uniform, strict=True)), 3)
        for name in uniform[0]
    }


def _medians(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: round(median(one[name] for one in rounds), 4) for name in rounds[0]}


def _turned(names: list[str], by: int) -> list[str]:
    """So that no world is always the first, on a machine that was idle."""
    return names[by % len(names) :] + names[: by % len(names)]


async def _opened(place: Place, namespace: str, shares: NDArray[np.float64]) -> tuple[Store, Run]:
    settings = load(
        namespace=namespace,
        qdrant_url=place.http_url,
        qdrant_grpc_port=place.grpc_port,
    )
    store = await open_store(settings, dimension=8, encoder_hash="none")
    return store, Run(settings, store, shares)


def main() -> int:
    """Exit code: 0 measured, 1 something was missing."""
    asked = command.arguments(argparse.ArgumentParser(prog=MODULE, description=__doc__))
    machine.clean_environment(MODULE)

    def wanted() -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder, embedded(Path(folder)) as place:
            found = asyncio.run(measured(place, quick=asked.quick))
        return {**machine.facts(MODULE, PACKAGES), "quick": asked.quick, **found}

    return command.run(MODULE, asked, "hot", wanted, docs.hot_part)


if __name__ == "__main__":
    sys.exit(main())
