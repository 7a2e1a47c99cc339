"""Laws of the lanes: order within a partition, independence across, nothing acknowledged early."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from stream.kafka import partitions
from stream.kafka.deliveries import Delivery, Record, TopicPartition
from stream.kafka.partitions import CHUNKS_AHEAD, Lanes
from tests.kafka.fakes import TOPIC, FakeFlow, FakeHealth, FakeSources, Recording, chunk

PATIENCE_S = 5.0


class Bench:
    """Lanes over fakes, with two partitions assigned."""

    def __init__(self, handler: Recording, *, watchdog_s: float = 60.0) -> None:
        self.tps = [TopicPartition(TOPIC, partition) for partition in range(2)]
        self.flow = FakeFlow(epochs=dict.fromkeys(self.tps, 1))
        self.health = FakeHealth()
        self.sources = FakeSources()
        self.crashes: asyncio.Queue[BaseException] = asyncio.Queue()
        self.handler = handler
        self.lanes = Lanes(
            handler,
            flow=lambda: self.flow,
            sources=self.sources,
            health=self.health,
            crash=self.crashes.put,
            budget_s=0.1,
            watchdog_s=watchdog_s,
        )


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench(Recording())
    yield made
    await made.lanes.close()


async def soon(event: asyncio.Event) -> None:
    await asyncio.wait_for(event.wait(), PATIENCE_S)


async def test_records_of_a_partition_are_applied_once_and_in_order(bench: Bench) -> None:
    chunks = [chunk(0, 300), chunk(300, 1), chunk(301, 99)]
    for each in chunks:
        bench.lanes.hand_over(each)
    while len(bench.handler.finished) < 3:
        bench.handler.done.clear()
        await soon(bench.handler.done)

    assert bench.handler.applied == [(0, offset) for offset in range(400)]
    assert all(each.span.acknowledged for each in chunks)
    assert len(bench.handler.sizes) > 3  # cut into sub-chunks
    assert bench.handler.finished[0].source == "in-0"


async def test_a_slow_partition_does_not_stop_another(bench: Bench) -> None:
    bench.handler.gates[0] = asyncio.Event()
    for first in range(0, 50, 10):
        bench.lanes.hand_over(chunk(first, 10))
    bench.lanes.hand_over(chunk(0, 10, partition=1))
    await soon(bench.handler.done)

    assert [delivery.partition for delivery in bench.handler.finished] == [1]
    assert bench.flow.full == {TopicPartition(TOPIC, 0)}

    bench.handler.gates[0].set()
    while len(bench.handler.finished) < 6:
        bench.handler.done.clear()
        await soon(bench.handler.done)
    assert bench.flow.full == set()


async def test_a_partition_is_held_back_only_when_chunks_wait(bench: Bench) -> None:
    bench.handler.gates[0] = asyncio.Event()
    bench.lanes.hand_over(chunk(0, 10))
    await soon(bench.handler.entered)
    for ahead in range(1, CHUNKS_AHEAD):
        bench.lanes.hand_over(chunk(10 * ahead, 10))

    assert bench.flow.full == set()


async def test_a_bug_crashes_with_the_chunk_unacknowledged(bench: Bench) -> None:
    """Neither the failing chunk nor the one behind it is acknowledged or finished."""

    async def broken(delivery: Delivery, records: Sequence[Record]) -> None:
        raise ZeroDivisionError

    bench.handler.apply = broken  # type: ignore[method-assign]
    failing, behind = chunk(0, 10), chunk(10, 10)
    bench.lanes.hand_over(failing)
    bench.lanes.hand_over(behind)

    assert isinstance(await asyncio.wait_for(bench.crashes.get(), PATIENCE_S), ZeroDivisionError)
    assert not failing.span.acknowledged
    assert not behind.span.acknowledged
    assert bench.handler.finished == []


async def test_a_revoked_chunk_is_dropped_and_the_next_owner_s_copy_is_served(bench: Bench) -> None:
    gate = bench.handler.gates[0] = asyncio.Event()
    old = chunk(0, 200)
    bench.lanes.hand_over(old)
    await soon(bench.handler.entered)
    bench.flow.epochs[old.tp] = 2
    bench.lanes.revoked(frozenset({old.tp}))
    new = chunk(0, 20, epoch=2)
    bench.lanes.hand_over(new)
    gate.set()
    await soon(bench.handler.done)

    assert not old.span.acknowledged
    assert new.span.acknowledged
    assert bench.handler.lost == [frozenset({old.tp})]
    assert bench.crashes.empty()


async def test_missing_heartbeats_stop_the_chunk_and_their_return_delivers_it_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker's outage longer than the session must neither lose nor skip the chunk in hand."""
    monkeypatch.setattr(partitions, "DOUBT_POLL_S", 0.001)
    gate = bench.handler.gates[0] = asyncio.Event()
    served = chunk(0, 100)
    bench.lanes.hand_over(served)
    await soon(bench.handler.entered)
    bench.flow.quiet = 10.0
    gate.set()
    await soon(bench.health.heard)

    assert bench.health.said == [("unavailable", "kafka")]
    assert bench.handler.finished == []

    bench.flow.quiet = 0.0
    await soon(bench.handler.done)
    assert bench.health.said[-1] == ("available", "kafka")
    assert bench.handler.applied[-100:] == [(0, offset) for offset in range(100)]
    assert served.span.acknowledged


async def test_offsets_that_go_back_make_the_sources_read_again(bench: Bench) -> None:
    for each in (chunk(100, 10), chunk(0, 10)):
        bench.handler.done.clear()
        bench.lanes.hand_over(each)
        await soon(bench.handler.done)

    assert bench.sources.forgotten == 1


async def test_draining_finishes_the_chunk_in_hand_and_takes_no_other(bench: Bench) -> None:
    gate = bench.handler.gates[0] = asyncio.Event()
    in_hand, waiting, late = chunk(0, 10), chunk(10, 10), chunk(20, 10)
    bench.lanes.hand_over(in_hand)
    await soon(bench.handler.entered)
    bench.lanes.hand_over(waiting)
    draining = asyncio.create_task(bench.lanes.drain())
    asyncio.get_running_loop().call_soon(gate.set)
    await asyncio.wait_for(draining, PATIENCE_S)
    bench.lanes.hand_over(late)

    assert [delivery.span for delivery in bench.handler.finished] == [in_hand.span]


async def test_a_hanging_step_is_reported_and_its_end_too() -> None:
    handler = Recording()
    bench = Bench(handler, watchdog_s=0.004)
    gate = handler.gates[0] = asyncio.Event()
    bench.lanes.hand_over(chunk(0, 10))
    await soon(bench.health.heard)
    bench.health.heard.clear()
    gate.set()
    await soon(bench.health.heard)
    await bench.lanes.close()

    assert bench.health.said == [("stuck", "lane in/0"), ("unstuck", "lane in/0")]
