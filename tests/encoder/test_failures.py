"""Whose call fails when a text, a session or an observer breaks, and at the end."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from numpy.typing import NDArray

from stream.encoder import Encoder, Lane
from stream.errors import Broken, Unavailable
from tests.encoder.callers import occupy, waiting
from tests.encoder.parts import DIMENSION, Gate, opened_parts, running


async def test_a_text_that_breaks_the_session_fails_its_caller_only() -> None:
    gate = Gate()
    async with running(gate) as encoder:
        first = await occupy(encoder, gate)
        bad = asyncio.create_task(encoder.encode(["good one", "poison pill"]))
        good = asyncio.create_task(encoder.encode(["good two"]))
        await waiting(encoder, Lane.EVENTS, 3)
        gate.let_go()
        results = await asyncio.gather(first, bad, good, return_exceptions=True)

        assert isinstance(results[1], RuntimeError)
        assert isinstance(results[2], np.ndarray)
        assert (await encoder.encode(["good one"])).shape == (1, DIMENSION)


async def test_a_breaking_text_is_found_by_halving() -> None:
    """One poison text among 64 must not hold the session up for 64 runs."""
    gate = Gate()
    async with running(gate, batch_tokens=1024) as encoder:
        first = await occupy(encoder, gate)
        texts = [f"word {n}" for n in range(63)]
        bad = asyncio.create_task(encoder.encode([*texts, "poison"]))
        await waiting(encoder, Lane.EVENTS, 64)
        gate.let_go()
        _, failed = await asyncio.gather(first, bad, return_exceptions=True)

        assert isinstance(failed, RuntimeError)
        assert (await encoder.encode(texts)).shape == (63, DIMENSION)
    assert len(gate.batches) < 20


async def test_a_session_that_runs_nothing_any_more_is_no_text_s_fault() -> None:
    """A lost GPU failed text after text, and each was buried as a bug of its own."""

    class Dead:
        def run(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
            raise RuntimeError("CUDA failure 700")

    async with running(Dead()) as encoder:
        calls = [encoder.encode([f"innocent {n}"]) for n in range(4)]
        found = await asyncio.gather(*calls, return_exceptions=True)

        assert [type(each) for each in found] == [Broken] * 4
        with pytest.raises(Broken, match="CUDA failure 700"):
            await encoder.encode(["later"])


async def test_a_text_that_breaks_the_tokenizer_fails_its_caller_only() -> None:
    async with running(Gate(open_=True)) as encoder:
        bad, good = await asyncio.gather(
            encoder.encode(["unreadable", "fine"]), encoder.encode(["good"]), return_exceptions=True
        )

        assert isinstance(bad, ValueError)
        assert isinstance(good, np.ndarray)
        assert encoder.waiting(Lane.EVENTS) == 0


async def test_close_leaves_nobody_waiting() -> None:
    gate = Gate()
    async with running(gate) as encoder:
        calls = [await occupy(encoder, gate)]
        calls += [
            asyncio.create_task(encoder.encode([f"{n}"], lane)) for n, lane in enumerate(Lane)
        ]
        await waiting(encoder, Lane.ITEMS, 1)
        closing = asyncio.create_task(encoder.close())
        results = await asyncio.gather(*calls, return_exceptions=True)
        gate.let_go()
        await closing

        assert [type(result) for result in results] == [Unavailable] * 3


async def test_a_bug_in_an_observer_leaves_nobody_waiting() -> None:
    def broken(_padded: int, _real: int, _seconds: float) -> None:
        raise ZeroDivisionError

    gate = Gate()
    async with running(gate, on_batch=broken) as encoder:
        first = await occupy(encoder, gate)
        second = asyncio.create_task(encoder.encode(["second"]))
        await waiting(encoder, Lane.EVENTS, 1)
        gate.let_go()
        await first

        for call in (second, encoder.encode(["third"])):
            with pytest.raises(Broken, match=r"ended by ZeroDivisionError.*start the worker again"):
                await call


async def test_an_encoder_that_was_not_started_is_unavailable() -> None:
    async with running(Gate(open_=True)) as encoder:
        parts = (encoder.manifest, encoder._tokenizer, opened_parts([Gate()]))
    idle = Encoder(*parts, cache_bytes=0, queue_texts=1)

    with pytest.raises(Unavailable, match="not started"):
        await idle.encode(["a"])
    await idle.close()
