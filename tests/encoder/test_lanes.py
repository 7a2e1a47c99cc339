"""Order and bounds of what waits, without threads or sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from stream.encoder.contract import Lane
from stream.encoder.lanes import EVENTS_IN_ROW, TOKENISE_TEXTS, Job, Lanes, Stage
from stream.encoder.tokens import Tokens
from stream.errors import Overloaded


class Clock:
    """An event loop's clock that the test moves on."""

    def __init__(self) -> None:
        self.now = 100.0
        self.alarms: list[tuple[float, Callable[[], Any]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], Any], /) -> None:
        self.alarms.append((self.now + delay, callback))

    def go_on(self, seconds: float) -> None:
        self.now += seconds
        due = [alarm for alarm in self.alarms if alarm[0] <= self.now]
        self.alarms = [alarm for alarm in self.alarms if alarm not in due]
        for _, callback in due:
            callback()


def lanes(
    *,
    queue_texts: int = 1000,
    batch_tokens: int = 64,
    sessions: int = 1,
    max_wait_s: float = 0.0,
    timer: Clock | None = None,
) -> Lanes:
    return Lanes(
        queue_texts=queue_texts,
        batch_tokens=batch_tokens,
        sessions=sessions,
        max_wait_s=max_wait_s,
        timer=timer,
    )


def job(text: str, lane: Lane = Lane.EVENTS) -> Job:
    return Job(text.encode(), text, lane)


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


async def test_the_oldest_text_goes_next_and_takes_along_those_nearest_in_length() -> None:
    """Nothing is overtaken for ever, and newcomers fill its batch."""
    queue = lanes()
    old, *rest = [job(f"{n}") for n in range(5)]
    for each, length in zip((old, *rest), (8, 60, 9, 60, 8), strict=True):
        tokenise([each], length)
        queue.admit([each])
        queue.add_ready([each])

    assert texts(await queue.take_batch()) == ["0", "2", "4"]
    assert texts(await queue.take_batch()) == ["1"]
    newcomer = job("new")
    queue.admit([newcomer])
    queue.add_ready(tokenise([newcomer], length=8))
    assert texts(await queue.take_batch()) == ["3"]
    assert texts(await queue.take_batch()) == ["new"]


async def test_a_newcomer_joins_what_was_planned_before_it_came() -> None:
    queue = lanes()
    queue.admit([job(str(n)) for n in range(10)])
    await pass_on(queue)
    assert len(await queue.take_batch()) == 8
    queue.admit([job(str(n)) for n in range(10, 14)])
    await pass_on(queue)

    assert len(await queue.take_batch()) == 6


async def test_a_small_load_is_shared_by_the_idle_sessions_only() -> None:
    idle, busy = lanes(batch_tokens=512, sessions=2), lanes(batch_tokens=512, sessions=2)
    busy.admit([job("occupying")])
    await pass_on(busy)
    await busy.take_batch()
    for queue in (idle, busy):
        queue.admit([job(str(n)) for n in range(20)])
        await pass_on(queue)

    assert [len(await idle.take_batch()) for _ in range(2)] == [10, 10]
    assert len(await busy.take_batch()) == 20
    busy.finished()
    busy.admit([job(f"again{n}") for n in range(20)])
    await pass_on(busy)
    assert len(await busy.take_batch()) == 20


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
    queue.add_ready(tokenise(jobs[:1], length=60) + tokenise(jobs[1:]))
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


# --- waiting for a fuller batch


async def test_a_batch_is_begun_ahead_only_where_every_session_will_still_find_one() -> None:
    queue = lanes(batch_tokens=16, sessions=2)
    await put(queue, "a", "b", "c", "d", "e")
    assert texts(queue.take_now()) == ["a", "b"]
    assert queue.take_now(ahead=True) == []  # three of 8 tokens are less than two batches
    await put(queue, "f")
    assert texts(queue.take_now(ahead=True)) == ["c", "d"]
    assert queue.take_now(ahead=True) == []


async def test_items_are_not_begun_ahead_so_that_events_wait_for_one_batch_of_them() -> None:
    queue = lanes(batch_tokens=16)
    await put(queue, *"abcdef", lane=Lane.ITEMS)
    assert queue.take_now(ahead=True) == []


async def test_what_left_the_line_does_not_count_as_waiting_to_be_begun_ahead() -> None:
    queue = lanes(batch_tokens=16)
    await put(queue, "gone")
    (gone,) = queue.take_now()
    late, item = job("late"), job("item", Lane.ITEMS)
    queue.admit([late, item])
    await pass_on(queue)
    await pass_on(queue)
    queue.promote(item, Lane.EVENTS)
    queue.abandon(late)
    assert gone.stage is Stage.STARTED
    assert queue.take_now(ahead=True) == []  # the promoted one waits alone
    await put(queue, "new")
    assert texts(queue.take_now(ahead=True)) == ["item", "new"]


