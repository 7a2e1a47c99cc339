"""What the protocol rests on, each with how to take it out: the search must then find a mistake."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import pytest
from qdrant_client import grpc as pb

from stream.agents.sweep import Sweep
from stream.commit import Commit
from stream.core import fold
from stream.core.fold import Folded
from stream.core.profile import Profile
from stream.core.tuning import Tuning
from stream.errors import Unavailable
from stream.handling import Handling
from stream.kafka.deliveries import Delivery
from stream.kafka.publisher import Outgoing
from stream.store import codec, guarded
from stream.store.client import Points
from stream.store.convert import point_uuid
from stream.store.guarded import Draft
from stream.store.rows import UserRow, fresh_etag
from stream.store.users import Users
from tests.simulation.store import SimulatedPoints

Patch = Callable[[pytest.MonkeyPatch], None]
Read = Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class Protection:
    """`without` takes it out of the real code; `why` says what it is for.

    scenario  number of the one in which it matters
    """

    name: str
    why: str
    without: Patch
    scenario: int = 1


def _no_condition(patch: pytest.MonkeyPatch) -> None:
    upsert = SimulatedPoints.upsert

    async def unconditional(
        self: SimulatedPoints, points: Any, mode: Any, condition: pb.Filter | None = None
    ) -> None:
        await upsert(self, points, mode)

    patch.setattr(SimulatedPoints, "upsert", unconditional)


def _no_insert_only(patch: pytest.MonkeyPatch) -> None:
    """As a server does that is too old to know the mode: it ignores the field."""
    upsert = SimulatedPoints.upsert

    async def ignoring(
        self: SimulatedPoints, points: Any, mode: Any, condition: pb.Filter | None = None
    ) -> None:
        known = pb.UpdateMode.Upsert if mode == pb.UpdateMode.InsertOnly else mode
        await upsert(self, points, known, condition)

    patch.setattr(SimulatedPoints, "upsert", ignoring)


def _one_etag_a_write(patch: pytest.MonkeyPatch) -> None:
    save = Commit._save
    shared = [0]  # nothing waits between the start of a save and the packing of its rows

    async def save_with_one(self: Commit, *given: Any) -> Any:
        shared[:] = [fresh_etag()]
        return await save(self, *given)

    patch.setattr(Commit, "_save", save_with_one)
    patch.setattr("stream.commit.fresh_etag", lambda: shared[0])


def _no_read_back(patch: pytest.MonkeyPatch) -> None:
    async def save(points: Points, drafts: Sequence[Draft], read: Read) -> set[str]:
        await guarded._write(points, drafts, read)
        return {draft.point for draft in drafts}

    patch.setattr(guarded, "save", save)


def _no_marks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Profile, "mark", lambda self, source: -1)


def _no_ring(patch: pytest.MonkeyPatch) -> None:
    numbers = count()
    patch.setattr(fold, "hash64", lambda event_id: next(numbers))


def _no_outbox(patch: pytest.MonkeyPatch) -> None:
    """What is written has none; who wrote it still has it at hand, and sends it."""
    written: dict[int, tuple[UserRow, Profile]] = {}

    def pack(profile: Profile, etag: int, tuning: Tuning, *, now: float) -> UserRow:
        row = codec.pack(replace(profile, outbox=()), etag, tuning, now=now)
        written[id(row)] = (row, profile)
        return row

    def unpack(row: UserRow) -> Profile:
        profile = codec.unpack(row)
        kept = written.get(id(row))
        return profile if kept is None else replace(profile, outbox=kept[1].outbox)

    patch.setattr("stream.commit.pack", pack)
    patch.setattr("stream.commit.unpack", unpack)


def _no_stored_list(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Folded, "redelivered", property(lambda self: False))


def _no_tombstone(patch: pytest.MonkeyPatch) -> None:
    """Whoever is forgotten is deleted: marks, etag, version and time go with the rest."""
    save = Users.save

    async def delete_forgotten(self: Users, rows: Sequence[UserRow], read: Read) -> set[str]:
        won = await save(self, rows, read)
        gone = [row.user_id for row in rows if row.user_id in won and _is_tombstone(row)]
        if gone:
            with suppress(Unavailable):
                await self.table.points.delete(list(map(point_uuid, gone)))
        return won

    patch.setattr(Users, "save", delete_forgotten)


def _is_tombstone(row: UserRow) -> bool:
    profile = codec.unpack(row)
    return profile.forgotten_at is not None and not profile.recent


def _no_ownership_check(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Delivery, "check_owned", lambda self: None)


def _no_confirmed_sends(patch: pytest.MonkeyPatch) -> None:
    async def send(self: Handling, delivery: Delivery, outgoing: Sequence[Outgoing]) -> None:
        delivery.check_owned()
        with suppress(Unavailable):
            await self._publisher.send(outgoing)

    patch.setattr(Handling, "send", send)


def _no_confirmation(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Sweep, "_as_stored", lambda self, profile: [])


def _no_growing_versions(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("stream.commit.next_version", lambda before, now_s: int(now_s * 1000))


PROTECTIONS = (
    Protection("etag condition", "a write changes only what is as it was read", _no_condition),
    Protection("insert only", "who saw no row cannot replace one", _no_insert_only),
    Protection("etag a user", "who saw half of a write cannot undo the rest", _one_etag_a_write, 0),
    Protection("read-back", "a refused write is answered 'completed'", _no_read_back),
    Protection("marks", "what comes again is known, and sent again", _no_marks),
    Protection("event-id ring", "producers send twice", _no_ring),
    Protection("outbox", "a change saved and not sent is sent by whoever comes next", _no_outbox),
    Protection("stored list", "a list saved and not sent goes out again", _no_stored_list),
    Protection("tombstone", "what is forgotten does not come back", _no_tombstone, 3),
    Protection("ownership check", "who lost a partition stops", _no_ownership_check),
    Protection("confirmed sends", "nothing is acknowledged before it is out", _no_confirmed_sends),
    Protection("confirmation", "what was on its way is taken back", _no_confirmation, 4),
    Protection("version", "it grows where clocks differ", _no_growing_versions),
)
