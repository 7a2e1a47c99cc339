"""A new model of segments: when one is due, and from the sample of users to what is in force.

1. claim   a version that nobody else has; from here on an older claim puts nothing in force
2. fit     in a child process
3. label
4. save    the points of the model, which nobody reads yet
5. record  `fitted`, no more: see `stream.store.segment_history` on what a crash leaves
6. switch  or hold, where it would move too many users, by one compare-and-set
7. settle  the record's outcome
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog

from stream.agents.fit import FitFailed, Job
from stream.core.catalogue import Catalogue, Entry
from stream.core.decay import Vector
from stream.core.segment_history import (
    ASKED,
    FIRST,
    FITTED,
    HELD,
    IN_FORCE,
    LIKE_HELD,
    OVERTAKEN,
    PERIODIC,
    Fitted,
    Record,
    Standing,
    named,
)
from stream.core.segment_labels import LABEL_ITEMS, labelled
from stream.core.segments import SegmentModel
from stream.errors import Unavailable
from stream.settings import Settings
from stream.store.rows import Matrix
from stream.store.segment_history import SegmentHistory
from stream.store.segment_keeper import ReadsSegments
from stream.store.segment_requests import Request, SegmentRequests
from stream.store.segments import Claim

log = structlog.get_logger(__name__)

RETRY_S = 10.0  # after a fit that came to nothing, doubled each time, up to the time between fits


@dataclass(slots=True)
class Laps:
    """What a fit took, seconds by step, for the log."""

    seconds: dict[str, float] = field(default_factory=dict)
    _last: float = field(default_factory=time.perf_counter)

    def end(self, step: str) -> None:
        """The step that began with the end of the one before is done."""
        now = time.perf_counter()
        self.seconds[f"{step}_s"] = round(now - self._last, 3)
        self._last = now


class HasTastes(Protocol):
    """What is needed of `stream.store.users.Users`."""

    async def tastes(self, limit: int, min_weight: float = 0.0) -> tuple[list[str], Matrix]: ...


class WritesSegments(ReadsSegments, Protocol):
    """What is needed of `stream.store.segments.Segments`."""

    async def standing(self) -> Standing: ...

    async def claim(self, now_ms: int) -> Claim | None: ...

    async def save(self, model: SegmentModel) -> None: ...

    async def switch(self, version: int, read_etag: int) -> bool: ...

    async def hold(self, version: int, read_etag: int) -> bool: ...


class Refit:
    """Fits when it is time to, while this process leads.

    leads  whether it does, now
    held   version of the model that waits for a decision, as of the last look; 0: none
    """

    def __init__(
        self,
        settings: Settings,
        *,
        users: HasTastes,
        segments: WritesSegments,
        history: SegmentHistory,
        requests: SegmentRequests,
        catalogue: Callable[[], Catalogue],
        nearest: Callable[[Sequence[Vector], int], Awaitable[list[list[Entry]]]],
        leads: Callable[[], bool],
        fit: Callable[[Job], Awaitable[Fitted]],
        clock: Callable[[], float],
    ) -> None:
        self.held = 0
        self._settings = settings
        self._users = users
        self._segments = segments
        self._history = history
        self._requests = requests
        self._catalogue = catalogue
        self._nearest = nearest
        self._leads = leads
        self._fit = fit
        self._clock = clock
        self._due_at = 0.0
        self._retry_at = 0.0
        self._in_vain = 0

    async def step(self) -> None:
        """Fit if it is due, or asked for, and enough users have a taste. Raises Unavailable."""
        if not self._leads():
            return
        self.held = (await self._segments.standing()).held
        now = self._clock()
        request = await self._open_request()
        if now < self._retry_at or (request is None and now < self._due_at):
            return
        laps = Laps()
        _, tastes = await self._users.tastes(
            self._settings.segments_sample, self._settings.segment_min_weight
        )
        laps.end("read")
        least = 2 * self._settings.segments_count
        if len(tastes) < least:
            await self._refuse(
                request,
                f"{len(tastes)} users have interests of INTERESTREAM_SEGMENT_MIN_WEIGHT, at least "
                f"{least} must: twice INTERESTREAM_SEGMENTS_COUNT",
            )
            return
        # Before it is tried: whatever ends it, an outage too, must not make it run in a circle.
        self._retry_at = now + self._rest_s()
        self._in_vain += 1
        try:
            record = await self._put(tastes, request, laps)
        except FitFailed as failure:
            log.warning("segments stay as they are", reason=str(failure))
            await self._refuse(request, str(failure))
            return
        if record.outcome == OVERTAKEN:
            log.info("segments overtaken", version=record.version)
            return
        self._in_vain, self._retry_at = 0, 0.0
        self._due_at = now + self._settings.segments_refit_s
        await self._answer(request, record)

    def _rest_s(self) -> float:
        return float(min(RETRY_S * 2 ** min(self._in_vain, 16), self._settings.segments_refit_s))

    # --- a fit

    async def _put(self, tastes: Matrix, request: Request | None, laps: Laps) -> Record:
        """The record of a new model that is in force or held now, or was overtaken."""
        now = self._clock()
        asked = request.id if request else ""
        claim = await self._segments.claim(int(now * 1000))  # 1
        if claim is None:
            return Record(0, now, PERIODIC, asked, OVERTAKEN)
        stands = await self._segments.standing()
        before = await self._segments.load(stands.version) if stands.version else None
        held = await self._segments.load(stands.held) if stands.held else None
        job = Job(
            tastes,
            self._settings.segments_count,
            claim.version,
            before,
            count_max=self._settings.segments_count_max,
            margin=self._settings.segment_margin,
            held=held,
            at=now,
            reason=FIRST if before is None else ASKED if request else PERIODIC,
            asked=asked,
        )
        fitted = await self._fit(job)  # 2
        laps.end("fit")
        model = await self._labelled(fitted.model)  # 3
        record = named(fitted.record, model, before)
        if not self._leads():
            return replace(record, outcome=OVERTAKEN)
        outcome = self._outcome(fitted, before, asks=bool(stands.held or stands.decided))
        if outcome == LIKE_HELD:
            record = replace(record, outcome=LIKE_HELD)
            await self._history.add(record)
            return record
        await self._segments.save(model)  # 4
        await self._history.add(record)  # 5
        step = self._segments.hold if outcome == HELD else self._segments.switch
        done = await step(model.version, claim.etag)  # 6
        with suppress(Unavailable):  # whoever looks next does it
            await self._history.settle()  # 7
        if not done:
            return replace(record, outcome=OVERTAKEN)
        laps.end("save")
        self._tell(record, outcome, laps)
        return replace(record, outcome=outcome)

    def _outcome(self, fitted: Fitted, before: SegmentModel | None, *, asks: bool) -> str:
        """What is to become of a fit: in force, held, or neither, where the one that is held says
        the same. So a person has time to decide about that one.

        asks  whether one was ever held: from then on growth does not decide in a person's place
        """
        most = self._settings.segments_max_moved
        if before is None or fitted.record.moved_share <= most:
            return IN_FORCE
        if not asks and not before.knows(fitted.record.users):
            return IN_FORCE
        same = fitted.from_held is not None and fitted.from_held <= most
        return LIKE_HELD if same else HELD

    def _tell(self, record: Record, outcome: str, laps: Laps) -> None:
        self.held = record.version if outcome == HELD else 0
        if outcome != HELD:
            log.info(
                "segments",
                version=record.version,
                count=len(record.segments),
                users=record.users,
                moved_share=round(record.moved_share, 3),
                **laps.seconds,
            )
            return
        log.warning(
            "segments wait for `interestream segments accept` or `reject`",
            version=record.version,
            moved_share=round(record.moved_share, 3),
            limit=self._settings.segments_max_moved,
            setting="INTERESTREAM_SEGMENTS_MAX_MOVED",
        )

    async def _labelled(self, model: SegmentModel) -> SegmentModel:
        found = await self._nearest([s.centroid for s in model.segments], LABEL_ITEMS)
        near = {s.id: items for s, items in zip(model.segments, found, strict=True)}
        return await asyncio.to_thread(labelled, model, near, self._catalogue().entries)

    # --- a fit that was asked for

    async def _open_request(self) -> Request | None:
        """The request that waits. One that was answered by a model, but not told so by a leader
        that ended in between, is told now."""
        request = await self._requests.newest()
        if request is None or request.answered:
            return None
        for record in await self._history.records():
            if record.asked == request.id and record.outcome not in (FITTED, OVERTAKEN):
                await self._answer(request, record)
                return None
        return request

    async def _answer(self, request: Request | None, record: Record) -> None:
        if request is not None:
            version, outcome = record.version, record.outcome
            await self._requests.answer(request.id, version=version, outcome=outcome)

    async def _refuse(self, request: Request | None, why: str) -> None:
        if request is not None:
            await self._requests.answer(request.id, why=why)
