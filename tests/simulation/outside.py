"""What outlives the workers: topics, committed offsets, who owns what, the time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from stream.kafka.deliveries import TopicPartition
from stream.kafka.publisher import Outgoing, Publisher
from stream.store import codec, users
from tests.commit.world import DIMENSION, NOW, settings
from tests.kafka.fakes import FakeRecord
from tests.simulation.requests import Effect, Request, run
from tests.simulation.scenarios import Scenario
from tests.simulation.store import SimulatedPoints


def place(partition: int) -> TopicPartition:
    return TopicPartition("in", partition)


class Broker:
    """Input logs with their group, output topics as one log.

    epochs     the newest assignment of each partition; only it may commit
    committed  where the next owner starts
    """

    def __init__(self, scenario: Scenario) -> None:
        self.logs = _records(scenario.logs)
        self.committed = dict.fromkeys(self.logs, 0)
        self.epochs = dict.fromkeys(self.logs, 0)
        self.arrived: list[Outgoing] = []

    def append(self, scenario: Scenario) -> None:
        """What arrives later is there now."""
        self.logs = _records(scenario.whole)

    def commit(self, partition: int, epoch: int, offset: int) -> None:
        """Without effect for whoever is no longer the owner."""
        if epoch == self.epochs[partition]:
            self.committed[partition] = offset

    @property
    def finished(self) -> bool:
        return all(self.committed[p] == len(log) for p, log in self.logs.items())


@dataclass
class Outside:
    """`late` are effects that an error was reported for and that happen some time later, oldest
    first; each with whoever keeps their order, which is a producer for what it sends."""

    scenario: Scenario
    points: SimulatedPoints = field(default_factory=SimulatedPoints)
    now: float = NOW
    late: list[tuple[object, list[Effect]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.broker = Broker(self.scenario)

    def tick(self) -> float:
        self.now += 0.001
        return self.now

    @property
    def unconfirmed(self) -> bool:
        """Whether the removal of a user waits for its confirmation."""
        rows = (users._row(point, DIMENSION) for point in self.points.rows.values())
        return any(codec.unpack(row).forgetting is not None for row in rows)

    def land(self, number: int) -> None:
        """What is late happens now; of a producer's the oldest, for it keeps its order."""
        keeper = self.late[number][0]
        first = next(n for n, (who, _) in enumerate(self.late) if who is keeper)
        run(self.late.pop(first)[1])

    def flush(self, keeper: object) -> None:
        """A producer sends in order: what it reported as failed arrives before what comes next."""
        for who, effects in list(self.late):
            if who is keeper:
                run(effects)
        self.late = [one for one in self.late if one[0] is not keeper]


class SimulatedPublisher(Publisher):
    """A process's producer."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(settings())
        self._arrived = broker.arrived

    async def send(self, records: Sequence[Outgoing]) -> None:
        effects: list[Effect] = [partial(self._arrived.append, record) for record in records]
        await Request("send", "kafka", effects)


def _records(logs: Mapping[int, Sequence[bytes]]) -> dict[int, list[FakeRecord]]:
    return {
        partition: [
            FakeRecord(offset, value, _key(value), int(NOW * 1000))
            for offset, value in enumerate(values)
        ]
        for partition, values in logs.items()
    }


def _key(value: bytes) -> bytes:
    try:
        body: dict[str, Any] = json.loads(value)
    except ValueError:
        return b"a"
    return str(body["user_id"]).encode()
