"""The leader: one worker of all fits segments, moves users to them, and sends what was left behind.

Whoever holds the lease leads. A second leader would only do work twice: a model comes into force
by compare-and-set, and profiles are saved only where nobody else wrote.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from stream.agents.fit import Job, fit_apart
from stream.agents.lease import Lease
from stream.agents.refit import HasTastes, Refit, WritesSegments
from stream.agents.sweep import FindsLetters, Sends, Sweep, SweepsUsers
from stream.core.catalogue import Catalogue, Entry
from stream.core.decay import Vector
from stream.core.segment_history import Fitted
from stream.core.segments import SegmentModel
from stream.core.tuning import Tuning
from stream.render import Renderer
from stream.rounds import repeat
from stream.settings import Settings
from stream.store.meta import KeepsFacts
from stream.store.rows import UserRow
from stream.store.segment_history import SegmentHistory
from stream.store.segment_keeper import SegmentKeeper
from stream.store.segment_requests import SegmentRequests

log = structlog.get_logger(__name__)

LEASE = "segments_leader"
POLL_S = 3.0
LATE_S = 10.0  # after which every worker knows a new model: they look every 3 s
USERS_PER_S = 200.0  # a fraction of what an embedded store reads, on one core
PAGE = 20  # users: more would hold up the event loop, and an embedded store, for long


class LedUsers(SweepsUsers, HasTastes, Protocol):
    """What is needed of `stream.store.users.Users`."""


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
    fit          from a job to its model and record; raises FitFailed
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
        fit: Callable[[Job], Awaitable[Fitted]] = fit_apart,
        users_per_s: float = USERS_PER_S,
    ) -> None:
        self.lease = Lease(store.meta, LEASE, lease_s=settings.lease_s, clock=clock)
        self._settings = settings
        self._store = store
        self._users_per_s = users_per_s
        self._keeper = SegmentKeeper(store)
        self._refit = Refit(
            settings,
            users=store.users,
            segments=store.segments,
            history=SegmentHistory(store.meta, store.segments),
            requests=SegmentRequests(store.meta),
            catalogue=catalogue,
            nearest=nearest,
            leads=lambda: self.lease.held,
            fit=fit,
            clock=clock,
        )
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
        self._clock = clock
        self._moved_to = 0
        self._gather_at: float | None = None

    @property
    def held(self) -> int:
        """Version of the model that waits for a decision, as the leader knows it; 0: none, or
        somebody else leads."""
        return self._refit.held if self.lease.held else 0

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
        """A new model, if one is due or asked for and enough users have a taste. Raises
        Unavailable."""
        await self._refit.step()

    async def reassign(self) -> None:
        """Once through all users, if a model came into force since the last time; and once more
        to those whom a worker that did not know it yet has left in a segment that is gone, or
        moved there, behind this one's back.

        A newer model on the way is used from there on, and asks for another time. Raises
        Unavailable: the next time begins anew.
        """
        if not self.lease.held:
            return
        model = await self._newest()
        if model is None:
            return
        if model.version != self._moved_to:
            began = self._clock()
            moved = await self._walk(self._store.users.pages(PAGE))
            if moved is not None:
                self._moved_to, self._gather_at = model.version, began + LATE_S
                log.info("users reassigned", version=model.version, moved=moved)
        elif self._gather_at is not None and self._clock() >= self._gather_at:
            there = [segment.id for segment in model.segments]
            moved = await self._walk(self._store.users.elsewhere(there, PAGE))
            if moved is not None:
                self._gather_at = None
                log.info("users gathered", version=model.version, moved=moved)

    async def _walk(self, pages: AsyncIterator[list[UserRow]]) -> int | None:
        """How many were moved; None: somebody else leads now."""
        moved = 0
        async for rows in pages:
            model = await self._newest()
            if not self.lease.held or model is None:
                return None
            moved += await self._sweep.reassign(rows, model)
            await asyncio.sleep(len(rows) / self._users_per_s)
        return moved

    async def _newest(self) -> SegmentModel | None:
        await self._keeper.refresh()
        return self._keeper.model

    async def sweep(self) -> None:
        """Send the segment changes that wait, and confirm removals. Raises Unavailable."""
        while self.lease.held and await self._sweep.send_waiting():
            pass
