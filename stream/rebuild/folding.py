"""Profiles folded anew: many in memory, the least recently used written when they are too many."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from stream.bugs import pure
from stream.core.carry import seeded
from stream.core.fold import Observation, Outcome, fold
from stream.core.forgetting import begun
from stream.core.profile import Profile
from stream.core.tuning import Tuning
from stream.errors import Failed
from stream.reembed.copying import patiently
from stream.settings import Settings
from stream.store.codec import pack, unpack
from stream.store.convert import point_uuid
from stream.store.rows import UserRow, fresh_etag
from stream.store.users import Users

KEPT_USERS = 20_000  # profiles in memory: some 300 MB at the size of the demo's
WRITTEN_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Kept:
    """A profile in memory. `etag` of its row as read or written, None where there is none yet."""

    profile: Profile
    etag: int | None
    written: bool


class Folding:
    """The only writer of `target`. Methods raise Unavailable after a long outage.

    live    where it is looked up whether a user was forgotten
    target  the collection that is being made
    kept    point ids of rows there that are copies of the live ones: who has an event after all
            is taken out and begins anew
    """

    def __init__(
        self,
        settings: Settings,
        *,
        live: Users,
        target: Users,
        kept: set[str],
        kept_users: int = KEPT_USERS,
    ) -> None:
        self._settings = settings
        self._live = live
        self._target = target
        self._copies = kept
        self._kept_users = kept_users
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    async def fold(
        self, seen: Mapping[str, Sequence[Observation]], tuning: Tuning, now: float
    ) -> int:
        """How many observations were applied. Repeatable: what was applied is not again.

        now  wall clock, seconds
        """
        await self._load([user for user in seen if user not in self._kept])
        applied, folded = 0, {}
        with pure():
            for user, own in seen.items():
                after = fold(self._kept[user].profile, own, tuning)
                applied += sum(outcome is Outcome.APPLIED for outcome in after.outcomes)
                if after.changed:
                    folded[user] = (
                        self._dated(after.profile, now) if after.forgot else after.profile
                    )
        for user, profile in folded.items():
            self._kept[user] = Kept(profile, self._kept[user].etag, written=False)
            self._kept.move_to_end(user)
        while len(self._kept) > self._kept_users:
            await self._write(list(self._kept)[:WRITTEN_AT_ONCE])
        return applied

    async def write(self) -> None:
        """Everything is in the store when this returns, and nothing is in memory."""
        while self._kept:
            await self._write(list(self._kept)[:WRITTEN_AT_ONCE])

    def _dated(self, profile: Profile, now: float) -> Profile:
        """A new tombstone; without a version, so that what lives says how far its removal is."""
        dated = begun(profile, now, confirm_s=self._settings.forget_confirm_s)
        return replace(dated, version=0)

    async def _load(self, users: Sequence[str]) -> None:
        for start in range(0, len(users), WRITTEN_AT_ONCE):
            some = users[start : start + WRITTEN_AT_ONCE]
            rows = await patiently(partial(self._target.load, some))
            known = {u for u in rows if point_uuid(u) not in self._copies}
            new = [user for user in some if user not in known]
            live = await patiently(partial(self._live.load, new))
            for user in known:
                self._kept[user] = Kept(unpack(rows[user]), rows[user].etag, written=True)
            for user in new:
                before, copy = live.get(user), rows.get(user)
                profile = seeded(user, None if before is None else readable(before))
                self._kept[user] = Kept(profile, copy.etag if copy else None, written=True)

    async def _write(self, users: Sequence[str]) -> None:
        """Write these and let them go."""
        some = {user: one for user in users if not (one := self._kept[user]).written}
        rows = [
            pack(one.profile, fresh_etag(), self._settings.tuning(), now=0.0)
            for one in some.values()
        ]
        await save_all(self._target, rows, [one.etag for one in some.values()])
        for user in users:
            del self._kept[user]
        self._copies.difference_update(map(point_uuid, some))


async def save_all(
    target: Users, rows: Sequence[UserRow], read_etags: Sequence[int | None]
) -> None:
    """Write rows that nobody else writes. Raises Failed where somebody does.

    After an outage the same rows are written again: one that was stored carries its etag already.
    """
    if not rows:
        return
    read = {row.user_id: etag for row, etag in zip(rows, read_etags, strict=True)}
    left = read.keys() - await patiently(partial(target.save, rows, read))
    if left:
        raise Failed(
            f"{len(left)} rows of {target.table.points.collection} were written by somebody else: "
            "does another rebuild run? Let one end, then run this again"
        )


def readable(row: UserRow) -> Profile | None:
    """The row's profile; None where it is damaged, which a rebuild mends.

    Raises Unavailable where a newer version of the service wrote it.
    """
    try:
        return unpack(row)
    except (ValueError, TypeError, KeyError, IndexError):
        return None
