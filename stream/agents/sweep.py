"""The sweep: segment changes that still wait get out, and users whose segment is gone move.

It writes profiles as the commit does: guarded by their etags, changes in the outbox until the
broker has confirmed them. A user that somebody else wrote meanwhile is left to the next sweep.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from stream.core.profile import Profile
from stream.core.segments import SegmentModel, assign
from stream.core.tuning import Tuning
from stream.kafka.publisher import Outgoing
from stream.render import Renderer
from stream.settings import Settings
from stream.store.codec import pack, unpack
from stream.store.contract import SavesUsers
from stream.store.rows import UserRow, fresh_etag, next_version

log = structlog.get_logger(__name__)

WAITED_S = 30.0  # a change that waits longer was not sent by the one who made it
USERS = 50  # in one write, beside which events go on


class SweepsUsers(SavesUsers, Protocol):
    """What is needed of `stream.store.users.Users`."""

    async def unsent(self, before_ms: int, limit: int) -> list[UserRow]: ...

    def pages(self, page: int) -> AsyncIterator[list[UserRow]]: ...


class Sends(Protocol):
    """What is needed of `stream.kafka.publisher.Publisher`."""

    async def send(self, records: Sequence[Outgoing]) -> None: ...


@dataclass(frozen=True, slots=True)
class Read:
    """A profile and the etag that it was read with."""

    profile: Profile
    etag: int


class Sweep:
    """Methods raise Unavailable; what they had not done yet is there for the next call."""

    def __init__(
        self,
        settings: Settings,
        tuning: Tuning,
        *,
        users: SweepsUsers,
        publisher: Sends,
        renderer: Renderer,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._tuning = tuning
        self._users = users
        self._publisher = publisher
        self._renderer = renderer
        self._clock = clock

    async def send_waiting(self) -> bool:
        """Send what waited too long, of up to `USERS` users; whether more may be waiting."""
        rows = await self._users.unsent(int((self._clock() - WAITED_S) * 1000), USERS)
        cleared = await self._send(_readable(rows))
        return len(rows) == USERS and cleared > 0

    async def reassign(self, rows: Sequence[UserRow], model: SegmentModel) -> int:
        """Move those whose segment is another one now; how many were moved."""
        read = _readable(rows)
        # Who stays is not written: a write for every user at every fit would tell nobody anything.
        moved = [Read(p, one.etag) for one in read if (p := self._moved(one.profile, model))]
        saved = await self._save(moved)
        await self._send(saved)
        return len(saved)

    def _moved(self, profile: Profile, model: SegmentModel) -> Profile | None:
        after = assign(
            self._next(profile),
            model,
            margin=self._settings.segment_margin,
            min_stay_s=self._settings.segment_min_stay_s,
            cause=None,
            tuning=self._tuning,
        )
        return None if after.outbox == profile.outbox else after

    async def _send(self, read: Sequence[Read]) -> int:
        """Send these outboxes, then save the profiles without them; how many were saved."""
        messages = [
            self._renderer.segment_change(one.profile, change)
            for one in read
            for change in one.profile.outbox
        ]
        if not messages:
            return 0
        await self._publisher.send(messages)
        sent = [Read(replace(self._next(one.profile), outbox=()), one.etag) for one in read]
        return len(await self._save(sent))

    async def _save(self, read: Sequence[Read]) -> list[Read]:
        """Those that are stored now, as a reader sees them."""
        rows = {one.profile.user_id: self._row(one.profile) for one in read}
        if not rows:
            return []
        etags = {one.profile.user_id: one.etag for one in read}
        stored = await self._users.save(list(rows.values()), etags)
        return [_read(rows[user]) for user in rows if user in stored]

    def _row(self, profile: Profile) -> UserRow:
        return pack(profile, fresh_etag(), self._tuning)

    def _next(self, profile: Profile) -> Profile:
        return replace(profile, version=next_version(profile.version, self._clock()))


def _readable(rows: Sequence[UserRow]) -> list[Read]:
    """The profiles that can be read: one that cannot must not keep the others from moving."""
    found = []
    for row in rows:
        try:
            found.append(_read(row))
        except Exception as error:  # noqa: BLE001  # its events meet the same, and bury or wait
            log.warning("a profile is left out of the sweep", reason=repr(error))
    return found


def _read(row: UserRow) -> Read:
    return Read(unpack(row), row.etag)
