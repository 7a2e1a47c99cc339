"""Callers that share sessions: what is run once, and in which batches."""

from __future__ import annotations

import asyncio

import numpy as np

from stream.encoder import Lane, Role
from stream.encoder.manifest import Prefixes
from tests.encoder.callers import occupy, running_texts, waiting
from tests.encoder.parts import TINY, Gate, opened, running

ENTRY_BYTES = 10_000


async def test_equal_texts_of_one_call_are_run_once() -> None:
    gate = Gate(open_=True)
    async with running(gate) as encoder:
        rows = await encoder.encode(["a", "b", "a", "a"])

    assert gate.texts_run == 2
    np.testing.assert_array_equal(rows[0], rows[3])


async def test_blank_texts_are_one_text() -> None:
    gate = Gate(open_=True)
    async with running(gate) as encoder:
        await encoder.encode(["", " ", "\n"])

    assert gate.texts_run == 1


async def test_equal_texts_of_two_callers_are_run_once() -> None:
    gate = Gate()
    async with running(gate) as encoder:
        first = await occupy(encoder, gate)
        second = asyncio.create_task(encoder.encode(["occupying", "other"]))
        await waiting(encoder, Lane.EVENTS, 1)
        gate.let_go()
        await asyncio.gather(first, second)

    assert gate.texts_run == 2


async def test_what_was_encoded_comes_from_the_cache() -> None:
    gate = Gate(open_=True)
    async with running(gate, cache_bytes=ENTRY_BYTES) as encoder:
        first = await encoder.encode(["a", "b"])
        again = await encoder.encode(["b", "a"])

        assert gate.texts_run == 2
        assert (encoder.counts.cache_hits, encoder.counts.cache_misses) == (2, 2)
    np.testing.assert_array_equal(first, again[::-1])


async def test_without_prefixes_both_roles_are_one_text() -> None:
    gate = Gate(open_=True)
    async with running(gate, cache_bytes=ENTRY_BYTES) as encoder:
        await encoder.encode(["a"], role=Role.QUERY)
        await encoder.encode(["a"], role=Role.PASSAGE)

    assert gate.texts_run == 1


async def test_prefixed_texts_are_kept_apart_by_role() -> None:
    """The cache knows a text by what the model saw, not by what the caller said."""
    gate = Gate(open_=True)
    async with running(gate, cache_bytes=ENTRY_BYTES, prefixes=Prefixes("ask ", "")) as encoder:
        query = await encoder.encode(["a"], role=Role.QUERY)
        passage = await encoder.encode(["a", "ask a"], role=Role.PASSAGE)

    assert gate.texts_run == 2
    assert not np.array_equal(query[0], passage[0])
    np.testing.assert_array_equal(query[0], passage[1])


async def test_texts_of_many_callers_run_in_one_batch() -> None:
    gate = Gate()
    async with running(gate) as encoder:
        first = await occupy(encoder, gate)
        calls = [asyncio.create_task(encoder.encode([f"text {n}"])) for n in range(8)]
        await waiting(encoder, Lane.EVENTS, 8)
        gate.let_go()
        await asyncio.gather(first, *calls)

    assert gate.batches[-1].shape[0] > 1
    assert gate.texts_run == 9


async def test_a_call_uses_every_session() -> None:
    gates = Gate(), Gate()
    async with running(*gates) as encoder:
        call = asyncio.create_task(encoder.encode([f"{'word ' * 9}{n}" for n in range(20)]))
        for gate in gates:
            await asyncio.to_thread(gate.await_run)
            gate.let_go()
        await call


async def test_both_lanes_are_served() -> None:
    gate = Gate()
    async with running(gate) as encoder:
        first = await occupy(encoder, gate)
        items = asyncio.create_task(encoder.encode(["item1", "shared"], Lane.ITEMS))
        await waiting(encoder, Lane.ITEMS, 2)
        events = asyncio.create_task(encoder.encode(["event1", "shared"], Lane.EVENTS))
        await waiting(encoder, Lane.EVENTS, 2)
        assert encoder.waiting(Lane.ITEMS) == 1
        gate.let_go()
        await asyncio.gather(first, items, events)
        assert (encoder.waiting(Lane.EVENTS), encoder.waiting(Lane.ITEMS)) == (0, 0)

    assert gate.texts_run == 4


async def test_the_next_batch_begins_before_the_results_of_the_last_go_out() -> None:
    """Or the session idles while a hundred callers are told."""
    gate = Gate()

    def note(_padded: int, _real: int, _seconds: float) -> None:
        if len(seen) == 0:
            gate.await_run()
        seen.append(len(gate.batches))

    seen: list[int] = []
    async with running(gate, on_batch=note) as encoder:
        first = await occupy(encoder, gate)
        second = asyncio.create_task(encoder.encode(["second"]))
        await waiting(encoder, Lane.EVENTS, 1)
        gate.let_go()
        await asyncio.gather(first, second)

    assert seen[0] == 2


async def test_a_batch_is_begun_while_another_runs_where_enough_waits() -> None:
    """Then the session goes from one to the next while the event loop is busy elsewhere."""
    gate = Gate()

    def note(_padded: int, _real: int, _seconds: float) -> None:
        if len(seen) == 0:
            gate.await_run()
            gate.await_run()
        seen.append(len(gate.batches))

    seen: list[int] = []
    async with running(gate, batch_tokens=64, on_batch=note) as encoder:
        first = await occupy(encoder, gate)
        many = asyncio.create_task(encoder.encode([f"text {number}" for number in range(50)]))
        await waiting(encoder, Lane.EVENTS, 50)
        for _ in range(10):  # until they have their tokens
            await asyncio.sleep(0)
        gate.let_go()
        await asyncio.gather(first, many)

    assert seen[0] == 3


async def test_a_batch_may_wait_while_another_session_runs_and_no_longer() -> None:
    gates = Gate(), Gate()
    async with running(*gates, max_wait_ms=1e9) as encoder:
        first = asyncio.create_task(encoder.encode(["occupying"]))
        await running_texts(gates, 1)
        second = asyncio.create_task(encoder.encode(["second"]))
        await waiting(encoder, Lane.EVENTS, 1)
        for _ in range(50):
            await asyncio.sleep(0)
        assert encoder.waiting(Lane.EVENTS) == 1
        for gate in gates:
            gate.let_go()
        await asyncio.gather(first, second)


async def test_long_texts_are_cut_and_counted_once() -> None:
    encoder = await opened(TINY)  # a token a letter, at most 256 with the two special ones
    await encoder.encode(["a" * 90 + " " + "b" * 90 + " " + "c" * 90, "short"])
    await encoder.encode(["short", "a" * 90 + " " + "b" * 90 + " " + "c" * 90])
    assert encoder.counts.cut_texts == 1
    await encoder.close()


async def test_observers_see_padded_and_real_tokens_of_each_run() -> None:
    seen: list[tuple[int, int]] = []

    def note(padded: int, real: int, seconds: float) -> None:
        assert seconds >= 0
        seen.append((padded, real))

    async with running(Gate(open_=True), on_batch=note) as encoder:
        await encoder.encode(["one two three", "one"])

    assert seen == [(8, 6)]
