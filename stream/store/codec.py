"""A profile as a row of the store, and back: packed, because its size decides the machines needed.

Interests go as unit float32 rows into the multivector with their magnitudes in the state; session
and aversion sums are float16 in units of their weight; rings are packed integers in base64; the
rest is short JSON. Reading gives what writing kept: a cache holds `unpack(pack(profile))`, so
cached and loaded are the same.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream.core.decay import ABSENT_WEIGHT, Mass, Tally, Vector, direction
from stream.core.profile import (
    Budget,
    Forgetting,
    Interest,
    InterestShare,
    Membership,
    Offer,
    Profile,
    Recent,
    StoredList,
    interest_weights,
    taste,
)
from stream.core.strength import RatingMean
from stream.core.tuning import Tuning
from stream.errors import Unavailable
from stream.store.changes import ChangeRow, SaidRow, change_row, changes, said_row
from stream.store.convert import stand_in
from stream.store.days import pack_days, unpack_days
from stream.store.rows import UserRow

#: Version of the packed form. A worker refuses a newer one and upgrades older ones as it writes.
SCHEMA = 1

#: A segment change that waits longer was not sent by the one who made it.
OUTBOX_WAIT_S = 30.0


class _Interest(msgspec.Struct, array_like=True):
    id: str
    weight: float
    length: float
    at: float
    medoid: str
    nearness: float
    label: str


class _Mass(msgspec.Struct, array_like=True):
    weight: float
    at: float
    mean: str


class _Offer(msgspec.Struct, array_like=True):
    item: str
    score: float
    source: str
    propensity: float
    because: list[str]
    share: dict[str, float]


class _List(msgspec.Struct, array_like=True):
    version: int
    as_of: float
    caused_by: list[str]
    offers: list[_Offer]
    interests: list[tuple[str, str, float]]
    entropy: float
    confidence: float
    segment: str | None
    categories: dict[str, float] = {}


class _State(msgspec.Struct, omit_defaults=True):
    v: int
    as_of: float
    version: int
    interests: list[_Interest] = []
    session: _Mass | None = None
    aversion: _Mass | None = None
    categories: dict[str, float] = {}
    categories_at: float = 0.0
    days: str | None = None
    days_since: int = 0
    ratings: tuple[float, int] = (0.0, 0)
    recent_ids: list[str] = []
    recent_at: str = ""
    recent_strength: str = ""
    recent_interest: list[str] = []
    recent_joined: list[int] = []
    seen: str = ""
    event_ids: str = ""
    marks: list[tuple[str, int]] = []
    offered: str = ""
    current: _List | None = None
    membership: tuple[str, int, float] | None = None
    outbox: list[ChangeRow] = []
    outbox_said: list[SaidRow] = []  # one for each; a worker that does not know them drops them all
    budget: tuple[int, int] = (0, 0)
    forgotten_at: float | None = None
    forgetting: tuple[list[str], dict[str, int], float, float] | None = None


class _Version(msgspec.Struct):
    v: int


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_State)
_version = msgspec.json.Decoder(_Version)


def pack(profile: Profile, etag: int, tuning: Tuning, *, now: float) -> UserRow:
    """The row that holds the profile.

    etag  fresh for each user in each write
    now   wall clock, seconds
    """
    interests = [i for i in profile.interests if direction(i.mass.vector) is not None]
    units = [direction(interest.mass.vector) for interest in interests]
    current = profile.current
    joined = sorted({recent.interest for recent in profile.recent})
    state = _State(
        v=SCHEMA,
        as_of=profile.as_of,
        version=profile.version,
        interests=[_pack_interest(interest) for interest in interests],
        session=_pack_mass(profile.session),
        aversion=_pack_mass(profile.aversion),
        categories={name: _short(w) for name, w in profile.categories.weights.items()},
        categories_at=profile.categories.at,
        days=pack_days(profile.lately, profile.categories),
        days_since=profile.lately.since,
        ratings=(profile.ratings.total, profile.ratings.count),
        recent_ids=[recent.item_id for recent in profile.recent],
        recent_at=_text(np.array([recent.at for recent in profile.recent], np.float64)),
        recent_strength=_text(np.array([r.strength for r in profile.recent], np.float16)),
        recent_interest=joined,
        recent_joined=[joined.index(recent.interest) for recent in profile.recent],
        seen=_text(np.array(profile.seen, np.uint32)),
        event_ids=_text(np.array(profile.event_ids, np.uint64)),
        marks=list(profile.marks),
        offered=_text(np.array(profile.offered, np.uint32)),
        current=None if current is None else _pack_list(current),
        membership=_membership(profile.membership),
        outbox=[change_row(change) for change in profile.outbox],
        outbox_said=[said_row(change) for change in profile.outbox],
        budget=(profile.budget.hour, profile.budget.spent),
        forgotten_at=profile.forgotten_at,
        forgetting=None if profile.forgetting is None else _pack_forgetting(profile.forgetting),
    )
    return UserRow(
        user_id=stand_in(profile.user_id) if profile.nameless else profile.user_id,
        etag=etag,
        state=_encoder.encode(state).decode(),
        interests=_stack(units),
        taste=taste(profile, profile.as_of, tuning),
        segment=profile.membership.segment if profile.membership else None,
        updated_at=profile.version,
        outbox_at=_waits_until(profile, now),
        active_at=int(profile.as_of) or None,
        weight_milli=round(1000 * sum(interest_weights(profile, profile.as_of, tuning))),
    )


def _waits_until(profile: Profile, now: float) -> int | None:
    """Wall clock, ms, from which a sweep has something to do for the user."""
    times = [now + OUTBOX_WAIT_S] if profile.outbox else []
    if profile.forgetting is not None:
        times.append(profile.forgetting.confirm_at)
    return int(min(times) * 1000) if times else None


def unpack(row: UserRow) -> Profile:
    """The profile that a row holds.

    Raises Unavailable where a newer version of the service wrote it: the operator must finish the
    upgrade, and until then its events wait.
    """
    found = _version.decode(row.state).v
    if found > SCHEMA:
        raise Unavailable(
            "qdrant",
            f"a profile has schema version {found}, this worker knows {SCHEMA}: upgrade the worker",
        )
    state = _decoder.decode(row.state)
    rows = zip(state.interests, row.interests, strict=True)
    tally = Tally(state.categories, state.categories_at)
    return Profile(
        user_id=row.user_id,
        version=state.version,
        as_of=state.as_of,
        session=_unpack_mass(state.session),
        interests=tuple(_unpack_interest(interest, unit) for interest, unit in rows),
        aversion=_unpack_mass(state.aversion),
        categories=tally,
        lately=unpack_days(state.days, state.days_since, tally),
        ratings=RatingMean(*state.ratings),
        recent=_unpack_recent(state),
        seen=_numbers(state.seen, np.uint32),
        event_ids=_numbers(state.event_ids, np.uint64),
        marks=tuple(state.marks),
        offered=_numbers(state.offered, np.uint32),
        current=None if state.current is None else _unpack_list(state.current),
        membership=Membership(*state.membership) if state.membership else None,
        outbox=changes(state.outbox, state.outbox_said),
        budget=Budget(*state.budget),
        forgotten_at=state.forgotten_at,
        forgetting=(
            None
            if state.forgetting is None
            else Forgetting(tuple(state.forgetting[0]), *state.forgetting[1:])
        ),
    )


def _pack_forgetting(one: Forgetting) -> tuple[list[str], dict[str, int], float, float]:
    return (list(one.asked_by), dict(one.removed), one.removed_at, one.confirm_at)


def _pack_interest(interest: Interest) -> _Interest:
    mass = interest.mass
    length = float(np.linalg.norm(mass.vector))
    return _Interest(
        interest.id,
        mass.weight,
        length,
        mass.at,
        interest.medoid,
        _short(interest.nearness),
        interest.label,
    )


def _unpack_interest(packed: _Interest, unit: Vector) -> Interest:
    vector: Vector = np.float32(packed.length) * unit
    mass = Mass(packed.weight, vector, packed.at)
    return Interest(packed.id, mass, packed.medoid, packed.nearness, packed.label)


def _pack_mass(mass: Mass | None) -> _Mass | None:
    if mass is None or mass.weight < ABSENT_WEIGHT:
        return None
    # In units of its weight a sum's components are within [-1, 1], whatever its age and history:
    # as it is, float16 would overflow above 65,504 and turn coarse below 6e-5.
    mean = mass.vector / np.float32(mass.weight)
    return _Mass(mass.weight, mass.at, _text(mean.astype(np.float16)))


def _unpack_mass(packed: _Mass | None) -> Mass | None:
    if packed is None:
        return None
    mean = np.frombuffer(b64decode(packed.mean), np.float16).astype(np.float32)
    return Mass(packed.weight, np.float32(packed.weight) * mean, packed.at)


def _unpack_recent(state: _State) -> tuple[Recent, ...]:
    at = np.frombuffer(b64decode(state.recent_at), np.float64).tolist()
    strength = np.frombuffer(b64decode(state.recent_strength), np.float16).tolist()
    joined = [state.recent_interest[i] for i in state.recent_joined]
    rows = zip(state.recent_ids, at, strength, joined, strict=True)
    return tuple(Recent(*row) for row in rows)


def _pack_list(current: StoredList) -> _List:
    return _List(
        current.version,
        current.as_of,
        list(current.caused_by),
        [
            _Offer(o.item_id, o.score, o.source, o.propensity, list(o.because), dict(o.share))
            for o in current.offers
        ],
        [(i.id, i.label, i.share) for i in current.interests],
        current.entropy,
        current.confidence,
        current.segment,
        dict(current.categories),
    )


def _unpack_list(packed: _List) -> StoredList:
    return StoredList(
        packed.version,
        packed.as_of,
        tuple(packed.caused_by),
        tuple(
            Offer(o.item, o.score, o.source, o.propensity, tuple(o.because), o.share)
            for o in packed.offers
        ),
        tuple(InterestShare(*share) for share in packed.interests),
        packed.entropy,
        packed.confidence,
        packed.segment,
        packed.categories,
    )


def _membership(membership: Membership | None) -> tuple[str, int, float] | None:
    if membership is None:
        return None
    return (membership.segment, membership.model_version, membership.since)


def _stack(units: list[Vector | None]) -> NDArray[np.float32]:
    if not units:
        return np.empty((0, 0), np.float32)
    return np.stack([unit for unit in units if unit is not None])


def _text(array: NDArray[Any]) -> str:
    return b64encode(array.tobytes()).decode()


def _numbers(text: str, dtype: type[np.uint32] | type[np.uint64]) -> tuple[int, ...]:
    return tuple(np.frombuffer(b64decode(text), dtype).tolist())


def _short(value: float) -> float:
    """Six significant digits: half the bytes, and far below float16's own error."""
    return float(f"{value:.6g}")
