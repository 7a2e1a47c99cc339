"""Where texts wait: admitted up to a bound, tokenised, then given out in planned batches.

Events go before items in both stages. One event loop's property: nothing here is for threads.
"""

from __future__ import annotations

import asyncio
import enum
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from stream.encoder.batches import plan, share
from stream.encoder.contract import Lane, Vector
from stream.encoder.tokens import Tokens
from stream.errors import Overloaded

TOKENISE_TEXTS = 256  # about 10 ms: an event's text never waits longer for an item load's


class Stage(enum.Enum):
    """How far a job is; what is not WAITING is passed over wherever it still stands in line."""

    WAITING = enum.auto()
    STARTED = enum.auto()
    ABANDONED = enum.auto()


@dataclass(eq=False, slots=True)
class Job:
    """One text to encode, for everybody who waits for it."""

    key: bytes
    text: str
    lane: Lane
    done: asyncio.Future[Vector]
    waiters: int = 0
    stage: Stage = Stage.WAITING
    tokens: Tokens | None = None


@dataclass(slots=True)
class _Line:
    waiting: int = 0
    fresh: deque[Job] = field(default_factory=deque)
    ready: list[Job] = field(default_factory=list)
    batches: deque[list[Job]] = field(default_factory=deque)


class Lanes:
    """Two lines of jobs, each with its own bound, so that a full one does not close the other.

    queue_texts   texts that may wait in a line
    batch_tokens  padded tokens of a batch
    sessions      how many take batches: a small load is split between them
    """

    def __init__(self, *, queue_texts: int, batch_tokens: int, sessions: int) -> None:
        self._queue_texts = queue_texts
        self._batch_tokens = batch_tokens
        self._sessions = sessions
        self._lines = {lane: _Line() for lane in Lane}
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
        self._lines[job.lane].waiting -= 1
        self._lines[lane].waiting += 1
        job.lane = lane
        if job.tokens is None:
            self._lines[lane].fresh.append(job)
            self._fresh.set()
        else:
            self.add_ready([job])

    def abandon(self, job: Job) -> None:
        """Nobody waits for the job any more: its place is free at once."""
        self._lines[job.lane].waiting -= 1
        job.stage = Stage.ABANDONED

    def add_ready(self, jobs: Sequence[Job]) -> None:
        """Jobs that have their tokens now."""
        for job in jobs:
            self._lines[job.lane].ready.append(job)
        self._ready.set()

    async def take_fresh(self) -> list[Job]:
        """The next jobs to tokenise, of one lane; waits until there are some."""
        while not (jobs := self._next_fresh()):
            self._fresh.clear()
            await self._fresh.wait()
        return jobs

    async def take_batch(self) -> list[Job]:
        """The next batch to run, its jobs started; waits until there is one."""
        while not (jobs := self._next_batch()):
            self._ready.clear()
            await self._ready.wait()
        for job in jobs:
            self._lines[job.lane].waiting -= 1
            job.stage = Stage.STARTED
        return jobs

    def _next_fresh(self) -> list[Job]:
        for line in self._lines.values():
            jobs: list[Job] = []
            while line.fresh and len(jobs) < TOKENISE_TEXTS:
                job = line.fresh.popleft()
                if job.stage is Stage.WAITING and job.tokens is None:
                    jobs.append(job)
            if jobs:
                return jobs
        return []

    def _next_batch(self) -> list[Job]:
        for line in self._lines.values():
            while line.batches or line.ready:
                if not line.batches:
                    self._plan(line)
                    continue
                jobs = [job for job in line.batches.popleft() if job.stage is Stage.WAITING]
                if jobs:
                    return jobs
        return []

    def _plan(self, line: _Line) -> None:
        """Plan everything that is ready as one wave: what comes later waits for the next, so
        nothing is overtaken for ever."""
        ready, line.ready = line.ready, []
        jobs = [job for job in ready if job.stage is Stage.WAITING]
        lengths = [len(job.tokens) for job in jobs if job.tokens is not None]
        budget = share(lengths, self._sessions, self._batch_tokens)
        line.batches.extend([jobs[i] for i in batch] for batch in plan(lengths, budget))
