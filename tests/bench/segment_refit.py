"""A refit of many users in a running service: what it takes, and what events feel of it.

One worker on the embedded broker and a Qdrant server (the embedded store where there is none), its
users written by the store's own code, under a light steady load. While it rests somebody else holds
the lease of segments, so it neither fits nor moves users; then it gets the lease, and a fit is
asked for. Both take turns, and what they are compared by comes from the topics' own timestamps.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, Self

import numpy as np
import psutil
from numpy.typing import NDArray

from stream.agents.leader import LEASE
from stream.commands.segments import refit
from stream.core.tuning import DAY_S
from stream.embedded.archives import model_dir
from stream.embedded.broker import Broker
from stream.embedded.qdrant.host import EmbeddedQdrant
from stream.encoder import manifest
from stream.errors import Failed
from stream.settings import Settings
from stream.store.collections import Store, open_store
from stream.store.segment_requests import Request
from tests.bench import folders
from tests.bench.segment_people import fill, user_id
from tests.endtoend.deployment import Deployment
from tests.faults.stack import QdrantServer
from tests.soak.feeder import Feeder
from tests.soak.rig import Watched
from tests.support import load, records, stores
from tests.support.kafka_workers import until
from tests.support.records import KeyValue, Sender
from tests.support.stores import Place

RATE = 20.0  # events a second
WARM_S = 5.0
WAIT_S = 300.0
LOOK_S = 0.25
BENCH, NOBODY = "the benchmark", ""
STEPS = ("read_s", "fit_s", "save_s")
REST, REFIT = "rest", "refit"
SETTINGS = {
    "INTERESTREAM_KAFKA_IDEMPOTENCE": "false",  # the embedded broker refuses it
    "INTERESTREAM_INTERESTS_MAX": "5",
    "INTERESTREAM_SEGMENTS_REFIT_S": "86400",  # none but those that are asked for
    "INTERESTREAM_NAMESPACE": "bench",
}

Say = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Span:
    """A time of one kind, wall clock. `steps`: what a refit took, seconds; empty at rest."""

    kind: str
    start: float
    end: float
    steps: dict[str, float] = field(default_factory=dict)


def measured(
    users: int, samples: Sequence[tuple[int, int]], rest_s: float, say: Say
) -> dict[str, Any]:
    """By sample: the refit's steps, memory, and events' latencies beside those at rest.

    samples  (INTERESTREAM_SEGMENTS_SAMPLE, number of refits)
    """
    with ExitStack() as cleaning:
        folder = Path(cleaning.enter_context(tempfile.TemporaryDirectory()))
        broker = Broker(log=folder / "broker.log")
        server = not stores.server_missing()
        store = QdrantServer(folder / "qdrant") if server else EmbeddedQdrant(folder / "qdrant")
        for part in (broker, store):
            part.start()
            cleaning.callback(part.kill)
        place = Place(store.http_url, store.grpc_port)
        deployment = Deployment(broker.url, place, folder, SETTINGS)
        settings = deployment.settings()
        say(f"writing {users:,} users")
        began = time.perf_counter()
        asyncio.run(_on(settings, lambda opened: fill(opened, settings.tuning(), users)))
        filled_s = time.perf_counter() - began
        worker = cleaning.enter_context(Watched(deployment.env, folder / "worker.log"))
        runs = [_sampled(deployment, worker, users, *one, rest_s, say) for one in samples]
        return {
            "users": users,
            "store": "a Qdrant server" if server else "the embedded store",
            "rate_per_s": RATE,
            "filled_s": round(filled_s, 1),
            "runs": runs,
        }


def _sampled(
    deployment: Deployment,
    worker: Watched,
    users: int,
    sample: int,
    refits: int,
    rest_s: float,
    say: Say,
) -> dict[str, Any]:
    settings = deployment.settings()
    _take_the_lead(settings)
    worker.start(segments_sample=str(sample))
    sender = Sender(settings)
    sender.burst("items", load.items())
    until(sender.committed, "items read")
    feeder = Feeder(sender, likes(users, f"of-{sample}"), RATE).start()
    memory = Memory(worker.pid).start()
    spans: list[Span] = []
    try:
        time.sleep(WARM_S)
        for number in range(refits):
            say(f"sample of {sample:,}: at rest")
            spans.append(_rest(rest_s))
            say(f"sample of {sample:,}: refit {number + 1} of {refits}")
            spans.append(_refitted(settings, worker))
            _take_the_lead(settings)
            until(lambda: len(worker.logged("leads no more")) > number, "the lease lost")  # noqa: B023
    finally:
        memory.stop()
        feeder.stop()
    until(sender.committed, "events acknowledged")
    latencies = waits(settings)
    worker.terminate()
    return {"sample": sample, **_told(spans, latencies, memory)}


def _rest(rest_s: float) -> Span:
    start = time.time()
    time.sleep(rest_s)
    return Span(REST, start, time.time())


def _refitted(settings: Settings, worker: Watched) -> Span:
    """Ask for a fit and let the worker lead; from when it began to read until it was saved."""
    before = len(worker.logged("segments"))
    found = asyncio.run(_asked(settings))
    if not found.version:
        raise Failed(f"the worker fitted nothing: {found.outcome} {found.why}")
    until(lambda: len(worker.logged("segments")) > before, "the fit in the log")
    told = worker.logged("segments")[-1]
    end = datetime.fromisoformat(told["timestamp"]).timestamp()
    steps = {name: told[name] for name in STEPS}
    return Span(REFIT, end - sum(steps.values()), end, steps)


async def _asked(settings: Settings) -> Request:
    """The answer to a request, which is there before the worker leads: it fits once, not twice."""
    freeing: list[asyncio.Task[None]] = []

    def free(_: str) -> None:
        step = _on(settings, lambda store: _lead(store, NOBODY))
        freeing.append(asyncio.get_running_loop().create_task(step))

    found = await refit(settings, WAIT_S, free)
    await asyncio.gather(*freeing)
    return found


def _take_the_lead(settings: Settings) -> None:
    """From the worker, which finds it out within seconds."""
    asyncio.run(_on(settings, lambda store: _lead(store, BENCH)))


# --- the load, and what becomes of it


def likes(users: int, name: str) -> Iterator[KeyValue]:
    """Endless likes by any of the users, each at the time when it is asked for.

    name  no other likes have: an event whose id was seen before is no event
    """
    rng = np.random.default_rng(7)
    films = load.TOPICS * load.PER_TOPIC
    for number in count():
        user = user_id(int(rng.integers(users)))
        message = {
            "user_id": user,
            "event_id": f"like-{name}-{number}",
            "type": "like",
            "item_id": f"film-{rng.integers(films)}",
            "at": time.time(),
        }
        yield user.encode(), json.dumps(message).encode()


def waits(settings: Settings) -> NDArray[np.float64]:
    """(n, 2): when each event was sent, and how long until its list was, seconds."""
    sent = {
        json.loads(record.value or b"{}")["event_id"]: record.at
        for record in records.read(settings, "events")
    }
    found: dict[str, tuple[float, float]] = {}
    for record in records.read(settings, "recommendations"):
        for event in json.loads(record.value or b"{}")["caused_by"]:
            if event in sent:
                found.setdefault(event, (sent[event], record.at - sent[event]))
    return np.array(list(found.values())).reshape(-1, 2)


def _told(spans: Sequence[Span], latencies: NDArray[np.float64], memory: Memory) -> dict[str, Any]:
    refits = [span for span in spans if span.kind == REFIT]
    rests = [span for span in spans if span.kind == REST]
    resting, fitting = _latency(rests, latencies), _latency(refits, latencies)
    return {
        "refits": [
            {
                **span.steps,
                "all_s": round(sum(span.steps.values()), 2),
                **_latency([span], latencies),
            }
            for span in refits
        ],
        "rests": [_latency([span], latencies) for span in rests],
        "latency_ms": {REST: resting, REFIT: fitting},
        "p99_ratio": round(fitting["p99_ms"] / max(resting["p99_ms"], 0.1), 2),
        "curves": {REST: _curve(rests, latencies), REFIT: _curve(refits, latencies)},
        "rss_mib": {
            "worker at rest": memory.worker_mib(rests),
            "worker during a refit": memory.worker_mib(refits),
            "child": memory.child_mib,
        },
    }


def _latency(spans: Sequence[Span], latencies: NDArray[np.float64]) -> dict[str, float]:
    found = _within(spans, latencies)
    if not len(found):
        return {"events": 0, "p50_ms": 0.0, "p99_ms": 0.0, "max_ms": 0.0}
    p50, p99 = np.percentile(found, (50, 99))
    return {
        "events": len(found),
        "p50_ms": round(float(p50), 1),
        "p99_ms": round(float(p99), 1),
        "max_ms": round(float(found.max()), 1),
    }


def _curve(spans: Sequence[Span], latencies: NDArray[np.float64]) -> list[float]:
    """Milliseconds below which 0, 2, … 100 % of the events' latencies lie."""
    found = _within(spans, latencies)
    if not len(found):
        return []
    return [round(float(ms), 1) for ms in np.percentile(found, np.arange(0, 101, 2))]


