"""What a rebalance makes of records that were fetched and thrown away in its middle."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from stream.embedded.broker import Broker
from stream.kafka.chunks import build_app
from stream.kafka.deliveries import Chunk, TopicPartition
from tests.support.kafka_workers import Stand, small_settings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]


@dataclass
class Sink:
    """Takes chunks and acknowledges nothing."""

    chunks: asyncio.Queue[Chunk] = field(default_factory=asyncio.Queue)
    held: int = 0

    def hand_over(self, chunk: Chunk) -> None:
        self.chunks.put_nowait(chunk)

    def assigned(self, tps: frozenset[TopicPartition]) -> None: ...

    def revoked(self, tps: frozenset[TopicPartition]) -> None: ...

    async def drain(self) -> None: ...

    async def close(self) -> None: ...


async def test_where_nothing_was_committed_records_come_again_from_the_first(
    broker: Broker, tmp_path: Path
) -> None:
    stand = Stand(small_settings(broker.url), tmp_path, partitions=1)
    stand.produce(range(3))
    app, sink = build_app(stand.settings), Sink()
    app.feed(stand.topic, sink, chunk_records=10)
    await app.start()
    try:
        first = await sink.chunks.get()
        app.consumer.stop_flow()
        await app.consumer.perform_seek()
        app.consumer.resume_flow()
        again = await sink.chunks.get()
    finally:
        await app.stop()
        stand.close()

    assert (first.span.first, again.span.first) == (0, 0)
