"""Stand-ins for the consumer and the rest of the process, driven by the test."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from stream.kafka.deliveries import Chunk, Delivery, Record, TopicPartition

TOPIC = "in"


@dataclass(frozen=True)
class FakeRecord:
    offset: int
    value: bytes | None = b"{}"
    key: bytes | None = None
    timestamp: int = 0
    headers: Sequence[tuple[str, bytes]] = ()


def chunk(first: int, count: int, *, partition: int = 0, epoch: int = 1) -> Chunk:
    made = Chunk(
        TopicPartition(TOPIC, partition),
        [FakeRecord(offset) for offset in range(first, first + count)],
    )
    made.epoch = epoch
    return made


@dataclass
class FakeFlow:
    """The consumer: owns the partitions in `epochs`; its heartbeats fall silent by `quiet`."""

    epochs: dict[TopicPartition, int]
    session_timeout_s: float = 3.0
    quiet: float = 0.0
    full: set[TopicPartition] = field(default_factory=set)

    def epoch(self, tp: TopicPartition) -> int | None:
        return self.epochs.get(tp)

    def quiet_s(self) -> float:
        return self.quiet

    def hold_back(self, tp: TopicPartition) -> None:
        self.full.add(tp)

    def let_through(self, tp: TopicPartition) -> None:
        self.full.discard(tp)


class FakeHealth:
    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.heard = asyncio.Event()

    def stuck(self, what: str) -> None:
        self._say("stuck", what)

    def unstuck(self, what: str) -> None:
        self._say("unstuck", what)

    def unavailable(self, part: str, message: str) -> None:
        self._say("unavailable", part)

    def available(self, part: str) -> None:
        self._say("available", part)

    def _say(self, what: str, about: str) -> None:
        self.said.append((what, about))
        self.heard.set()


class FakeSources:
    def __init__(self) -> None:
        self.forgotten = 0

    async def of(self, tp: TopicPartition) -> str:
        return f"{tp.topic}-{tp.partition}"

    def forget(self) -> None:
        self.forgotten += 1


class Recording:
    """A handler that remembers; `gates` hold sub-chunks of a partition back until set."""

    def __init__(self) -> None:
        self.applied: list[tuple[int, int]] = []
        self.finished: list[Delivery] = []
        self.sizes: list[int] = []
        self.lost: list[frozenset[TopicPartition]] = []
        self.gates: dict[int, asyncio.Event] = {}
        self.entered = asyncio.Event()
        self.done = asyncio.Event()

    async def apply(self, delivery: Delivery, records: Sequence[Record]) -> None:
        self.entered.set()
        if gate := self.gates.get(delivery.partition):
            await gate.wait()
        self.sizes.append(len(records))
        self.applied += [(delivery.partition, record.offset) for record in records]

    async def finish(self, delivery: Delivery) -> None:
        self.finished.append(delivery)
        await delivery.ack()
        self.done.set()

    def revoked(self, tps: frozenset[TopicPartition]) -> None:
        self.lost.append(tps)
