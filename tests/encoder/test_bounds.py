"""Callers beyond the bound, and callers that are cancelled."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from stream.encoder import Lane
from stream.encoder.contract import Rows
from stream.errors import Overloaded
from stream.kafka.deliveries import Delivery, TopicPartition
from stream.kafka.patience import Patience
from tests.encoder.callers import occupy, waiting
from tests.encoder.parts import DIMENSION, Gate, running
from tests.kafka.fakes import TOPIC, FakeFlow, FakeHealth, chunk


async def test_a_full_lane_is_overloaded_and_leaves_nothing_behind() -> None:
    gate = Gate()
    async with running(gate, queue_texts=3) as encoder:
        first = await occupy(encoder, gate)
        held = asyncio.create_task(encoder.encode(["a", "b"]))
        await waiting(encoder, Lane.EVENTS, 2)

        with pytest.raises(Overloaded, match=r"2 texts wait in lane events, 2 more .* in 3"):
            await encoder.encode(["c", "d"])
        assert encoder.waiting(Lane.EVENTS) == 2
        other_lane = asyncio.create_task(encoder.encode(["c", "d"], Lane.ITEMS))
        joined = asyncio.create_task(encoder.encode(["a", "b", "occupying"]))
        gate.let_go()
        await asyncio.gather(first, held, other_lane, joined)

        assert (await encoder.encode(["c", "d"])).shape == (2, DIMENSION)


async def test_a_call_beyond_the_bound_gets_through_alone() -> None:
    async with running(Gate(open_=True), queue_texts=3) as encoder:
        rows = await encoder.encode([str(n) for n in range(20)])

    assert rows.shape == (20, DIMENSION)


async def test_a_cancelled_caller_frees_its_place() -> None:
    gate = Gate()
    async with running(gate, queue_texts=2) as encoder:
        first = await occupy(encoder, gate)
        gone = asyncio.create_task(encoder.encode(["gone1", "gone2"]))
        await waiting(encoder, Lane.EVENTS, 2)
        gone.cancel()
        await asyncio.wait([gone])
        assert encoder.waiting(Lane.EVENTS) == 0
        later = asyncio.create_task(encoder.encode(["later"]))
        await waiting(encoder, Lane.EVENTS, 1)
        gate.let_go()
        await asyncio.gather(first, later)

    assert gate.texts_run == 2


async def test_a_cancelled_caller_takes_nothing_from_another() -> None:
    gate = Gate()
    async with running(gate) as encoder:
        first = await occupy(encoder, gate)
        gone = asyncio.create_task(encoder.encode(["shared", "gone"]))
        stays = asyncio.create_task(encoder.encode(["shared", "occupying"]))
        await waiting(encoder, Lane.EVENTS, 2)
        await asyncio.sleep(0)
        for task in (gone, first):
            task.cancel()
        await asyncio.wait([gone, first])
        gate.let_go()

        assert (await stays).shape == (2, DIMENSION)
    assert gate.texts_run == 2


async def test_overload_is_back_pressure_in_the_pipeline_and_never_a_drop() -> None:
    """The step is tried again, its partition waits, and readiness does not suffer."""
    gate, health, flow = Gate(), FakeHealth(), FakeFlow({TopicPartition(TOPIC, 0): 1})
    made = chunk(0, 3)
    delivery = Delivery(TOPIC, 0, made.records, "s", made.epoch, made.span, flow)
    patience = Patience(health, shortest_s=0.0005, longest_s=0.001)
    overloads: list[Overloaded] = []

    async with running(gate, queue_texts=2) as encoder:

        async def step() -> Rows:
            try:
                return await encoder.encode(["c", "d"])
            except Overloaded as error:
                overloads.append(error)
                if len(overloads) == 3:
                    gate.let_go()
                raise

        first = await occupy(encoder, gate)
        held = asyncio.create_task(encoder.encode(["a", "b"]))
        await waiting(encoder, Lane.EVENTS, 2)
        rows = await patience(delivery, "encoder", step)
        await asyncio.gather(first, held)

    assert rows.shape == (2, DIMENSION)
    assert len(overloads) >= 3
    assert gate.texts_run == 5
    assert health.said == []


@pytest.mark.parametrize("seed", range(5))
async def test_any_mix_of_callers_ends_and_leaves_nothing(seed: int) -> None:
    """Callers of both lanes over few texts, some cancelled at any moment, some overloaded."""
    rng = np.random.default_rng(seed)
    async with running(Gate(open_=True), Gate(open_=True), queue_texts=12) as encoder:
        alone = {f"text {n}": (await encoder.encode([f"text {n}"]))[0] for n in range(20)}

        async def call() -> None:
            texts = [f"text {n}" for n in rng.integers(0, 20, size=6)]
            rows = await encoder.encode(texts, Lane(int(rng.integers(2))))
            np.testing.assert_array_equal(rows, np.stack([alone[text] for text in texts]))

        calls = []
        for _ in range(60):
            calls.append(asyncio.create_task(call()))
            await asyncio.sleep(0)
            if rng.random() < 0.3:
                calls[int(rng.integers(len(calls)))].cancel()
        results = await asyncio.gather(*calls, return_exceptions=True)

        allowed = (type(None), Overloaded, asyncio.CancelledError)
        assert [result for result in results if not isinstance(result, allowed)] == []
        assert any(result is None for result in results)
        assert [encoder.waiting(lane) for lane in Lane] == [0, 0]
        assert (await encoder.encode(list(alone))).shape == (20, DIMENSION)