async def put(queue: Lanes, *names: str, length: int = 8, lane: Lane = Lane.EVENTS) -> None:
    jobs = [job(name, lane) for name in names]
    queue.admit(jobs)
    queue.add_ready(tokenise(jobs, length))


@pytest.fixture
async def clock() -> Clock:
    return Clock()


@pytest.fixture
async def patient(clock: Clock) -> Lanes:
    """Two sessions, one of them running; a batch that is not full waits 0.5 s for more."""
    queue = lanes(sessions=2, max_wait_s=0.5, timer=clock)
    await put(queue, "running")
    assert texts(queue.take_now()) == ["running"]
    return queue


async def test_with_everything_idle_a_text_starts_at_once(clock: Clock) -> None:
    queue = lanes(sessions=2, max_wait_s=0.5, timer=clock)
    await put(queue, "a")

    assert texts(queue.take_now()) == ["a"]


async def test_without_a_wait_a_text_starts_while_others_run(clock: Clock) -> None:
    queue = lanes(sessions=2, timer=clock)
    await put(queue, "running")
    queue.take_now()
    await put(queue, "a")

    assert texts(queue.take_now()) == ["a"]
    assert clock.alarms == []


async def test_an_unfull_batch_waits_for_more_and_goes_when_it_is_full(patient: Lanes) -> None:
    await put(patient, "a")
    assert patient.take_now() == []
    await put(patient, *"bcdefg")
    assert patient.take_now() == []
    await put(patient, "h")

    assert texts(patient.take_now()) == list("abcdefgh")


async def test_the_oldest_text_waits_no_longer_than_it_may(patient: Lanes, clock: Clock) -> None:
    await put(patient, "a")
    assert patient.take_now() == []
    clock.go_on(0.3)
    await put(patient, "b")
    clock.go_on(0.19)
    assert patient.take_now() == []
    clock.go_on(0.02)

    assert texts(patient.take_now()) == ["a", "b"]


async def test_a_text_that_has_waited_for_a_session_does_not_wait_again(
    patient: Lanes, clock: Clock
) -> None:
    await put(patient, "a")
    clock.go_on(0.6)

    assert texts(patient.take_now()) == ["a"]


async def test_when_the_last_run_ends_nobody_waits(patient: Lanes) -> None:
    await put(patient, "a")
    assert patient.take_now() == []
    patient.finished()

    assert texts(patient.take_now()) == ["a"]


async def test_items_do_not_jump_the_queue_of_events_that_wait(patient: Lanes) -> None:
    """A run of items would make the events wait longer than the wait they are given."""
    await put(patient, "event")
    await put(patient, *"abcdefgh", lane=Lane.ITEMS)

    assert patient.take_now() == []


async def test_who_waits_for_a_batch_is_woken_by_the_clock(patient: Lanes, clock: Clock) -> None:
    taking = asyncio.create_task(patient.take_batch())
    await asyncio.sleep(0)
    await put(patient, "a")
    while not clock.alarms:  # noqa: ASYNC110  # the clock is the test's own
        await asyncio.sleep(0)
    clock.go_on(0.5)

    assert texts(await taking) == ["a"]


async def test_who_waits_for_a_batch_is_woken_by_the_end_of_the_last_run(
    patient: Lanes, clock: Clock
) -> None:
    taking = asyncio.create_task(patient.take_batch())
    await asyncio.sleep(0)
    await put(patient, "a")
    while not clock.alarms:  # noqa: ASYNC110  # the clock is the test's own
        await asyncio.sleep(0)
    patient.finished()

    assert texts(await taking) == ["a"]


async def test_items_get_on_however_many_events_there_are() -> None:
    """A backlog of reviews kept items out until the watchdog ended the worker."""
    queue = lanes(batch_tokens=8)
    queue.admit(items := [job(f"item {n}", Lane.ITEMS) for n in range(3)])
    queue.add_ready(tokenise(items))
    taken: list[Job] = []
    for number in range(40):
        queue.admit(event := [job(f"event {number}")])
        queue.add_ready(tokenise(event))
        taken += await queue.take_batch()
        queue.finished()

    assert [each.lane for each in taken[:EVENTS_IN_ROW]] == [Lane.EVENTS] * EVENTS_IN_ROW
    assert {each.text for each in items} <= set(texts(taken))


async def test_items_are_tokenised_however_many_events_there_are() -> None:
    queue = lanes(queue_texts=100_000)
    queue.admit([job("item", Lane.ITEMS)])
    taken: list[Job] = []
    for turn in range(40):
        queue.admit([job(f"{turn}/{n}") for n in range(TOKENISE_TEXTS)])
        taken += await queue.take_fresh()

    assert "item" in texts(taken)
