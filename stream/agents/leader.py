"""The leader: one worker of all fits segments, moves users to them, and sends what was left behind.

Whoever holds the lease leads. A second leader would only do work twice: a model comes into force
by compare-and-set, and profiles are saved only where nobody else wrote.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from stream.agents.fit import FitFailed, Job, fit_apart
from stream.agents.lease import KeepsFacts, Lease
from stream.agents.sweep import FindsLetters, Sends, Sweep, SweepsUsers
from stream.core.catalogue import Catalogue, Entry
from stream.core.decay import Vector
from stream.core.segments import LABEL_ITEMS, SegmentModel, labelled
from stream.core.tuning import Tuning
from stream.render import Renderer
from stream.rounds import repeat
from stream.settings import Settings
from stream.store.rows import Matrix
from stream.store.segment_keeper import ReadsSegments, SegmentKeeper
from stream.store.segments import Claim

log = structlog.get_logger(__name__)

LEASE = "segments_leader"
POLL_S = 3.0
USERS_PER_S = 200.0  # a fraction of what an embedded store reads, on one core
PAGE = 20  # users: more would hold up the event loop, and an embedded store, for long


class LedUsers(SweepsUsers, Protocol):
    """What is needed of `stream.store.users.Users`."""

    async def tastes(self, limit: int) -> tuple[list[str], Matrix]: ...


class WritesSegments(ReadsSegments, Protocol):
    """What is needed of `stream.store.segments.Segments`."""

    async def claim(self, now_ms: int) -> Claim | None: ...

    async def save(self, model: SegmentModel) -> None: ...

    async def switch(self, version: int, read_etag: int) -> bool: ...


class LedStore(Protocol):
    """What is needed of the store."""

    @property
    def users(self) -> LedUsers: ...

    @property
    def segments(self) -> WritesSegments: ...

    @property
    def meta(self) -> KeepsFacts: ...


class Leader:
    """Every worker runs one; those without the lease only look whether it is free.

    catalogue    the present snapshot, for labels
    nearest      of some vectors (d,): so many items near each, the nearest first
    letters      finds the dead letters of some users, by the hash of the user's id
    fit          from a job to its model; raises FitFailed
    users_per_s  read, at most, to move users after a fit
    """

    def __init__(
        self,
        settings: Settings,
        tuning: Tuning,
        *,
        store: LedStore,
        catalogue: Callable[[], Catalogue],
        nearest: Callable[[Sequence[Vector], int], Awaitable[list[list[Entry]]]],
        publisher: Sends,
        renderer: Renderer,
        letters: FindsLetters,
        clock: Callable[[], float] = time.time,
        fit: Callable[[Job], Awaitable[SegmentModel]] = fit_apart,
        users_per_s: float = USERS_PER_S,
    ) -> None:
        self.lease = Lease(store.meta, LEASE, lease_s=settings.lease_s, clock=clock)
        self._settings = settings
        self._store = store
        self._catalogue = catalogue
        self._nearest = nearest
        self._clock = clock
        self._fit = fit
        self._users_per_s = users_per_s
        self._keeper = SegmentKeeper(store)
        self._sweep = Sweep(
            settings,
            tuning,
            users=store.users,
            publisher=publisher,
            renderer=renderer,
            catalogue=catalogue,
            letters=letters,
            clock=clock,
        )
        self._fit_at = 0.0
        self._moved_to = 0

    async def run(self) -> None:
        """Lead whenever the lease is held, for ever; cancelling it ends a fit in its child too."""
        async with asyncio.TaskGroup() as tasks:
            for what, step, every_s in (
                ("segment lease", self.lease.hold, self._settings.lease_s / 6),
                ("segment fit", self.refit, POLL_S),
                ("segment reassignment", self.reassign, POLL_S),
                ("segment sweep", self.sweep, POLL_S),
            ):
                tasks.create_task(repeat(what, step, every_s=every_s), name=what)

    async def refit(self) -> None:
        """A new model in force, if one is due and enough users have a taste. Raises Unavailable."""
        now, count = self._clock(), self._settings.segments_count
        if not self.lease.held or now < self._fit_at:
            return
        _, tastes = await self._store.users.tastes(self._settings.segments_sample)
        if len(tastes) < 2 * count:
            return
        try:
            await self._put_in_force(tastes, count)
        except FitFailed as failure:
            log.warning("segments stay as they are", reason=str(failure))
        self._fit_at = now + self._settings.segments_refit_s

    async def _put_in_force(self, tastes: Matrix, count: int) -> None:
        claim = await self._store.segments.claim(int(self._clock() * 1000))
        if claim is None:
            return
        await self._keeper.refresh()
        fitted = await self._fit(Job(tastes, count, claim.version, self._keeper.model))
        model = await self._labelled(fitted)
        if not self.lease.held:
            return
        await self._store.segments.save(model)
        if await self._store.segments.switch(model.version, claim.etag):
            log.info("segments", version=model.version, count=len(model.segments))

    async def _labelled(self, model: SegmentModel) -> SegmentModel:
        unnamed = [segment for segment in model.segments if not segment.label]
        found = await self._nearest([segment.centroid for segment in unnamed], LABEL_ITEMS)
        near = {segment.id: items for segment, items in zip(unnamed, found, strict=True)}
        return await asyncio.to_thread(labelled, model, near, self._catalogue().entries)

    async def reassign(self) -> None:
        """Once through all users, if a model came into force since the last time.

        A newer model on the way is used from there on, and asks for another time. Raises
        Unavailable: the next time begins anew.
        """
        if not self.lease.held:
            return
        model = await self._newest()
        if model is None or model.version == self._moved_to:
            return
        started, moved = model.version, 0
        async for rows in self._store.users.pages(PAGE):
            model = await self._newest()
            if not self.lease.held or model is None:
                return
            moved += await self._sweep.reassign(rows, model)
            await asyncio.sleep(len(rows) / self._users_per_s)
        self._moved_to = started
        log.info("users reassigned", version=started, moved=moved)

    async def _newest(self) -> SegmentModel | None:
        await self._keeper.refresh()
        return self._keeper.model

    async def sweep(self) -> None:
        """Send the segment changes that wait, and confirm removals. Raises Unavailable."""
        while self.lease.held and await self._sweep.send_waiting():
            pass
