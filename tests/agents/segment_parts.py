"""In-memory parts for the leader's tests: a store that guards its rows, and planted users."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from stream.agents.fit import Job
from stream.agents.leader import Leader
from stream.agents.sweep import FindsLetters, Sweep
from stream.core.catalogue import Catalogue, Entry
from stream.core.decay import Mass, Vector
from stream.core.profile import Change, Interest, Membership, Profile
from stream.core.segment_history import Fitted
from stream.core.segments import Segment, SegmentModel
from stream.core.tuning import Tuning
from stream.errors import Unavailable
from stream.kafka.publisher import Outgoing
from stream.render import Renderer
from stream.settings import Settings, load
from stream.store.client import Points
from stream.store.codec import OUTBOX_WAIT_S, pack, unpack
from stream.store.convert import point_uuid
from stream.store.meta import Fact, Meta
from stream.store.rows import Matrix, UserRow, fresh_etag
from stream.store.segments import MODEL_FACT, Segments
from tests.support.candidates import candidates_of

NOW = 1_700_000_000.0


async def no_letters(user_hashes: frozenset[str]) -> dict[str, list[bytes]]:
    return {}


DIMENSION = 8
TUNING = Tuning()


def settings(**given: Any) -> Settings:
    own = {"segments_count": 2, "segments_refit_s": 300, "segments_max_moved": 0.3, "lease_s": 30}
    return load(**{**own, **given})


def renderer() -> Renderer:
    return Renderer(settings(), encoder="e1", signal_partitions=4)


class Clock:
    """Seconds since the epoch, moved by hand."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


async def until(condition: Callable[[], bool]) -> None:
    """Let others run until the condition holds; pytest's time-out ends a wait that is in vain."""
    while True:
        if condition():
            return
        await asyncio.sleep(0)


def axis(number: int) -> Vector:
    row: Vector = np.eye(DIMENSION, dtype=np.float32)[number]
    return row


def user(user_id: str, likes: Vector, **given: Any) -> Profile:
    """Somebody with one interest."""
    interest = Interest("0" * 8, Mass(1.0, likes, NOW), "film", 1.0, "drama")
    return Profile(user_id, version=1, as_of=NOW, interests=(interest,), **given)


def change(number: int, after: str = "s1") -> Change:
    return Change(f"change-{number}", NOW, None, after, "drama", "event", "e", 0.1, 1)


def waiting(user_id: str, *numbers: int) -> Profile:
    """Somebody whose changes were never sent."""
    return user(
        user_id,
        axis(0),
        membership=Membership("s1", 1, NOW),
        outbox=tuple(map(change, numbers)),
    )


def model(version: int, **centroids: Vector) -> SegmentModel:
    return SegmentModel(
        version, tuple(Segment(name, f"of {name}", at, 1) for name, at in centroids.items())
    )


class FakeFacts:
    """Facts that change only by compare-and-set; `away` makes every call fail."""

    def __init__(self) -> None:
        self.facts: dict[str, Fact] = {}
        self.away = False

    async def get(self, name: str) -> Fact | None:
        await self._answer()
        return self.facts.get(name)

    async def put(self, name: str, value: Mapping[str, Any], read_etag: int | None) -> bool:
        await self._answer()
        now = self.facts.get(name)
        if (now.etag if now else None) != read_etag:
            return False
        self.facts[name] = Fact(dict(value), fresh_etag())
        return True

    async def _answer(self) -> None:
        await asyncio.sleep(0)  # others get their turn between a read and the write after it
        if self.away:
            raise Unavailable("qdrant", "injected")


