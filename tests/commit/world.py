"""A broker, a store and a clock of a test, and the commit between them: all of it can crash."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

from stream.bugs import BugBudget
from stream.commit import Commit, Parts
from stream.core.catalogue import Catalogue, Entry
from stream.core.parts import PARTS, Part
from stream.core.profile import Profile
from stream.core.segments import Segment, SegmentModel
from stream.core.tuning import Tuning
from stream.errors import Unavailable
from stream.kafka.deliveries import Delivery, TopicPartition
from stream.kafka.patience import Patience
from stream.render import Renderer
from stream.results import Results
from stream.settings import Settings, load
from stream.store.candidates import Candidates
from stream.store.codec import unpack
from stream.store.shelf import Shelf
from stream.wire.ids import recommendation_id
from tests.kafka.fakes import FakeFlow, FakeHealth, FakeRecord
from tests.sentiment.parts import vader
from tests.support.fakes import FakePublisher, FakeStore, HookedEncoder, delivery_of

NOW = 1_738_310_400.0  # 2025-01-31T08:00:00Z
DIMENSION = 16
ITEMS = tuple(f"i{n}" for n in range(9))  # three clusters of three
EPOCH = 1


class Crash(BaseException):
    """The process dies here: no handler of the service may see it as anything to handle."""


class Path:
    """The points that a run passes, in order; it dies at the `crash_at`-th, if that is set.

    outages  numbers of points where what is asked does not answer, if it is a request
    plans    by point: what else happens there, one after the other, each once
    strikes  by point: what happens there every time
    """

    def __init__(self) -> None:
        self.passed: list[str] = []
        self.crash_at: int | None = None
        self.outages: frozenset[int] = frozenset()
        self.plans: dict[str, list[Callable[[], Awaitable[None]]]] = {}
        self.strikes: dict[str, Callable[[], None]] = {}

    def reach(self, point: str) -> None:
        self.passed.append(point)
        if strike := self.strikes.get(point):
            strike()
        if self.crash_at == len(self.passed):
            raise Crash(point)

    async def hook(self, point: str) -> None:
        self.reach(point)
        if len(self.passed) in self.outages:
            raise Unavailable("qdrant", f"injected at {point}")
        if plans := self.plans.get(point):
            await plans.pop(0)()

    def then(self, point: str, *plans: Callable[[], Awaitable[None]]) -> None:
        self.plans.setdefault(point, []).extend(plans)

    def restart(self, crash_at: int | None, outages: frozenset[int]) -> None:
        self.passed.clear()
        self.crash_at, self.outages = crash_at, outages


@cache
def settings() -> Settings:
    return load(
        topic_partitions=2,
        segment_min_stay_s=0.0,
        segment_min_weight=0.0,
        max_bug_records_per_hour=2,
    )


@cache
def catalogue() -> Catalogue:
    """Items of three far clusters, alike within each."""
    axes = np.eye(DIMENSION, dtype=np.float32)
    entries = []
    for n, item_id in enumerate(ITEMS):
        vector = axes[n % 3] + np.float32(0.3) * axes[3 + n]
        unit = (vector / np.linalg.norm(vector)).astype(np.float32)
        entries.append(Entry(item_id, f"Title {n}", unit, (f"c{n % 3}",)))
    return Catalogue(DIMENSION, tuple(entries))


@cache
def segment_model() -> SegmentModel:
    axes = np.eye(DIMENSION, dtype=np.float32)
    return SegmentModel(1, tuple(Segment(f"s{n}", f"c{n}", axes[n], 1) for n in range(3)))


@dataclass
class World:
    """What outlives a worker: topics, store, committed offsets; `commit()` starts a worker."""

    def __post_init__(self) -> None:
        self.path = Path()
        self.store = FakeStore()
        self.shelf = Shelf(self.store.items, self.store.neighbours, size=100)
        self.publisher = FakePublisher()
        self.encoder = HookedEncoder(DIMENSION)
        self.sentiment = vader()
        self.health = FakeHealth()
        self.now = NOW
        self.log: dict[int, list[FakeRecord]] = {0: [], 1: []}
        self.committed: dict[int, int] = {0: 0, 1: 0}
        self.flow = FakeFlow({TopicPartition("in", partition): EPOCH for partition in self.log})
        self.results = Results()
        self.catalogue = catalogue()
        self.scored_by: Callable[[], tuple[Part, ...]] = lambda: PARTS
        for part in (self.store.users, self.store.items, self.publisher, self.encoder):
            part.hook = self.path.hook

    # --- the worker

    def commit(self) -> Commit:
        """A worker's commit as after its start: nothing is cached."""
        parts = Parts(
            encoder=self.encoder,
            users=self.store.users,
            publisher=self.publisher,
            patience=Patience(self.health, shortest_s=0.0001, longest_s=0.0002),
            renderer=Renderer(
                settings(), encoder="e1", signal_partitions=4, parts=lambda: self.scored_by()
            ),
            bugs=BugBudget(self.store.meta, settings().max_bug_records_per_hour, clock=self.clock),
            catalogue=self._catalogue,
            candidates=Candidates(
                lambda: self.catalogue,
                self.store.items,
                self.shelf,
                Tuning(),
                lambda: self.scored_by(),
            ),
            scored_by=lambda: self.scored_by(),
            segments=self._segments,
            sentiment=self.sentiment,
            clock=self.clock,
        )
        return Commit(settings(), Tuning(), parts, self._done)

    def clock(self) -> float:
        self.path.reach("clock")
        self.now += 0.001
        return self.now

    def _catalogue(self) -> Catalogue:
        self.path.reach("catalogue")
        return self.catalogue

    def _segments(self) -> SegmentModel:
        self.path.reach("segments")
        return segment_model()

    def _done(self, results: Results) -> None:
        self.path.reach("done")
        self.results.add(results)

    # --- the broker

    def produce(self, *values: bytes | None, partition: int = 0, key: bytes = b"u") -> None:
        """Append records; a value that is JSON with a user_id is keyed by it."""
        log = self.log[partition]
        for value in values:
            log.append(FakeRecord(len(log), value, _key(value) or key, int(NOW * 1000)))

    def delivery(self, partition: int = 0, first: int = 0, count: int | None = None) -> Delivery:
        log = self.log[partition]
        end = len(log) if count is None else first + count
        tp = TopicPartition("in", partition)
        return delivery_of(tp, log[first:end], f"source-{partition}", self.flow)

    async def consume(
        self, commit: Commit, partition: int = 0, sizes: Sequence[int] = (), parts: int = 1
    ) -> None:
        """All that is not committed yet, as a worker's lane does it.

        sizes  of the sub-chunks, repeated; () is all at once
        parts  sub-chunks to a delivery
        """
        while (first := self.committed[partition]) < len(self.log[partition]):
            left = len(self.log[partition]) - first
            cuts = [sizes[n % len(sizes)] for n in range(parts)] if sizes else [left]
            delivery = self.delivery(partition, first, min(sum(cuts), left))
            start = 0
            for size in cuts:
                records = delivery.records[start : start + size]
                start += size
                if records:
                    await commit.apply(delivery, records)
            self.path.reach("acknowledge")
            await commit.finish(delivery)
            self.path.reach("acknowledged")  # the broker does not know of it yet
            assert delivery.span.acknowledged
            self.committed[partition] = delivery.last_offset + 1

    # --- what can be seen from outside

    def profile(self, user_id: str = "u") -> Profile:
        return unpack(self.store.users.rows[user_id])

    def profiles(self) -> dict[str, Profile]:
        return {user: unpack(row) for user, row in self.store.users.rows.items()}

    def lists(self, user_id: str = "u") -> list[dict[str, Any] | None]:
        """The messages on the recommendations topic for a user, in order; None forgets."""
        records = [r for r in self.publisher.of("recommendations") if r.key == user_id.encode()]
        return [None if r.value is None else json.loads(r.value) for r in records]

    def changes(self) -> list[dict[str, Any]]:
        """But the nulls, which forget."""
        return [json.loads(r.value) for r in self.publisher.of("segments") if r.value]

    def letters(self) -> dict[str, str]:
        """Reason by the place of the record, of the dead letters."""
        letters = self.publisher.of("dead-letters")
        return {(r.key or b"").decode(): dict(r.headers)["dl_reason"].decode() for r in letters}

    def signals(self) -> list[tuple[str, float]]:
        batches = [json.loads(r.value or b"") for r in self.publisher.of("signals")]
        said = [item for batch in batches for item in batch["items"]]
        return [(item["item_id"], item["count"]) for item in said if "count" in item]


