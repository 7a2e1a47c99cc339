"""Laws of waiting out an outage."""

from __future__ import annotations

import asyncio

import pytest

from stream.errors import Overloaded, OwnershipLost, Unavailable
from stream.kafka.deliveries import Delivery, TopicPartition
from stream.kafka.patience import Patience
from tests.kafka.fakes import TOPIC, FakeFlow, FakeHealth, chunk


def delivery(flow: FakeFlow) -> Delivery:
    made = chunk(0, 3)
    return Delivery(TOPIC, 0, made.records, "s", made.epoch, made.span, flow)


@pytest.fixture
def flow() -> FakeFlow:
    return FakeFlow({TopicPartition(TOPIC, 0): 1})


@pytest.fixture
def health() -> FakeHealth:
    return FakeHealth()


@pytest.fixture
def patience(health: FakeHealth) -> Patience:
    return Patience(health, shortest_s=0.0005, longest_s=0.001)


class Step:
    """Unavailable so many times, each after a moment; then its result."""

    def __init__(self, failures: int, outage: Unavailable | None = None) -> None:
        self.failures = failures
        self.outage = outage or Unavailable("qdrant", "refused")
        self.tries = 0

    async def __call__(self) -> str:
        self.tries += 1
        await asyncio.sleep(0)
        if self.tries <= self.failures:
            raise self.outage
        return "done"


async def test_an_outage_is_waited_out_and_told(
    flow: FakeFlow, health: FakeHealth, patience: Patience
) -> None:
    step, waiting = Step(3), delivery(flow)

    assert await patience(waiting, "qdrant", step) == "done"
    assert step.tries == 4
    assert health.said == [("unavailable", "qdrant"), ("available", "qdrant")]
    assert waiting.progress.waited_s() > 0


async def test_who_loses_the_partition_while_waiting_waits_no_more(
    flow: FakeFlow, health: FakeHealth, patience: Patience
) -> None:
    """Readiness once stayed false for ever: the outage ended in a rebalance."""
    step = Step(10**6)
    trying = asyncio.create_task(patience(delivery(flow), "qdrant", step))
    await health.heard.wait()
    flow.epochs.clear()

    with pytest.raises(OwnershipLost):
        await trying
    assert health.said == [("unavailable", "qdrant"), ("available", "qdrant")]


async def test_what_is_busy_is_waited_for_but_not_away(
    flow: FakeFlow, health: FakeHealth, patience: Patience
) -> None:
    """A full encoder queue is back-pressure: a worker under load must stay ready."""
    step = Step(3, Overloaded("encoder", "the queue is full"))

    assert await patience(delivery(flow), "encoder", step) == "done"
    assert health.said == []


async def test_a_step_that_works_counts_no_waiting(
    flow: FakeFlow, health: FakeHealth, patience: Patience
) -> None:
    working = delivery(flow)

    await patience(working, "qdrant", Step(0))

    assert working.progress.waited_s() == 0
    assert health.said == []


async def test_a_partition_lost_meanwhile_ends_the_waiting(
    flow: FakeFlow, patience: Patience
) -> None:
    step = Step(10**6)

    async def lose_after_two() -> str:
        if step.tries == 2:
            flow.epochs.clear()
        return await step()

    with pytest.raises(OwnershipLost, match="in/0: the partition was revoked"):
        await patience(delivery(flow), "qdrant", lose_after_two)
    assert step.tries == 3


async def test_silent_heartbeats_keep_a_step_from_running(
    flow: FakeFlow, patience: Patience
) -> None:
    """A process that was stopped for longer than its session must not write afterwards."""
    flow.quiet, step = 3.5, Step(0)

    with pytest.raises(OwnershipLost, match=r"3\.5 s, session timeout 3 s"):
        await patience(delivery(flow), "qdrant", step)
    assert step.tries == 0


async def test_any_other_error_is_not_met_with_patience(flow: FakeFlow, patience: Patience) -> None:
    async def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await patience(delivery(flow), "qdrant", broken)


async def test_a_part_that_returns_is_asked_within_a_second(
    flow: FakeFlow, health: FakeHealth, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it was away: with waits of up to five seconds the way back took up to eight."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    await Patience(health)(delivery(flow), "qdrant", Step(60))

    assert max(waits) <= 1.0
    assert len(set(waits) - {0}) > 30, "everybody waits equally long"
