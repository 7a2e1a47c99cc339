"""The sweep: what still waits gets out, and users whose segment is gone move.

Segment changes wait that their maker did not send, and confirmations of users who were forgotten.
For the latter the outputs are put right: what a stalled worker sent after the nulls is taken back,
and where the user has come to life again meanwhile the list as it is stored goes out again.

It writes profiles as the commit does: guarded by their etags, changes in the outbox until the
broker has confirmed them. A user that somebody else wrote meanwhile is left to the next sweep.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import structlog

from stream.core.catalogue import Catalogue
from stream.core.profile import Profile
from stream.core.segments import SegmentModel, assign
from stream.core.tuning import Tuning
from stream.errors import Unavailable
from stream.kafka.publisher import Outgoing
from stream.render import Renderer
from stream.settings import Settings
from stream.store.codec import pack, unpack
from stream.store.contract import SavesUsers
from stream.store.rows import UserRow, fresh_etag, next_version
from stream.wire.ids import user_hash

log = structlog.get_logger(__name__)

USERS = 50  # in one write, beside which events go on


class SweepsUsers(SavesUsers, Protocol):
    """What is needed of `stream.store.users.Users`."""

    async def unsent(self, before_ms: int, limit: int) -> list[UserRow]: ...

    def pages(self, page: int) -> AsyncIterator[list[UserRow]]: ...

    def elsewhere(self, segments: Sequence[str], page: int) -> AsyncIterator[list[UserRow]]: ...


class Sends(Protocol):
    """What is needed of `stream.kafka.publisher.Publisher`."""

    async def send(self, records: Sequence[Outgoing]) -> None: ...


class FindsLetters(Protocol):
    """What is needed of `stream.kafka.dead_letters`: the keys of letters that are still there."""

    async def __call__(self, user_hashes: frozenset[str]) -> dict[str, list[bytes]]: ...


@dataclass(frozen=True, slots=True)
class Read:
    """A profile and the etag that it was read with."""

    profile: Profile
    etag: int


class Sweep:
    """Methods raise Unavailable; what they had not done yet is there for the next call.

    catalogue  the present snapshot, for titles
    letters    finds the dead letters of some users, by the hash of the user's id
    """

    def __init__(
        self,
        settings: Settings,
        tuning: Tuning,
        *,
        users: SweepsUsers,
        publisher: Sends,
        renderer: Renderer,
        catalogue: Callable[[], Catalogue],
        letters: FindsLetters,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._tuning = tuning
        self._users = users
        self._publisher = publisher
        self._renderer = renderer
        self._catalogue = catalogue
        self._letters = letters
        self._clock = clock
        self._unreadable = 0

    async def send_waiting(self) -> bool:
        """Send what is due, of up to `USERS` users; whether more may be waiting."""
        now = self._clock()
        limit = USERS + self._unreadable
        rows = await self._users.unsent(int(now * 1000), limit)
        read = _readable(rows)
        self._unreadable = len(rows) - len(read)  # they come first every time: ask for more
        waiting = [one for one in read if one.profile.outbox]
        sent = await self._send(waiting)
        others = [one for one in read if not one.profile.outbox]
        ended = [one for one in (*others, *sent) if _is_due(one.profile, now)]
        confirmed = await self._confirm(ended)
        return len(rows) == limit and len(sent) + confirmed > 0

    async def _confirm(self, ended: Sequence[Read]) -> int:
        """Put the outputs right for these users, each by itself; how many are done.

        A user who cannot be confirmed keeps nobody else waiting.
        """
        if not ended:
            return 0
        users = {user_hash(one.profile.user_id): one.profile.user_id for one in ended}
        letters = await self._letters(frozenset(users))
        # read again: finding letters takes its time, and users come to life again
        rows = await self._users.load(users.values())
        confirmed = 0
        for name, user in users.items():
            one = next(iter(_readable([rows[user]])), None) if user in rows else None
            if one is None or not _is_due(one.profile, self._clock()):
                continue
            try:
                confirmed += await self._confirm_one(one, letters.get(name, []))
            except Unavailable:
                raise
            except Exception as error:  # noqa: BLE001  # whatever it is, it is this user's
                log.error("a removal cannot be confirmed", user_hash=name, reason=repr(error))
        if confirmed:
            log.info("removals of users confirmed", users=confirmed)
        return confirmed

    async def _confirm_one(self, one: Read, letters: Sequence[bytes]) -> int:
        topic = self._settings.topic("dead-letters")
        receipt = self._renderer.receipt(one.profile, len(letters), self._clock())
        taken_back = [Outgoing(topic, key, None, ()) for key in letters]
        await self._publisher.send([*taken_back, *self._as_stored(one.profile), receipt])
        return len(await self._save([Read(self._next(one.profile, forgetting=None), one.etag)]))

    def _as_stored(self, profile: Profile) -> list[Outgoing]:
        """Nulls; for who has come to life again the list, and no null of the segment."""
        lists, segments = self._renderer.forgotten(profile)
        if profile.current is not None:
            lists = self._renderer.recommendation(profile, self._catalogue())
        return [lists] if profile.membership else [lists, segments]

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
            min_weight=self._settings.segment_min_weight,
        )
        return None if after.outbox == profile.outbox else after

    async def _send(self, read: Sequence[Read]) -> list[Read]:
        """Send these outboxes, then save the profiles without them; those that are saved."""
        messages = [
            self._renderer.segment_change(one.profile, change)
            for one in read
            for change in one.profile.outbox
        ]
        if not messages:
            return []
        await self._publisher.send(messages)
        return await self._save(
            [Read(self._next(one.profile, outbox=()), one.etag) for one in read]
        )

    async def _save(self, read: Sequence[Read]) -> list[Read]:
        """Those that are stored now, as a reader sees them."""
        if not read:
            return []
        now = self._clock()
        users = {one.profile.user_id: one for one in read}
        rows = {u: pack(x.profile, fresh_etag(), self._tuning, now=now) for u, x in users.items()}
        stored = await self._users.save(
            list(rows.values()), {user: one.etag for user, one in users.items()}
        )
        return [_read(rows[user]) for user in users if user in stored]

    def _next(self, profile: Profile, **changes: Any) -> Profile:
        version = next_version(profile.version, self._clock())
        return replace(profile, version=version, **changes)


def _is_due(profile: Profile, now: float) -> bool:
    return profile.forgetting is not None and profile.forgetting.confirm_at <= now


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