def _key(value: bytes | None) -> bytes | None:
    try:
        return str(json.loads(value or b"")["user_id"]).encode()
    except (ValueError, KeyError, TypeError):
        return None


def event(kind: str = "click", item_id: str | None = "i0", **given: Any) -> bytes:
    """A user's event; ids are unique unless `event_id` is given."""
    body = {"user_id": "u", "type": kind, "item_id": item_id, "at": NOW - 60} | given
    return json.dumps({name: value for name, value in body.items() if value is not None}).encode()


def clicks(count: int, *, user: str = "u", first: int = 0) -> list[bytes]:
    """Distinct clicks, a second apart."""
    return [
        event(item_id=ITEMS[n % len(ITEMS)], user_id=user, at=NOW - 600 + n, event_id=f"{user}-{n}")
        for n in range(first, first + count)
    ]


def assert_same_picture(found: Profile, expected: Profile) -> None:
    """What the events determine is equal; float16 rounds at every save, so sums nearly."""
    assert found.as_of == expected.as_of
    assert dict(found.marks) == dict(expected.marks)
    assert found.event_ids == expected.event_ids
    assert found.seen == expected.seen
    assert found.forgotten_at == expected.forgotten_at
    assert found.ratings == expected.ratings
    assert [(r.item_id, r.at, r.interest) for r in found.recent] == [
        (r.item_id, r.at, r.interest) for r in expected.recent
    ]
    assert_same_masses(found, expected)


