"""Profiles made anew from the events topic beside the live ones, which workers go on writing.

    1. state    the rebuild is stated, its collection made; what an earlier one left half made goes
    2. replay   the topic up to what the workers have acknowledged, folded in the new collection
    3. carry    what events do not determine comes from the live profiles; 2 and 3 until little
                is left
    4. switch   as for another encoder (`stream.reembed.switch`): workers leave, the rest is folded
                and carried while nobody writes, the aliases change, workers begin

Until the switch has shut the doors nothing live is touched, and nothing live is ever written: a
crash before the point of no return leaves a half-made collection, one after it a switch to end.
Nothing is published.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial

from qdrant_client import AsyncQdrantClient

from stream.bugs import PureStepFailed, one_by_one
from stream.errors import Failed
from stream.rebuild.carrying import State, carry
from stream.rebuild.folding import Folding
from stream.rebuild.log import Log, Placed
from stream.rebuild.reading import Counts, Reading, Wanted, anybody
from stream.reembed.copying import Tells, patiently
from stream.reembed.switch import at
from stream.settings import Settings
from stream.store.collections import Store
from stream.store.convert import point_uuid
from stream.store.meta import Meta
from stream.store.moves import GENERATIONS_FACT, Move, Standing, standing

EVENTS = "events"
FEW_EVENTS, FEW_USERS = 500, 100  # left to the last pass, while nobody works: a second or so
PASSES = 10  # until few are left; where that many do not do, workers are as fast as we are


class Rebuild:
    """A rebuild in hand; `stream.rebuild.begin` states it.

    live, target  the profiles in force and the new ones, by their own collections' names
    at            offset before which every record has been folded, by partition
    """

    def __init__(
        self,
        settings: Settings,
        move: Move,
        *,
        live: Store,
        target: Store,
        log: Log,
        reading: Reading,
        starts: Mapping[int, int],
        since: float | None,
        ways: tuple[Mapping[str, str], Mapping[str, str]],
        tells: Tells,
    ) -> None:
        self.client: AsyncQdrantClient = live.client
        self.meta: Meta = live.meta
        self.move = move
        self.live = live.users
        self.target = target.users
        self.ways_before, self.ways_after = ways
        self.counts = Counts()
        self.state = State()
        self.applied = 0
        self.at = dict(starts)
        self.settings = settings
        self._log = log
        self._reading = reading
        self._since = since
        self._tells = tells
        self._folding = Folding(settings, live=self.live, target=self.target, kept=self.state.kept)

    async def catch_up(self) -> None:
        """Passes until one finds little, or no less than half of what the one before found."""
        last: int | None = None
        for _ in range(PASSES):
            events, users = await self._pass()
            if events <= FEW_EVENTS and users <= FEW_USERS:
                return
            if last is not None and events + users > last / 2:
                return
            last = events + users

    async def finish(self) -> None:
        """Passes until nothing is left; for when nobody writes any more.

        What a worker saved, and did not acknowledge before it was cut off, it may acknowledge
        yet: so each user is folded as far as the live profile is.

        Raises Failed where something keeps changing, and where the topic is not what it was.
        """
        await patiently(self._log.check_same)
        await patiently(self._reading.refresh)
        for _ in range(PASSES):
            events, users = await self._pass()
            ahead = await self._fold_ahead()
            if not (events or users or ahead):
                return
        raise Failed(
            f"profiles still change after {PASSES} passes though no worker may write: does "
            "something else write these collections? Run this again, or undo with `interestream "
            "rebuild --abort`"
        )

    async def in_force(self) -> bool:
        """Raises Unavailable."""
        now = await standing(self.meta)
        return now.users_of(self.move.after) == self.move.users

    async def put_in_force(self) -> None:
        """Raises Unavailable; Failed where somebody else was faster."""
        await put_in_force(self.meta, self.move)

    async def check_due(self) -> None:
        """Raise Failed unless this rebuild stands. Raises Unavailable."""
        check(await standing(self.meta), self.move)

    async def _pass(self) -> tuple[int, int]:
        """Records that were read, and users whose rows were out of date."""
        await patiently(self.check_due)
        before = self.counts.read
        await self._replay(await patiently(self._log.committed))
        await self._folding.write()
        users = await carry(
            self.live,
            self.target,
            self.settings.tuning(),
            self.state,
            folded_to={self._log.sources[p]: offset for p, offset in self.at.items()},
            tells=self._tells,
            still_due=self.check_due,
        )
        return self.counts.read - before, users

    async def _replay(self, ends: Mapping[int, int]) -> None:
        starts = dict(self.at)
        self._tells.begins(EVENTS, sum(max(ends[p] - start, 0) for p, start in starts.items()))
        async for batch in self._log.read(starts, ends, since=self._since):
            await self._fold(batch, self.counts)
            self._tells.advances(EVENTS, len(batch))
        self.at = {p: max(start, ends[p]) for p, start in starts.items()}
        self._since = None  # from here on every record counts

    async def _fold_ahead(self) -> int:
        """Fold what live profiles have more than was acknowledged; how many records it was."""
        ahead, self.state.ahead = dict(self.state.ahead), {}
        ends = dict(self.at)
        for partition, source in self._log.sources.items():
            marks = [marks[source] for marks in ahead.values() if source in marks]
            ends[partition] = max([ends[partition], *(mark + 1 for mark in marks)])

        def wanted(user: str, placed: Placed) -> bool:
            marks = ahead.get(point_uuid(user), {})
            return placed.record.offset <= marks.get(placed.source, -1)

        before = self.applied
        async for batch in self._log.read(self.at, ends):
            await self._fold(batch, Counts(), wanted)
        await self._folding.write()
        return self.applied - before

    async def _fold(
        self, batch: Sequence[Placed], counts: Counts, wanted: Wanted = anybody
    ) -> None:
        """At once; where a pure step fails, record by record, and without the one that fails."""

        async def attempt(some: Sequence[Placed]) -> None:
            own = Counts()
            seen = await patiently(partial(self._reading.observations, some, own, wanted))
            observations = {user: [one.observation for one in row] for user, row in seen.items()}
            tuning = self._reading.tuning
            self.applied += await self._folding.fold(observations, tuning, time.time())
            counts.add(own)

        async def skip(placed: Placed, failure: PureStepFailed) -> None:
            counts.add(Counts(read=1, bugs=1, trace=failure.trace))
            limit = self.settings.max_bug_records_per_hour
            if counts.bugs > limit:
                raise Failed(
                    f"a step failed on {counts.bugs} records, limit {limit} "
                    "(INTERESTREAM_MAX_BUG_RECORDS_PER_HOUR): profiles made without them would "
                    f"not be what workers make; the last is {self._log.topic} partition "
                    f"{placed.partition} offset {placed.record.offset}:\n{failure.trace}"
                )

        await one_by_one(batch, attempt, skip)


def check(now: Standing, move: Move) -> None:
    """Raise Failed where another has taken the place of this rebuild."""
    if now.move is None or at(now.move, move.stage) != move:
        raise Failed("this rebuild was undone or replaced meanwhile; what is live is as it was")


async def put_in_force(meta: Meta, move: Move) -> None:
    """State that the generation of profiles that `move` makes is in force; repeatable."""
    now = await standing(meta)
    assert move.users is not None
    if now.users_of(move.after) == move.users:
        return
    value = {**now.generations, move.after.hash: move.users}
    if not await meta.put(GENERATIONS_FACT, value, now.generations_etag):
        raise Failed("somebody else changed the profiles in force: run this again")
