"""The encoder that the pipeline calls: one `encode`, shared by every agent and partition.

A call's texts are looked up in the cache and among the texts already on their way; the others
become jobs. One task tokenises jobs, one task a session runs batches of them; callers only wait
for results, so a caller that goes away takes nothing with it that another one needs.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Self

import numpy as np

from stream.encoder.cache import VectorCache, content_key
from stream.encoder.contract import Lane, Role, Rows, Vector, as_seen
from stream.encoder.lanes import Call, Job, Lanes, Stage
from stream.encoder.load import load
from stream.encoder.manifest import Manifest
from stream.encoder.providers import Name, Opened, Provider, Wanted
from stream.encoder.seat import Seat
from stream.encoder.tokens import Tokenizes, Tokens
from stream.errors import Broken, Unavailable

INLINE_CHARACTERS = 1_000  # 0.3 ms at most: to a thread and back costs about as much

BEGUN = 2  # batches of a session: one runs, one is next

OnBatch = Callable[[int, int, float], None]  # padded tokens, real tokens, seconds
Outcome = tuple[Rows, float]  # of a run, and its seconds
Begun = tuple[list[Job], asyncio.Future[Outcome]]


@dataclass(frozen=True, slots=True)
class Counts:
    """Since the start: texts answered by the cache and not, texts cut at `max_tokens`."""

    cache_hits: int
    cache_misses: int
    cut_texts: int


class Encoder:
    """Open it with `Encoder.open`; the constructor takes the parts, `start` sets them going."""

    def __init__(
        self,
        manifest: Manifest,
        tokenizer: Tokenizes,
        opened: Opened,
        *,
        cache_bytes: int,
        queue_texts: int,
        max_wait_ms: float = 0.0,
        on_batch: OnBatch | None = None,
    ) -> None:
        self._manifest = manifest
        self._tokenizer = tokenizer
        self._opened = opened
        self._on_batch = on_batch
        self._cache = VectorCache(cache_bytes)
        self._lanes = Lanes(
            queue_texts=queue_texts,
            batch_tokens=opened.batch_tokens,
            sessions=len(opened.sessions),
            max_wait_s=max_wait_ms / 1000,
            shapes=opened.shapes,
        )
        self._in_flight: dict[bytes, Job] = {}
        self._cut_texts = 0
        self._ran_at = time.monotonic()
        self._tasks: list[asyncio.Task[None]] = []
        self._seats: list[Seat] = []
        self._tokenising: ThreadPoolExecutor | None = None
        self._stopped: str | None = "not started"
        self._broken: BaseException | None = None

    @classmethod
    async def open(
        cls,
        model_dir: Path,
        *,
        sessions: int,
        batch_tokens: int,
        max_tokens: int,
        cache_bytes: int,
        queue_texts: int,
        provider: Name = "cpu",
        fallback: bool = False,
        cores: str = "",
        max_wait_ms: float = 0.0,
        on_batch: OnBatch | None = None,
    ) -> Self:
        """Load a model folder and start.

        sessions      sessions of one thread; 0: one a core
        batch_tokens  padded tokens of a batch
        max_tokens    longer texts are cut here, or where the model ends
        cache_bytes   of vectors kept by text; 0: none
        queue_texts   texts that may wait in each lane
        provider      what runs the model
        fallback      whether the CPU will do where the provider cannot be had
        cores         that sessions are bound to, such as "0-3,6"; "": to none
        max_wait_ms   that a batch which is not full waits for more while others run
        on_batch      called with padded tokens, real tokens and seconds of each run

        Raises Misconfigured if the folder, a limit, the provider or a core does not fit.
        """
        wanted = Wanted(provider, fallback, sessions, cores, batch_tokens, max_tokens)
        manifest, tokenizer, opened = await asyncio.to_thread(load, model_dir, wanted)
        encoder = cls(
            manifest,
            tokenizer,
            opened,
            cache_bytes=cache_bytes,
            queue_texts=queue_texts,
            max_wait_ms=max_wait_ms,
            on_batch=on_batch,
        )
        encoder.start()
        return encoder

    def start(self) -> None:
        """Begin to serve; needs a running event loop."""
        self._stopped = None
        self._tokenising = ThreadPoolExecutor(1, "encoder-tokenizer")
        self._spawn(self._tokenise_forever(self._tokenising))
        for session, core in zip_longest(self._opened.sessions, self._opened.provider.cores):
            pad_id, shapes = self._tokenizer.pad_id, self._opened.shapes
            self._seats.append(Seat(session, pad_id=pad_id, shapes=shapes, core=core))
            self._spawn(self._run_forever(self._seats[-1]))

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        return self._manifest.dimension

    @property
    def manifest(self) -> Manifest:
        """What identifies the model."""
        return self._manifest

    @property
    def provider(self) -> Provider:
        """What really runs the model."""
        return self._opened.provider

    @property
    def counts(self) -> Counts:
        """What the cache and the cut did so far."""
        return Counts(self._cache.hits, self._cache.misses, self._cut_texts)

    def waiting(self, lane: Lane) -> int:
        """Texts of a lane that no session has begun."""
        return self._lanes.waiting(lane)

    @property
    def quiet_s(self) -> float:
        """Seconds since a run last succeeded: who waits for texts has not hung while this is small.

        Each lane has its turns, so what waits is reached for as long as there are runs.
        """
        return time.monotonic() - self._ran_at

    @property
    def waits(self) -> int:
        """Texts of both lanes that no session has begun."""
        return sum(map(self.waiting, Lane))

    async def encode(
        self, texts: Sequence[str], lane: Lane = Lane.EVENTS, role: Role = Role.PASSAGE
    ) -> Rows:
        """(n, d) float32 unit rows in the order of `texts`, read-only; no texts give (0, d).

        role  picks the prefix that the manifest names; without one it makes no difference

        Raises Overloaded if the lane's queue is full, Unavailable after close(), what the session
        raised if one of these texts breaks it, and Broken if it no longer runs any text.
        """
        self._require_running()
        wanted = [as_seen(text, role, self._manifest.prefixes) for text in texts]
        rows, jobs = self._look_up(dict.fromkeys(wanted), lane)
        if jobs:
            rows.update(zip(jobs, await self._rows_of(list(jobs.values())), strict=True))
        return self._stacked([rows[text] for text in wanted])

    async def close(self) -> None:
        """Stop; whoever still waits gets Unavailable. A second call does nothing."""
        tokenising, self._tokenising = self._tokenising, None
        if tokenising is None:
            return
        self._stop("closed")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for stop in (tokenising.shutdown, *(seat.stop for seat in self._seats)):
            await asyncio.to_thread(stop)

    # --- the caller's side

    def _look_up(
        self, texts: Iterable[str], lane: Lane
    ) -> tuple[dict[str, Vector], dict[str, Job]]:
        """What the cache has, and a job for every other text, new or already on its way."""
        rows: dict[str, Vector] = {}
        jobs: dict[str, Job] = {}
        new: list[Job] = []
        for text in texts:
            key = content_key(text)
            if (row := self._cache.get(key)) is not None:
                rows[text] = row
            elif (job := self._in_flight.get(key)) is not None:
                jobs[text] = job
            else:
                jobs[text] = Job(key, text, lane)
                new.append(jobs[text])
        if new:
            self._lanes.require_room(len(new), lane)
        self._in_flight.update({job.key: job for job in new})
        self._lanes.admit(new)
        for job in jobs.values():
            self._lanes.promote(job, lane)
        return rows, jobs

    async def _rows_of(self, jobs: list[Job]) -> list[Vector]:
        """Rows of jobs when all have ended; a cancelled caller leaves no job behind that is only
        its own. One future a call and none a text: at many short texts they are what costs."""
        call = Call(asyncio.get_running_loop().create_future(), left=len(jobs))
        for job in jobs:
            job.calls.append(call)
        try:
            await call.done
        finally:
            for job in jobs:
                self._release(job, call)
        if errors := [job.error for job in jobs if job.error is not None]:
            raise errors[0]
        return [job.row for job in jobs if job.row is not None]

    def _release(self, job: Job, call: Call) -> None:
        job.calls.remove(call)
        if not job.calls and job.stage is Stage.WAITING and not job.ended:
            self._lanes.abandon(job)
            self._forget(job)

    def _stacked(self, rows: list[Vector]) -> Rows:
        if len(rows) == 1:
            return rows[0][None]  # read-only as the row is, and a tenth of the time
        stacked = np.stack(rows) if rows else np.empty((0, self.dimension), np.float32)
        stacked.setflags(write=False)
        return stacked

    # --- the serving side

    async def _tokenise_forever(self, thread: ThreadPoolExecutor) -> None:
        while True:
            await self._tokenise(thread, await self._lanes.take_fresh())

    async def _tokenise(self, thread: ThreadPoolExecutor, jobs: list[Job]) -> None:
        """Give jobs their tokens; if that breaks, one by one, so that only the guilty ones fail."""
        try:
            tokens = await self._tokens_of(thread, [job.text for job in jobs])
        except Exception as error:  # noqa: BLE001  # whatever it raises is its callers' to see
            if len(jobs) == 1:
                return self._refuse(jobs[0], error)
            for job in jobs:
                await self._tokenise(thread, [job])
            return None
        for job, found in zip(jobs, tokens, strict=True):
            job.tokens = found
            self._cut_texts += found.cut
        return self._lanes.add_ready(jobs)

    async def _tokens_of(self, thread: ThreadPoolExecutor, texts: list[str]) -> list[Tokens]:
        if sum(map(len, texts)) <= INLINE_CHARACTERS:
            return self._tokenizer.encode(texts)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(thread, self._tokenizer.encode, texts)

    async def _run_forever(self, seat: Seat) -> None:
        """Run batch after batch. The next one is begun before the results of the last go out, and
        where enough waits while one runs: a session that waits for this task does nothing."""
        begun: deque[Begun] = deque()
        while True:
            if not begun:
                begun.append(_begin(seat, await self._lanes.take_batch()))
            self._begin_ahead(seat, begun)
            jobs, running = begun.popleft()
            outcome = await _settled(running)
            self._lanes.finished()
            self._begin_ahead(seat, begun)
            await self._hand_out(seat, jobs, outcome)

    def _begin_ahead(self, seat: Seat, begun: deque[Begun]) -> None:
        while len(begun) < BEGUN and (jobs := self._lanes.take_now(ahead=bool(begun))):
            begun.append(_begin(seat, jobs))

    async def _hand_out(self, seat: Seat, jobs: list[Job], outcome: Outcome | Exception) -> None:
        """Give jobs their rows; if the run broke, run its halves, and so on, so that only the
        guilty ones fail."""
        if isinstance(outcome, Exception):
            if len(jobs) == 1:
                return await self._blame(seat, jobs[0], outcome)
            middle = len(jobs) // 2
            for half in (jobs[:middle], jobs[middle:]):
                await self._hand_out(seat, half, await _settled(seat.begin(_tokens(half))))
            return None
        rows, seconds = outcome
        self._ran_at = time.monotonic()
        for job, row in zip(jobs, rows, strict=True):
            self._finish(job, row)
        return self._note(_tokens(jobs), seconds)

    async def _blame(self, seat: Seat, job: Job, error: Exception) -> None:
        """Fail a text that broke its run; where the empty text breaks one too, it is not the text
        (a lost GPU, no memory), and burying text after text would lose what is innocent.

        Raises what the empty text met.
        """
        outcome = await _settled(seat.begin(self._tokenizer.encode([""])))
        if isinstance(outcome, Exception):
            raise outcome
        self._fail(job, error)

    def _note(self, tokens: list[Tokens], seconds: float) -> None:
        if self._on_batch is not None:
            shapes, lengths = self._opened.shapes, [len(text) for text in tokens]
            count, length = shapes.padded(len(lengths), max(lengths))
            self._on_batch(count * length, sum(lengths), seconds)

    def _finish(self, job: Job, row: Vector) -> None:
        own = row.copy()  # a view would keep the whole batch in memory
        own.setflags(write=False)
        self._cache.put(job.key, own)
        self._forget(job)
        job.end(own)

    def _refuse(self, job: Job, error: Exception) -> None:
        if job.stage is Stage.WAITING:
            self._lanes.abandon(job)
        self._fail(job, error)

    def _fail(self, job: Job, error: Exception) -> None:
        self._forget(job)
        job.end(None, error)

    def _forget(self, job: Job) -> None:
        if self._in_flight.get(job.key) is job:
            del self._in_flight[job.key]

    # --- start and stop

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        task.add_done_callback(self._on_end)
        self._tasks.append(task)

    def _on_end(self, task: asyncio.Task[None]) -> None:
        """A serving task ends only by close(); if one breaks nobody may wait for it."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broken = error
            self._stop(f"ended by {error!r}")

    def _stop(self, why: str) -> None:
        self._stopped = self._stopped or why
        for job in list(self._in_flight.values()):
            self._fail(job, self._ended())

    def _ended(self) -> Exception:
        """Waiting does not mend what is broken."""
        if self._broken is None:
            return Unavailable("encoder", self._stopped or "closed")
        broken = Broken(f"the encoder {self._stopped}: start the worker again")
        broken.__cause__ = self._broken
        return broken

    def _require_running(self) -> None:
        if self._stopped is not None:
            raise self._ended()


def _begin(seat: Seat, jobs: list[Job]) -> Begun:
    return jobs, seat.begin(_tokens(jobs))


async def _settled(running: asyncio.Future[Outcome]) -> Outcome | Exception:
    try:
        return await running
    except Exception as error:  # noqa: BLE001  # whatever a run raises is its callers' to see
        return error


def _tokens(jobs: list[Job]) -> list[Tokens]:
    return [job.tokens for job in jobs if job.tokens is not None]
