"""A broker that needs longer to find records than a fetch waits."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from stream.embedded.broker import Broker
from stream.kafka.chunks import build_app
from tests.integration.test_seek import Sink
from tests.support.kafka_workers import Stand, small_settings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

#: So many that the embedded broker's list of them takes many times the wait.
BATCHES = 6000


async def test_records_come_though_a_short_wait_is_over_before_they_are_found(
    broker: Broker, tmp_path: Path
) -> None:
    settings = small_settings(broker.url).model_copy(update={"fetch_max_wait_ms": 1})
    stand = Stand(settings, tmp_path, partitions=1)
    await send_one_by_one(settings.kafka_url, stand.topic)
    app, sink = build_app(settings), Sink()
    app.feed(stand.topic, sink, chunk_records=500)
    await app.start()
    seen = 0
    try:
        while seen < BATCHES:
            chunk = await asyncio.wait_for(sink.chunks.get(), 30)
            assert chunk.span.first == seen
            seen += len(chunk.records)
    finally:
        await app.stop()
        stand.close()


async def send_one_by_one(url: str, topic: str) -> None:
    """Each record in a batch of its own."""
    producer = AIOKafkaProducer(
        bootstrap_servers=url, enable_idempotence=False, linger_ms=0, max_batch_size=1
    )
    await producer.start()
    try:
        for _ in range(BATCHES // 200):
            sent = [await producer.send(topic, b"x" * 100, partition=0) for _ in range(200)]
            await asyncio.gather(*sent)
    finally:
        await producer.stop()
