"""Too much for a slow store or encoder: lag grows and falls, memory and the group do not move.

The worker reads into memory what it fetches ahead, no more: the records that wait are many times
larger than what it may hold, and its resident memory is held against that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from stream.kafka.publisher import Outgoing, Publisher
from tests.soak import rig
from tests.soak.blocks import block
from tests.soak.bounds import INPUTS, held_bytes, held_records
from tests.soak.rig import Rig
from tests.soak.samples import MIB, Scrape, Watch
from tests.support.kafka_workers import until
from tests.support.records import KeyValue

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

SLOW = 10  # times
USERS = 40
PADDING = 60_000  # bytes of each event that no profile takes up
IDLE = 0.75  # of the events cost nothing but their memory
WARM, LOAD = 400, 1200  # events
CHUNK = 50
SLICE = 50
PATIENCE_S = 110.0
COMPRESSION = 1.5  # base64 is 1.33 times as large as what it says
ALLOCATOR = 24 * MIB  # for what does not hold records: arenas, caches of the few profiles
SETTINGS = {
    "max_value_bytes": 65_536,  # a fetch is twice that
    "chunk_records": CHUNK,
    "encoder_sessions": 1,
    "encoder_cache_bytes": 0,
    "encoder_queue_texts": 64,
    "segments_refit_s": 3600,  # a fit takes memory of its own
}


@pytest.fixture(scope="module")
def stand(model_dir: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with rig.running("embedded", tmp_path_factory.mktemp("pressure"), SETTINGS) as running:
        yield running


@dataclass
class Pressed:
    """What was seen, from the beginning of the slowness until everything was acknowledged."""

    before: Scrape
    rss: int
    slow: Scrape | None = None
    after: Scrape | None = None
    most_rss: int = 0
    most_held: float = 0.0
    lags: list[float] = field(default_factory=list)
    waiting: list[float] = field(default_factory=list)
    unready: int = 0
    dead: int = 0


class Flood:
    """Events as fast as they can be sent."""

    def __init__(self, stand: Rig) -> None:
        patience = {"kafka_timeout_s": PATIENCE_S}  # a slice that is sent again counts twice
        self._settings = stand.settings.model_copy(update=patience)
        self._worker = stand.worker
        self._sent = int(Scrape(stand.worker.port).total("records_total", topic="events"))

    def send(self, records: list[KeyValue]) -> None:
        """Returns when all are confirmed."""
        self._sent += len(records)
        asyncio.run(self._send(records))

    def done(self, told: Scrape) -> bool:
        """Whether everything was acknowledged."""
        return told.total("records_total", topic="events") >= self._sent

    async def _send(self, records: list[KeyValue]) -> None:
        topic, publisher = self._settings.topic("events"), Publisher(self._settings)
        await publisher.start()
        try:
            for first in range(0, len(records), SLICE):
                some = records[first : first + SLICE]
                await publisher.send([Outgoing(topic, key, value) for key, value in some])
        finally:
            await publisher.stop()


def press(stand: Rig, name: int, slow: Callable[[Scrape, Scrape], None], **load: float) -> Pressed:
    """Warm up; slow down; send far more than can be done; heal when enough was done slowly."""
    start, flood = Scrape(stand.worker.port), Flood(stand)
    watch = Watch(stand.worker.port, stand.worker.pid, stand.store.pid)
    flood.send(records(name, WARM, **load))
    until(lambda: flood.done(Scrape(stand.worker.port)), "warmed up")
    seen = Pressed(Scrape(stand.worker.port), watch.rss())
    slow(start, seen.before)
    todo = records(name + 1, LOAD, **load)
    assert sum(len(value or b"") for _, value in todo) > 1.5 * limit(stand)

    def look() -> Scrape:
        told = Scrape(stand.worker.port)
        seen.most_rss = max(seen.most_rss, watch.rss())
        seen.most_held = max(seen.most_held, told.total("held_records"))
        seen.lags.append(told.total("lag_records"))
        seen.waiting.append(told.total("encoder_waiting_texts"))
        seen.unready += not stand.worker.ready
        seen.dead += not stand.worker.alive
        return told

    def enough() -> bool:
        told = seen.slow = look()
        both = [one.total("records_total", topic="events") for one in (seen.before, told)]
        return sending.done() and both[1] - both[0] > 4 * CHUNK

    with ThreadPoolExecutor(1) as aside:
        sending = aside.submit(flood.send, todo)
        until(enough, "work under pressure", within_s=PATIENCE_S)
        sending.result()
    stand.heal()

    def caught_up() -> bool:
        seen.after = look()
        return flood.done(seen.after) and seen.lags[-1] == 0

    until(caught_up, "caught up", within_s=PATIENCE_S)
    return seen


def records(name: int, events: int, **load: float) -> list[KeyValue]:
    more: dict[str, Any] = {"padding": PADDING, "idle": IDLE, **load}
    return block(name, users=USERS, events=events, **more)


def limit(stand: Rig) -> int:
    """Bytes by which the worker may grow under pressure: what its settings let it hold."""
    partitions = INPUTS * stand.settings.topic_partitions
    return held_bytes(stand.settings, partitions, COMPRESSION) + ALLOCATOR


def check(stand: Rig, seen: Pressed) -> None:
    """What holds whatever was slow."""
    assert seen.slow is not None
    assert seen.after is not None
    grew = seen.most_rss - seen.rss
    assert grew < limit(stand), f"grew by {grew / MIB:.0f} MiB, limit {limit(stand) / MIB:.0f}"
    partitions = INPUTS * stand.settings.topic_partitions
    assert 0 < seen.most_held <= held_records(stand.settings, partitions)
    assert seen.most_held * PADDING <= held_bytes(stand.settings, partitions, COMPRESSION)
    assert max(seen.lags) > seen.most_held  # more is behind than is in the worker
    assert seen.lags[-1] == 0
    # nobody timed out: the same process, its partitions given to it once, nothing came again
    assert stand.worker.running
    assert seen.after.total("assignments") == 1
    assert seen.dead == 0
    log = stand.worker.log()
    assert log.count("ready") == 1
    assert "chunk dropped" not in log


def test_a_slow_store_is_waited_for_outside_the_worker(stand: Rig) -> None:
    """Readiness stays: it answers, late; the steps that load and save say where the time goes."""

    def slow(start: Scrape, warm: Scrape) -> None:
        trips = 3  # of a save: what was there, what is new, and the read-back
        stand.slow_store((SLOW - 1) * warm.mean_s("save", start) / trips / 2)

    seen = press(stand, 0, slow)

    check(stand, seen)
    assert seen.slow is not None
    assert seen.unready == 0
    ratio = seen.slow.mean_s("save", seen.before) / seen.before.mean_s("save")
    assert ratio > SLOW / 3, f"a save took {ratio:.1f} times as long as before"


def test_a_slow_encoder_is_waited_for_outside_the_worker(stand: Rig) -> None:
    """Its queue is bounded too, and whoever finds it full waits: busy is not away."""
    seen = press(stand, 10, lambda start, warm: stand.slow_encoder(SLOW), reviews=0.8)

    check(stand, seen)
    assert seen.slow is not None
    assert seen.unready == 0
    assert 0 < max(seen.waiting) <= 2 * stand.settings.encoder_queue_texts
    ratio = seen.slow.mean_s("encode", seen.before) / seen.before.mean_s("encode")
    assert ratio > SLOW / 3, f"encoding took {ratio:.1f} times as long as before"
