"""The encoder that the pipeline calls: one `encode`, shared by every agent and partition.

A call's texts are looked up in the cache and among the texts already on their way; the others
become jobs. One task tokenises jobs, one task a session runs batches of them; callers only wait
for results, so a caller that goes away takes nothing with it that another one needs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from stream.encoder.batches import pad
from stream.encoder.cache import VectorCache, content_key
from stream.encoder.contract import Lane, Rows, Vector, canonical
from stream.encoder.lanes import Job, Lanes, Stage
from stream.encoder.load import load
from stream.encoder.manifest import Manifest
from stream.encoder.sessions import Runs, cores
from stream.encoder.tokens import Tokenizes, Tokens
from stream.errors import Unavailable

OnBatch = Callable[[int, int, float], None]  # padded tokens, real tokens, seconds


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
        sessions: Sequence[Runs],
        *,
        batch_tokens: int,
        cache_bytes: int,
        queue_texts: int,
        on_batch: OnBatch | None = None,
    ) -> None:
        self._manifest = manifest
        self._tokenizer = tokenizer
        self._sessions = sessions
        self._on_batch = on_batch
        self._cache = VectorCache(cache_bytes)
        self._lanes = Lanes(
            queue_texts=queue_texts, batch_tokens=batch_tokens, sessions=len(sessions)
        )
        self._in_flight: dict[bytes, Job] = {}
        self._cut_texts = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._threads: ThreadPoolExecutor | None = None
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
        on_batch: OnBatch | None = None,
    ) -> Self:
        """Load a model folder and start.

        sessions      sessions of one thread; 0: one a core
        batch_tokens  padded tokens of a batch
        max_tokens    longer texts are cut here, at most what the model takes
        cache_bytes   of vectors kept by text; 0: none
        queue_texts   texts that may wait in each lane
        on_batch      called with padded tokens, real tokens and seconds of each run

        Raises Misconfigured if the folder or a limit does not fit.
        """
        loaded = await asyncio.to_thread(load, model_dir, sessions or cores(), max_tokens)
        encoder = cls(
            *loaded,
            batch_tokens=batch_tokens,
            cache_bytes=cache_bytes,
            queue_texts=queue_texts,
            on_batch=on_batch,
        )
        encoder.start()
        return encoder

    def start(self) -> None:
        """Begin to serve; needs a running event loop."""
        self._stopped = None
        self._threads = ThreadPoolExecutor(len(self._sessions) + 1, thread_name_prefix="encoder")
        self._spawn(self._tokenise_forever(self._threads))
        for session in self._sessions:
            self._spawn(self._run_forever(self._threads, session))

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        return self._manifest.dimension

    @property
    def manifest(self) -> Manifest:
        """What identifies the model."""
        return self._manifest

    @property
    def counts(self) -> Counts:
        """What the cache and the cut did so far."""
        return Counts(self._cache.hits, self._cache.misses, self._cut_texts)

    def waiting(self, lane: Lane) -> int:
        """Texts of a lane that no session has begun."""
        return self._lanes.waiting(lane)

    async def encode(self, texts: Sequence[str], lane: Lane = Lane.EVENTS) -> Rows:
        """(n, d) float32 unit rows in the order of `texts`, read-only; no texts give (0, d).

        Raises Overloaded if the lane's queue is full, Unavailable after close(), and what the
        session raised if one of these texts breaks it.
        """
        self._require_running()
        wanted = [canonical(text) for text in texts]
        rows, jobs = self._look_up(dict.fromkeys(wanted), lane)
        if jobs:
            await self._wait(jobs.values())
            rows.update({text: job.done.result() for text, job in jobs.items()})
        return self._stacked([rows[text] for text in wanted])

    async def close(self) -> None:
        """Stop; whoever still waits gets Unavailable. A second call does nothing."""
        threads, self._threads = self._threads, None
        if threads is None:
            return
        self._stop("closed")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(threads.shutdown)

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
                done: asyncio.Future[Vector] = asyncio.get_running_loop().create_future()
                jobs[text] = Job(key, text, lane, done)
                new.append(jobs[text])
        if new:
            self._lanes.require_room(len(new), lane)
        self._in_flight.update({job.key: job for job in new})
        self._lanes.admit(new)
        for job in jobs.values():
            job.waiters += 1
            self._lanes.promote(job, lane)
        return rows, jobs

    async def _wait(self, jobs: Iterable[Job]) -> None:
        """Until every job has ended; a cancelled caller leaves no job behind that is only its."""
        jobs = list(jobs)
        try:
            await asyncio.wait([job.done for job in jobs])
            errors = [error for job in jobs if (error := job.done.exception())]
        finally:
            for job in jobs:
                self._release(job)
        if errors:
            raise errors[0]

    def _release(self, job: Job) -> None:
        job.waiters -= 1
        if job.waiters == 0 and job.stage is Stage.WAITING and not job.done.done():
            self._lanes.abandon(job)
            self._forget(job)

    def _stacked(self, rows: list[Vector]) -> Rows:
        stacked = np.stack(rows) if rows else np.empty((0, self.dimension), np.float32)
        stacked.setflags(write=False)
        return stacked

    # --- the serving side

    async def _tokenise_forever(self, threads: ThreadPoolExecutor) -> None:
        while True:
            await self._tokenise(threads, await self._lanes.take_fresh())

    async def _tokenise(self, threads: ThreadPoolExecutor, jobs: list[Job]) -> None:
        """Give jobs their tokens; if that breaks, one by one, so that only the guilty ones fail."""
        texts = [job.text for job in jobs]
        loop = asyncio.get_running_loop()
        try:
            tokens = await loop.run_in_executor(threads, self._tokenizer.encode, texts)
        except Exception as error:  # noqa: BLE001  # whatever it raises is its callers' to see
            if len(jobs) == 1:
                return self._refuse(jobs[0], error)
            for job in jobs:
                await self._tokenise(threads, [job])
            return None
        for job, found in zip(jobs, tokens, strict=True):
            job.tokens = found
            self._cut_texts += found.cut
        return self._lanes.add_ready(jobs)

    async def _run_forever(self, threads: ThreadPoolExecutor, session: Runs) -> None:
        while True:
            await self._run(threads, session, await self._lanes.take_batch())

    async def _run(self, threads: ThreadPoolExecutor, session: Runs, jobs: list[Job]) -> None:
        """Run a batch; if it breaks, its texts one by one, so that only the guilty ones fail."""
        tokens = [job.tokens for job in jobs if job.tokens is not None]
        loop = asyncio.get_running_loop()
        try:
            rows, seconds = await loop.run_in_executor(
                threads, _timed, session, tokens, self._tokenizer.pad_id
            )
        except Exception as error:  # noqa: BLE001  # whatever a run raises is its callers' to see
            if len(jobs) == 1:
                return self._fail(jobs[0], error)
            for job in jobs:
                await self._run(threads, session, [job])
            return None
        for job, row in zip(jobs, rows, strict=True):
            self._finish(job, row)
        if self._on_batch is not None:
            real = sum(map(len, tokens))
            self._on_batch(max(map(len, tokens)) * len(tokens), real, seconds)
        return None

    def _finish(self, job: Job, row: Vector) -> None:
        own = row.copy()  # a view would keep the whole batch in memory
        own.setflags(write=False)
        self._cache.put(job.key, own)
        self._forget(job)
        if not job.done.done():
            job.done.set_result(own)

    def _refuse(self, job: Job, error: Exception) -> None:
        if job.stage is Stage.WAITING:
            self._lanes.abandon(job)
        self._fail(job, error)

    def _fail(self, job: Job, error: Exception) -> None:
        self._forget(job)
        if not job.done.done():
            job.done.set_exception(error)
            job.done.exception()  # marks it as seen: its caller may be gone before it looks

    def _forget(self, job: Job) -> None:
        if self._in_flight.get(job.key) is job:
            del self._in_flight[job.key]

    # --- start and stop

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        task.add_done_callback(self._on_end)
        self._tasks.append(task)

    def _on_end(self, task: asyncio.Task[None]) -> None:
        """A serving task ends only by close(); if one ends by a bug nobody may wait for it."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broken = error
            self._stop(f"stopped by {error!r}")

    def _stop(self, why: str) -> None:
        self._stopped = self._stopped or why
        for job in list(self._in_flight.values()):
            self._fail(job, Unavailable("encoder", self._stopped))

    def _require_running(self) -> None:
        if self._broken is not None:  # a bug: waiting would not mend it
            raise RuntimeError("the encoder ended by a bug") from self._broken
        if self._stopped is not None:
            raise Unavailable("encoder", self._stopped)


def _timed(session: Runs, tokens: Sequence[Tokens], pad_id: int) -> tuple[Rows, float]:
    began = time.perf_counter()
    rows = session.run(*pad([text.ids for text in tokens], pad_id))
    return rows, time.perf_counter() - began