def assert_same_masses(found: Profile, expected: Profile) -> None:
    """Sums that do not depend on the order of the events."""
    for ours, theirs in ((found.session, expected.session), (found.aversion, expected.aversion)):
        assert (ours is None) == (theirs is None)
        if ours is not None and theirs is not None:
            assert ours.at == theirs.at
            np.testing.assert_allclose(ours.weight, theirs.weight, rtol=1e-6)
            np.testing.assert_allclose(ours.vector, theirs.vector, rtol=0.02, atol=0.01)
    assert found.categories.at == expected.categories.at
    assert dict(found.categories.weights) == _nearly(dict(expected.categories.weights))
    assert len(found.interests) == len(expected.interests)
    for one, other in zip(
        sorted(found.interests, key=lambda i: i.id),
        sorted(expected.interests, key=lambda i: i.id),
        strict=True,
    ):
        np.testing.assert_allclose(one.mass.weight, other.mass.weight, rtol=1e-4)
        np.testing.assert_allclose(one.mass.vector, other.mass.vector, rtol=1e-3, atol=1e-4)


def _nearly(weights: dict[str, float]) -> Any:
    return pytest.approx(weights, rel=1e-4)


def assert_all_published(world: World) -> None:
    """The newest stored list of every user and every outbox entry that ever was reached its topic,
    as stored; the same id never said two things."""
    for user, profile in world.profiles().items():
        sent = world.lists(user)
        if profile.current is None:
            assert profile.forgotten_at is None or sent[-1] is None
            continue
        newest = max((m for m in sent if m is not None), key=lambda m: m["version"])
        assert newest["recommendation_id"] == recommendation_id(user, profile.current.version)
        assert [(o["item_id"], o["rank"], o["score"]) for o in newest["items"]] == [
            (o.item_id, rank, o.score) for rank, o in enumerate(profile.current.offers, 1)
        ]
    assert_changes_are_out(world)
    assert_ids_are_stable(world)


def assert_changes_are_out(world: World) -> None:
    """Every change that was stored; what waited when its user was forgotten may have gone then."""
    waiting: dict[str, set[str]] = {}
    forgotten: dict[str, float | None] = {}
    stored: set[str] = set()
    for row in world.store.users.history:
        profile = unpack(row)
        changes = {change.change_id for change in profile.outbox}
        owed = waiting.setdefault(row.user_id, set())
        if profile.forgotten_at != forgotten.get(row.user_id):
            forgotten[row.user_id] = profile.forgotten_at
            owed.clear()
        owed |= changes
        stored |= changes
    sent = {change["change_id"] for change in world.changes()}
    assert sent <= stored
    assert set().union(*waiting.values()) <= sent


def assert_ids_are_stable(world: World) -> None:
    said: dict[tuple[str, bytes], bytes | None] = {}
    for topic, name in (("recommendations", "recommendation_id"), ("segments", "change_id")):
        for record in world.publisher.of(topic):
            if record.value is not None:
                what = (topic, json.loads(record.value)[name].encode())
                assert said.setdefault(what, record.value) == record.value


def assert_versions_grow(world: World) -> None:
    newest: dict[str, int] = {}
    for row in world.store.users.history:
        assert row.updated_at > newest.get(row.user_id, 0)
        newest[row.user_id] = row.updated_at


def assert_adds_up(results: Results, events: int) -> None:
    """Every event has one fate."""
    assert results.events == events
    fates = results.skipped.total() + results.dead_letters.total()
    assert events == results.applied + results.already_applied + fates
