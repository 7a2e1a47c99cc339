"""Who waits in a queue that moves has not hung; who waits for something that hangs has.

Long texts of new items waited behind reviews for a slow encoder, for longer than the watchdog
allows: liveness failed, the worker was started again, and the same texts waited again.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import Any

import msgspec
import pytest

from stream.agents.items import ItemsAgent
from stream.bugs import BugBudget
from stream.kafka.deliveries import Delivery, Progress, TopicPartition
from stream.kafka.patience import Patience
from stream.settings import load
from stream.wire.messages import ItemMessage
from tests.encoder.parts import Gate, running
from tests.kafka.fakes import FakeFlow, FakeHealth, FakeRecord
from tests.support.fakes import FakePublisher, FakeStore, delivery_of

HERE = TopicPartition("items", 0)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock."""
    found = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: found[0])
    return found


def test_signs_of_life_of_what_is_waited_for_count(now: list[float]) -> None:
    progress, quiet_s = Progress(), [0.0]
    with progress.vouched(lambda: quiet_s[0]):
        now[0] += 100
        quiet_s[0] = 3
        assert progress.idle_s() == 3
        quiet_s[0] = 70
        assert progress.idle_s() == 70
        quiet_s[0] = math.inf
        assert progress.idle_s() == 100

    assert progress.idle_s() == 0
    now[0] += 5
    assert progress.idle_s() == 5


def test_it_stops_counting_where_the_waiting_fails(now: list[float]) -> None:
    progress = Progress()
    with pytest.raises(ZeroDivisionError), progress.vouched(lambda: 0.0):
        raise ZeroDivisionError
    now[0] += 50

    assert progress.idle_s() == 50


async def test_the_encoder_is_quiet_since_its_last_run(now: list[float]) -> None:
    async with running(Gate(open_=True)) as encoder:
        now[0] += 50
        assert encoder.quiet_s == 50
        await encoder.encode(["a text"])
        assert encoder.quiet_s == 0
        now[0] += 7
        assert encoder.quiet_s == 7


class Queue:
    """An encoder in which a text waits until `serve` is set."""

    dimension = 2

    def __init__(self) -> None:
        self.asked, self.serve = asyncio.Event(), asyncio.Event()

    async def encode(self, texts: list[str], **_: Any) -> Any:
        self.asked.set()
        await self.serve.wait()
        raise asyncio.CancelledError  # the test has seen enough


async def test_items_that_wait_for_a_busy_encoder_are_not_stuck(now: list[float]) -> None:
    encoder, quiet_s, store, health = Queue(), [0.0], FakeStore(), FakeHealth()
    agent = ItemsAgent(
        load(),
        encoder=encoder,  # type: ignore[arg-type]  # as much of one as is asked for
        items=store.items,
        publisher=FakePublisher(),
        patience=Patience(health),
        bugs=BugBudget(store.meta, 10),
        on_done=lambda results: None,
        encoder_quiet_s=lambda: quiet_s[0],
    )
    value = msgspec.json.encode(ItemMessage(item_id="a", title="A long one"))
    record = FakeRecord(0, value, key=b"a")
    delivery: Delivery = delivery_of(HERE, [record], "source", FakeFlow({HERE: 1}))
    applying = asyncio.create_task(agent.apply(delivery, delivery.records))
    await encoder.asked.wait()

    now[0] += 500
    assert delivery.progress.idle_s() == 0
    quiet_s[0] = 400
    assert delivery.progress.idle_s() == 400
    encoder.serve.set()
    with pytest.raises(asyncio.CancelledError):
        await applying