class FakeUsers:
    """Profiles packed as in the store, each written only where its etag is the one read.

    written_at   wall clock of the first writes, and of those beside the sweep
    before_save  called before each save: another writer's moment
    pages_read   pages that were asked for
    gathered     times that those were asked for who are elsewhere
    """

    def __init__(
        self, profiles: Iterable[Profile] = (), written_at: float = NOW - OUTBOX_WAIT_S - 1
    ) -> None:
        self.written_at = written_at
        self.rows: dict[str, UserRow] = {}
        for profile in profiles:
            self.write(profile)
        self.before_save: Callable[[], None] = lambda: None
        self.pages_read = 0
        self.gathered = 0

    def profile(self, user_id: str) -> Profile:
        return unpack(self.rows[user_id])

    def write(self, profile: Profile) -> None:
        row = pack(profile, fresh_etag(), TUNING, now=self.written_at)
        self.rows[profile.user_id] = row

    async def load(self, user_ids: Iterable[str]) -> dict[str, UserRow]:
        return {user_id: self.rows[user_id] for user_id in user_ids if user_id in self.rows}

    async def save(self, rows: Sequence[UserRow], read_etags: Mapping[str, int | None]) -> set[str]:
        self.before_save()
        names = {point_uuid(name): name for name in read_etags}
        mine = {names[point_uuid(row.user_id)]: row for row in rows}
        won = {n: r for n, r in mine.items() if self.rows[n].etag == read_etags[n]}
        self.rows |= won
        return set(won)

    async def unsent(self, before_ms: int, limit: int) -> list[UserRow]:
        waits = [r for r in self.rows.values() if r.outbox_at and r.outbox_at < before_ms]
        return waits[:limit]

    async def tastes(self, limit: int, min_weight: float = 0.0) -> tuple[list[str], Matrix]:
        found = {
            r.user_id: r.taste
            for r in self.rows.values()
            if r.taste is not None
            if r.segment or (r.weight_milli or 0) >= 1000 * min_weight
        }
        rows = list(found.values())[:limit]
        return list(found)[:limit], np.stack(rows) if rows else np.zeros((0, DIMENSION), np.float32)

    async def pages(self, page: int) -> AsyncIterator[list[UserRow]]:
        names = sorted(self.rows)
        for start in range(0, len(names), page):
            self.pages_read += 1
            yield [self.rows[name] for name in names[start : start + page]]

    async def elsewhere(self, segments: Sequence[str], page: int) -> AsyncIterator[list[UserRow]]:
        self.gathered += 1
        found = [r for r in self.rows.values() if r.segment and r.segment not in segments]
        for start in range(0, len(found), page):
            yield found[start : start + page]


class FakeSegments(Segments):
    """The real rules for the fact, over models in memory; `away` makes every call fail."""

    def __init__(self) -> None:
        self.facts = FakeFacts()
        super().__init__(cast(Points, None), cast(Meta, self.facts))
        self.models: dict[int, SegmentModel] = {}

    @property
    def away(self) -> bool:
        return self.facts.away

    @away.setter
    def away(self, away: bool) -> None:
        self.facts.away = away

    @property
    def in_force(self) -> int | None:
        fact = self.facts.facts.get(MODEL_FACT)
        return fact.value["version"] or None if fact else None

    @in_force.setter
    def in_force(self, version: int) -> None:
        fact = self.facts.facts.get(MODEL_FACT)
        value = fact.value if fact else {"version": 0, "previous": 0, "claimed": version}
        self.facts.facts[MODEL_FACT] = Fact(value | {"version": version}, fresh_etag())

    async def load(self, version: int) -> SegmentModel | None:
        return self.models.get(version)

    async def save(self, model: SegmentModel) -> None:
        if self.away:
            raise Unavailable("qdrant", "injected")
        self.models[model.version] = model

    async def _prune(self, kept: set[int]) -> None:
        self.models = {v: m for v, m in self.models.items() if v in kept or v > max(kept)}

    def put_in_force(self, model: SegmentModel) -> None:
        self.models[model.version] = model
        self.in_force = model.version


@dataclass
class FakeStore:
    users: FakeUsers = field(default_factory=FakeUsers)
    segments: FakeSegments = field(default_factory=FakeSegments)
    meta: FakeFacts = field(default_factory=FakeFacts)


class FakePublisher:
    """Keeps what was confirmed; `away` makes sending fail after the record arrived."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.away = False

    async def send(self, records: Sequence[Outgoing]) -> None:
        self.sent += records
        if self.away:
            raise Unavailable("kafka", "injected")


def sweep_of(
    users: FakeUsers,
    publisher: FakePublisher,
    clock: Clock,
    letters: FindsLetters = no_letters,
) -> Sweep:
    """A sweep over parts in memory."""
    return Sweep(
        settings(),
        TUNING,
        users=users,
        publisher=publisher,
        renderer=renderer(),
        catalogue=lambda: Catalogue(DIMENSION),
        letters=letters,
        clock=clock,
    )


# --- the leader over these

GENRES = ("drama", "comedy")
CATALOGUE = Catalogue(DIMENSION).with_entries(
    Entry(f"i{n}", f"title {n}", axis(n % 2), (GENRES[n % 2],)) for n in range(80)
)


def leader_of(
    store: FakeStore,
    publisher: FakePublisher,
    clock: Clock,
    fit: Callable[[Job], Awaitable[Fitted]],
) -> Leader:
    """One that moves users as fast as it can."""
    return Leader(
        settings(),
        TUNING,
        store=store,
        catalogue=lambda: CATALOGUE,
        nearest=candidates_of(CATALOGUE).nearest,
        publisher=publisher,
        renderer=renderer(),
        letters=no_letters,
        clock=clock,
        fit=fit,
        users_per_s=1e9,
    )


def two_groups(version: int, size: int = 1) -> SegmentModel:
    """The two groups that are planted, without labels; `size` is of each."""
    return SegmentModel(version, tuple(Segment(f"s{n}", "", axis(n), size) for n in (0, 1)))
