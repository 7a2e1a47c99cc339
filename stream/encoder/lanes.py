"""Where texts wait: admitted up to a bound, tokenised, then given out in planned batches.

Events go before items in both stages, but for one turn in `EVENTS_IN_ROW` + 1. One event loop's
property: nothing here is for threads.
"""

from __future__ import annotations

import asyncio
import enum
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

from stream.encoder.batches import ANY_SHAPE, Shapes, plan, share
from stream.encoder.contract import Lane, Vector
from stream.encoder.tokens import Tokens
from stream.errors import Overloaded

TOKENISE_TEXTS = 256  # about 10 ms: an event's text never waits longer for an item load's
PLAN_TEXTS = 256  # planned together, or as many short ones as fill a batch
SHORT_TOKENS = 8
EVENTS_IN_ROW = 8  # then items have a turn, or a backlog of reviews would keep them out for ever


class Stage(enum.Enum):
    """How far a job is; what is not WAITING is passed over wherever it still stands in line."""

    WAITING = enum.auto()
    STARTED = enum.auto()
    ABANDONED = enum.auto()


@dataclass(eq=False, slots=True)
class Call:
    """A caller that waits for `left` more of its jobs."""

    done: asyncio.Future[None]
    left: int

    def one_less(self) -> None:
        self.left -= 1
        if self.left == 0 and not self.done.done():
            self.done.set_result(None)


@dataclass(eq=False, slots=True)
class Job:
    """One text to encode, for every call that waits for it; at its end it has a row or an error.

    length  tokens that it takes in a batch, padded to a shape that the session likes
    """

    key: bytes
    text: str
    lane: Lane
    calls: list[Call] = field(default_factory=list)
    stage: Stage = Stage.WAITING
    tokens: Tokens | None = None
    length: int = 0
    ready_at: float = 0.0
    row: Vector | None = None
    error: Exception | None = None

    @property
    def ended(self) -> bool:
        return self.row is not None or self.error is not None

    def end(self, row: Vector | None, error: Exception | None = None) -> None:
        """Tell every call; a second end changes nothing."""
        if self.ended:
            return
        self.row, self.error = row, error
        for call in self.calls:
            call.one_less()


class Timer(Protocol):
    """What is needed of an event loop's clock."""

    def time(self) -> float: ...

    def call_later(self, delay: float, callback: Callable[[], Any], /) -> Any: ...


@dataclass(slots=True)
class _Line:
    """Jobs in order of arrival; `batches` are a plan of the first of `ready`, unless `stale`.

    waiting  its jobs that no session has begun
    tokens   of those among them that are ready
    """

    waiting: int = 0
    tokens: int = 0
    fresh: deque[Job] = field(default_factory=deque)
    ready: deque[Job] = field(default_factory=deque)
    batches: list[list[Job]] = field(default_factory=list)
    stale: bool = False


@dataclass(slots=True)
class _Turns:
    """Which lane goes first: events, until they have had all turns for a while."""

    events_in_row: int = 0

    def order(self) -> list[Lane]:
        if self.events_in_row < EVENTS_IN_ROW:
            return [Lane.EVENTS, Lane.ITEMS]
        return [Lane.ITEMS, Lane.EVENTS]

    def took(self, lane: Lane) -> None:
        self.events_in_row = self.events_in_row + 1 if lane is Lane.EVENTS else 0