def _within(spans: Sequence[Span], latencies: NDArray[np.float64]) -> NDArray[np.float64]:
    """(m,) ms, of the events that were sent within these times."""
    sent, waited = latencies.T
    inside = np.zeros(len(sent), bool)
    for span in spans:
        inside |= (sent >= span.start) & (sent < span.end)
    found: NDArray[np.float64] = 1000 * waited[inside]
    return found


class Memory:
    """Looks at the resident memory of a worker and of the child that fits, on its own thread."""

    def __init__(self, pid: int) -> None:
        self.child_mib = 0.0
        self._worker = psutil.Process(pid)
        self._looks: list[tuple[float, float]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def worker_mib(self, spans: Sequence[Span]) -> float:
        """The most within these times."""
        return max(
            (mib for at, mib in self._looks for span in spans if span.start <= at < span.end),
            default=0.0,
        )

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_S):
            with suppress(psutil.NoSuchProcess):
                rss = self._worker.memory_info().rss / 2**20
                self._looks.append((time.time(), round(rss, 1)))
                for child in self._worker.children():
                    self.child_mib = max(self.child_mib, round(_peak_mib(child.pid), 1))


def _peak_mib(pid: int) -> float:
    """Of a process since it began; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(one.split()[1]) / 1024 for one in lines if one.startswith("VmHWM")), 0.0)


# --- the store


async def _on(settings: Settings, step: Callable[[Store], Awaitable[None]]) -> None:
    model = manifest.read(model_dir(folders.CACHE))
    store = await open_store(settings, dimension=model.dimension, encoder_hash=model.hash)
    try:
        await step(store)
    finally:
        await store.close()


async def _lead(store: Store, holder: str) -> None:
    until_s = time.time() + DAY_S if holder else 0.0
    done = False
    while not done:
        fact = await store.meta.get(LEASE)
        lease = {"holder": holder, "until": until_s}
        done = await store.meta.put(LEASE, lease, fact.etag if fact else None)
