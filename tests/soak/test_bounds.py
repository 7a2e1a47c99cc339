"""What a worker holds of a partition that is far behind is bounded, and the others go on."""

from __future__ import annotations

import asyncio
import random
import weakref
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from stream.embedded.broker import Broker
from stream.kafka.admin import Admin
from stream.kafka.chunks import ChunkApp, build_app
from stream.kafka.deliveries import Delivery, Record, TopicPartition
from stream.kafka.partitions import serve
from stream.kafka.publisher import Outgoing, Publisher
from stream.kafka.sources import Sources
from stream.kafka.topics import TopicPlan
from stream.settings import Settings, load
from tests.bench import docs
from tests.commit.test_signals_agent import Post
from tests.kafka.fakes import FakeHealth
from tests.soak.bounds import INPUTS, held_bytes, held_chunks, held_records
from tests.support.kafka_workers import small_settings

MARKERS = 30
PATIENCE_S = 60.0


class Gate:
    """Applies what comes of partition 0 once it is open, and everything else at once."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.moved = asyncio.Event()
        self.applied: Counter[int] = Counter()

    async def apply(self, delivery: Delivery, records: Sequence[Record]) -> None:
        if delivery.partition == 0:
            await self.open.wait()
        self.applied[delivery.partition] += len(records)
        self.moved.set()

    async def finish(self, delivery: Delivery) -> None:
        await delivery.ack()

    def revoked(self, tps: frozenset[TopicPartition]) -> None: ...

    async def has(self, partition: int, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.applied[partition] < count:
                self.moved.clear()
                await self.moved.wait()


@asynccontextmanager
async def reading(settings: Settings, topic: str, gate: Gate) -> AsyncIterator[ChunkApp]:
    app = build_app(settings)
    serve(app, topic, gate, settings=settings, sources=Sources(settings), health=FakeHealth())
    await app.start()
    try:
        yield app
    finally:
        gate.open.set()
        await app.stop()


@pytest.mark.integration
@pytest.mark.parametrize(("records", "size"), [(3000, 100), (300, 60_000)])
async def test_of_a_partition_far_behind_a_few_chunks_are_held_and_others_go_on(
    broker: Broker, records: int, size: int
) -> None:
    """Small ones are bounded by their number, large ones by their bytes."""
    settings = small_settings(broker.url, chunk_records=50, max_value_bytes=65_536)
    topic, gate, publisher = settings.topic("in"), Gate(), Publisher(settings)
    with Admin(settings) as admin:
        admin.create([TopicPlan(topic, 2, 1)])
    await publisher.start()
    noise = random.Random(1)
    values = [noise.randbytes(size) for _ in range(records)]
    await publisher.send([Outgoing(topic, None, value, partition=0) for value in values])

    async with reading(settings, topic, gate) as app:
        for count in range(1, MARKERS + 1):
            await publisher.send([Outgoing(topic, None, b"{}", partition=1)])
            await gate.has(1, count)
        assert 0 < app.held <= held_records(settings, 1)
        assert app.held * size <= held_bytes(settings, 1)
        assert gate.applied[0] == 0
        gate.open.set()
        await gate.has(0, records)

    await publisher.stop()
    assert gate.applied == {0: records, 1: MARKERS}
    assert app.assignments == 1


def test_the_bound_in_bytes_grows_with_what_compression_hides() -> None:
    """A fetch comes compressed and is held in full size once its records are taken out."""
    settings = small_settings("127.0.0.1:9092", max_value_bytes=65_536)

    assert held_bytes(settings, 1) == 5 * (2 * 65_536 + 32_768)
    assert held_bytes(settings, 3) == 3 * held_bytes(settings, 1)
    assert held_bytes(settings, 1, 10) == 41 * (2 * 65_536 + 32_768)


async def test_signals_that_wait_for_a_flush_hold_no_records() -> None:
    """Fifty chunks a partition wait for one; with their records they would be up to 100 MB."""
    post = Post()
    first = weakref.ref(await post.bring(("a", 1.0, 0)))
    second = weakref.ref(await post.bring(("b", 1.0, 0)))

    assert (first(), second()) == (None, None)
    await post.agent.flush()
    assert post.count("a") == pytest.approx(1.0)
    assert post.results.events == 2


def test_the_page_says_what_the_bounds_come_to_by_default() -> None:
    page = (docs.ROOT / "docs" / "operations" / "soak.md").read_text("utf-8")
    settings = load()
    partitions = INPUTS * settings.topic_partitions
    said = [held_bytes(settings, partitions, r) / 2**20 for r in (1, 4)]

    assert f"{held_chunks()} chunks = one in hand" in page
    assert f"{held_records(settings, partitions):,} in all" in page
    assert f"it {said[0]:.0f} MiB (r = 1), or\n{said[1]:.0f} MiB (r = 4)" in page