class Lanes:
    """Two lines of jobs, each with its own bound, so that a full one does not close the other.

    queue_texts   texts that may wait in a line
    batch_tokens  padded tokens of a batch
    sessions      how many take batches: a small load is split between those that are idle
    max_wait_s    how long a text may wait for others to fill a batch while a session is idle and
                  another one runs; 0: not at all
    shapes        to which a batch will be padded
    timer         the running event loop's, or a test's
    """

    def __init__(
        self,
        *,
        queue_texts: int,
        batch_tokens: int,
        sessions: int,
        max_wait_s: float = 0.0,
        shapes: Shapes = ANY_SHAPE,
        timer: Timer | None = None,
    ) -> None:
        self._queue_texts = queue_texts
        self._batch_tokens = batch_tokens
        self._sessions = sessions
        self._max_wait_s = max_wait_s
        self._shapes = shapes
        self._timer = timer
        self._plan_texts = max(PLAN_TEXTS, batch_tokens // SHORT_TOKENS)
        self._running = 0
        self._alarm: object = None
        self._lines = {lane: _Line() for lane in Lane}
        self._turns_fresh, self._turns_ready = _Turns(), _Turns()
        self._fresh = asyncio.Event()
        self._ready = asyncio.Event()

    def waiting(self, lane: Lane) -> int:
        """Texts of a lane that no session has begun."""
        return self._lines[lane].waiting

    def require_room(self, count: int, lane: Lane) -> None:
        """Raises Overloaded if `count` more texts do not fit. More than the bound at once are let
        in when nobody waits, or such a call could never succeed."""
        waiting = self.waiting(lane)
        if waiting and waiting + count > self._queue_texts:
            raise Overloaded(
                "encoder",
                f"{waiting} texts wait in lane {lane.name.lower()}, {count} more do not fit in "
                f"{self._queue_texts} (INTERESTREAM_ENCODER_QUEUE_TEXTS): try again later",
            )

    def admit(self, jobs: Sequence[Job]) -> None:
        """Put new jobs at the end of their lines."""
        for job in jobs:
            self._lines[job.lane].waiting += 1
            self._lines[job.lane].fresh.append(job)
        self._fresh.set()

    def promote(self, job: Job, lane: Lane) -> None:
        """Let a waiting job also stand in a faster line; whichever comes first has it."""
        if lane >= job.lane or job.stage is not Stage.WAITING:
            return
        self._leave(job)
        self._lines[lane].waiting += 1
        job.lane = lane
        if job.tokens is None:
            self._lines[lane].fresh.append(job)
            self._fresh.set()
        else:
            self.add_ready([job])

    def abandon(self, job: Job) -> None:
        """Nobody waits for the job any more: its place is free at once."""
        self._leave(job)
        job.stage = Stage.ABANDONED

    def add_ready(self, jobs: Sequence[Job]) -> None:
        """Jobs that have their tokens now."""
        now = self._time() if self._max_wait_s else 0.0
        for job in jobs:
            job.ready_at = now
            job.length = self._shapes.length(len(job.tokens)) if job.tokens is not None else 0
            line = self._lines[job.lane]
            line.ready.append(job)
            line.stale = True
            if job.stage is Stage.WAITING:
                line.tokens += job.length
        self._ready.set()

    async def take_fresh(self) -> list[Job]:
        """The next jobs to tokenise, of one lane; waits until there are some."""
        while not (jobs := self._next_fresh()):
            self._fresh.clear()
            await self._fresh.wait()
        return jobs

    async def take_batch(self) -> list[Job]:
        """The next batch to run, its jobs started; waits until there is one."""
        while not (jobs := self.take_now()):
            self._ready.clear()
            await self._ready.wait()
        return jobs

    def take_now(self, *, ahead: bool = False) -> list[Job]:
        """The next batch to run, its jobs started; nothing where there is none, or one that waits
        to become fuller. A session that takes one owes a `finished`.

        ahead  for a session that still runs another: nothing unless so many events wait that
               every session will find a full batch when it is free
        """
        enough = self._sessions * self._batch_tokens if ahead else 0
        jobs = self._next_batch() if self._lines[Lane.EVENTS].tokens >= enough else []
        if jobs:
            self._running += 1
            self._ready.set()  # an idle session may take what is left
        for job in jobs:
            self._leave(job)
            job.stage = Stage.STARTED
        return jobs

    def finished(self) -> None:
        """A batch that was taken has been run."""
        self._running -= 1
        self._ready.set()  # with nothing running nobody waits for a fuller batch

    def _leave(self, job: Job) -> None:
        line = self._lines[job.lane]
        line.waiting -= 1
        line.tokens -= job.length

    def _next_fresh(self) -> list[Job]:
        for lane in self._turns_fresh.order():
            line = self._lines[lane]
            jobs: list[Job] = []
            while line.fresh and len(jobs) < TOKENISE_TEXTS:
                job = line.fresh.popleft()
                if job.stage is Stage.WAITING and job.tokens is None:
                    jobs.append(job)
            if jobs:
                self._turns_fresh.took(lane)
                return jobs
        return []

    def _next_batch(self) -> list[Job]:
        """The batch of the oldest text: it takes along those nearest in length, and nothing is
        overtaken for ever."""
        for lane in self._turns_ready.order():
            line = self._lines[lane]
            oldest = _oldest(line)
            if oldest is None:
                continue
            if self._max_wait_s and self._holds(line, oldest):
                return []
            self._turns_ready.took(lane)
            return self._batch_of(line, oldest)
        return []

    def _batch_of(self, line: _Line, oldest: Job) -> list[Job]:
        if line.stale or not any(oldest in batch for batch in line.batches):
            self._plan(line)
        batch = next(batch for batch in line.batches if oldest in batch)
        line.batches.remove(batch)
        return [job for job in batch if job.stage is Stage.WAITING]

    def _plan(self, line: _Line) -> None:
        jobs = self._window(line)
        lengths = [job.length for job in jobs]
        budget = share(lengths, max(1, self._sessions - self._running), self._batch_tokens)
        line.batches = [[jobs[i] for i in batch] for batch in plan(lengths, budget)]
        line.stale = False

    def _window(self, line: _Line) -> list[Job]:
        live = (job for job in line.ready if job.stage is Stage.WAITING)
        return list(islice(live, self._plan_texts))

    def _holds(self, line: _Line, oldest: Job) -> bool:
        """Whether a batch should wait for more: it is not full, and to wait costs no time that
        the oldest text has not got to give."""
        left_s = oldest.ready_at + self._max_wait_s - self._time()
        if self._running == 0 or left_s <= 0:
            return False
        if line.tokens >= self._batch_tokens:
            return False
        if self._alarm is None:
            self._alarm = self._clock().call_later(left_s, self._wake)
        return True

    def _wake(self) -> None:
        self._alarm = None
        self._ready.set()

    def _time(self) -> float:
        return self._clock().time()

    def _clock(self) -> Timer:
        return self._timer or asyncio.get_running_loop()


def _oldest(line: _Line) -> Job | None:
    while line.ready and line.ready[0].stage is not Stage.WAITING:
        line.ready.popleft()
    return line.ready[0] if line.ready else None
