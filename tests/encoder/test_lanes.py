"""Order and bounds of what waits, without threads or sessions."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from stream.encoder.contract import Lane
from stream.encoder.lanes import TOKENISE_TEXTS, Job, Lanes
from stream.encoder.tokens import Tokens
from stream.errors import Overloaded


def lanes(*, queue_texts: int = 1000, batch_tokens: int = 64, sessions: int = 1) -> Lanes:
    return Lanes(queue_texts=queue_texts, batch_tokens=batch_tokens, sessions=sessions)


def job(text: str, lane: Lane = Lane.EVENTS) -> Job:
    return Job(text.encode(), text, lane, asyncio.get_running_loop().create_future(), waiters=1)


def tokenise(jobs: list[Job], length: int = 8) -> list[Job]:
    for each in jobs:
        each.tokens = Tokens(np.ones(length, dtype=np.int64), cut=False)
    return jobs


async def pass_on(queue: Lanes) -> None:
    queue.add_ready(tokenise(await queue.take_fresh()))


def texts(jobs: list[Job]) -> list[str]:
    return sorted(each.text for each in jobs)


async def test_events_go_before_items_in_both_stages() -> None:
    queue = lanes()
    queue.admit([job("item", Lane.ITEMS)])
    queue.admit([job("event", Lane.EVENTS)])

    first, second = await queue.take_fresh(), await queue.take_fresh()
    assert [texts(first), texts(second)] == [["event"], ["item"]]
    queue.add_ready(tokenise(second))
    queue.add_ready(tokenise(first))
    assert texts(await queue.take_batch()) == ["event"]
    assert texts(await queue.take_batch()) == ["item"]


async def test_an_events_text_does_not_wait_for_a_whole_load_of_items() -> None:
    queue = lanes()
    queue.admit([job(f"item{n}", Lane.ITEMS) for n in range(600)])

    assert len(await queue.take_fresh()) == TOKENISE_TEXTS
    queue.admit([job("event")])
    assert texts(await queue.take_fresh()) == ["event"]


async def test_a_batch_gathers_texts_of_many_callers_within_the_budget() -> None:
    queue = lanes(batch_tokens=64)
    for n in range(10):
        queue.admit([job(str(n))])
    await pass_on(queue)

    assert len(await queue.take_batch()) == 8
    assert len(await queue.take_batch()) == 2


async def test_what_comes_later_waits_for_the_next_wave() -> None:
    """Long texts go first within a wave; over waves nothing is overtaken for ever."""
    queue = lanes()
    queue.admit([job(f"short{n}") for n in range(9)])
    await pass_on(queue)
    await queue.take_batch()
    queue.admit([job("long")])
    queue.add_ready(tokenise(await queue.take_fresh(), length=60))

    assert len(await queue.take_batch()) == 1
    assert texts(await queue.take_batch()) == ["long"]


async def test_a_promoted_job_goes_with_the_events_and_only_once() -> None:
    queue = lanes()
    fresh, ready = job("fresh", Lane.ITEMS), job("ready", Lane.ITEMS)
    queue.admit([ready])
    await pass_on(queue)
    queue.admit([fresh, job("item", Lane.ITEMS)])

    queue.promote(ready, Lane.EVENTS)
    queue.promote(fresh, Lane.EVENTS)
    queue.promote(fresh, Lane.ITEMS)

    assert (queue.waiting(Lane.EVENTS), queue.waiting(Lane.ITEMS)) == (2, 1)
    assert texts(await queue.take_batch()) == ["ready"]
    first = await queue.take_fresh()
    assert texts(first) == ["fresh"]
    queue.add_ready(tokenise(first))
    await pass_on(queue)
    assert texts(await queue.take_batch()) == ["fresh"]
    assert texts(await queue.take_batch()) == ["item"]
    assert (queue.waiting(Lane.EVENTS), queue.waiting(Lane.ITEMS)) == (0, 0)


async def test_an_abandoned_job_is_passed_over_at_every_stage() -> None:
    queue = lanes()
    fresh, ready, planned = job("fresh"), job("ready"), job("planned")
    queue.admit([job("long"), planned])
    long, _ = jobs = await queue.take_fresh()
    queue.add_ready(tokenise(jobs))
    tokenise([long], length=60)
    assert await queue.take_batch() == [long]
    queue.admit([ready])
    await pass_on(queue)
    queue.admit([fresh, job("stays")])

    for gone in (fresh, ready, planned):
        queue.abandon(gone)
    jobs = await queue.take_fresh()
    assert texts(jobs) == ["stays"]
    queue.add_ready(tokenise(jobs))

    assert texts(await queue.take_batch()) == ["stays"]
    assert queue.waiting(Lane.EVENTS) == 0


async def test_each_lane_has_its_own_bound() -> None:
    queue = lanes(queue_texts=2)
    queue.admit([job("a", Lane.ITEMS), job("b", Lane.ITEMS)])

    with pytest.raises(Overloaded):
        queue.require_room(1, Lane.ITEMS)
    queue.require_room(2, Lane.EVENTS)


async def test_takers_wake_when_there_is_something() -> None:
    queue = lanes()
    takers = [asyncio.create_task(queue.take_batch()) for _ in range(2)]
    tokenising = asyncio.create_task(pass_on(queue))
    await asyncio.sleep(0)
    queue.admit([job(str(n)) for n in range(16)])
    await tokenising

    assert [len(await taker) for taker in takers] == [8, 8]
