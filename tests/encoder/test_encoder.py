"""Callers that share sessions: order, bounds, cancellation, errors, end."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from numpy.typing import NDArray

from stream.encoder import Encoder, Lane, Role
from stream.encoder.contract import Rows
from stream.encoder.manifest import Prefixes
from stream.errors import Broken, Overloaded, Unavailable
from stream.kafka.deliveries import Delivery, TopicPartition
from stream.kafka.patience import Patience
from tests.encoder.parts import DIMENSION, TINY, Gate, opened, opened_parts, running
from tests.kafka.fakes import TOPIC, FakeFlow, FakeHealth, chunk

ENTRY_BYTES = 10_000


async def occupy(encoder: Encoder, gate: Gate) -> asyncio.Task[object]:
    """Start a call that holds the only session until the gate opens."""
    task: asyncio.Task[object] = asyncio.create_task(encoder.encode(["occupying"]))
    await asyncio.to_thread(gate.await_run)
    return task


async def waiting(encoder: Encoder, lane: Lane, count: int) -> None:
    """Let other tasks go on until so many texts wait."""
    while encoder.waiting(lane) != count:  # noqa: ASYNC110  # the encoder has no such event
        await asyncio.sleep(0)


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


async def running_texts(gates: tuple[Gate, ...], count: int) -> None:
    while sum(gate.texts_run for gate in gates) != count:  # noqa: ASYNC110  # as `waiting`
        await asyncio.sleep(0)


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


async def test_an_encoder_that_was_not_started_is_unavailable() -> None:
    async with running(Gate(open_=True)) as encoder:
        parts = (encoder.manifest, encoder._tokenizer, opened_parts([Gate()]))
    idle = Encoder(*parts, cache_bytes=0, queue_texts=1)

    with pytest.raises(Unavailable, match="not started"):
        await idle.encode(["a"])
    await idle.close()


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
