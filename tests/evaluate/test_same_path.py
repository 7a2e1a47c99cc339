"""What `evaluate` ranks is what a worker publishes: a recorded run, played again without it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast

import numpy as np
import pytest

from stream.agents.signals import SignalsAgent
from stream.bugs import BugBudget
from stream.core.crowd import crowd
from stream.core.profile import Profile, StoredList
from stream.evaluate.engine import Engine
from stream.evaluate.replay import Chunk, Flush, replay
from stream.kafka.deliveries import TopicPartition
from stream.kafka.patience import Patience
from stream.observe import event_kinds
from stream.store.collections import Store
from stream.store.replica import Replica
from stream.wire.decode import Limits, decode_event
from stream.wire.inputs import Event
from tests.commit import world as worlds
from tests.commit.world import DIMENSION, ITEMS, NOW, World, settings
from tests.kafka.fakes import FakeFlow, FakeHealth, FakeRecord
from tests.support.fakes import delivery_of
from tests.support.rows import item_row

SIGNALS = TopicPartition("signals", 0)
USERS = ("ada", "bob", "cleo")


class Recorder:
    """A worker with its signals agent and replica, and a record of what they did."""

    def __init__(self, max_items: int = 100) -> None:
        self.world = World()
        self.steps: list[Chunk | Flush] = []
        self.published: list[dict[str, dict[str, object]]] = []
        self._heard = 0
        self._commit = self.world.commit()
        self._flow = FakeFlow({SIGNALS: 1})
        self._agent = SignalsAgent(
            settings(),
            neighbours=self.world.store.neighbours,
            publisher=self.world.publisher,
            patience=Patience(FakeHealth(), shortest_s=0.0001, longest_s=0.0002),
            bugs=BugBudget(self.world.store.meta, 10),
            on_done=self.world.results.add,
            tuning=settings().tuning(),
            clock=lambda: NOW,
        )
        for entry in worlds.catalogue().entries:
            self.world.store.items.rows[entry.item_id] = item_row(
                entry.item_id,
                title=entry.title,
                categories=entry.categories,
                vector=entry.vector,
            )
        self._replica = Replica(
            cast(Store, self.world.store),
            dimension=DIMENSION,
            poll_s=1.0,
            overlap_s=30.0,
            max_items=max_items,
            shelf=self.world.shelf,
        )

    async def chunk(self, *values: bytes) -> None:
        sent = {user: len(self.world.lists(user)) for user in USERS}
        self.world.produce(*values)
        await self.world.consume(self._commit)
        fresh = {user: self.world.lists(user)[sent[user] :] for user in USERS}
        lists = {user: own[-1] for user, own in fresh.items() if own and own[-1] is not None}
        self.published.append(lists)
        versions = {user: profile.version for user, profile in self.world.profiles().items()}
        self.steps.append(Chunk([decoded(value) for value in values], versions))

    async def look(self) -> None:
        """What the replica sees now is what the worker ranks."""
        await self._replica.refresh()
        self.world.catalogue = self._replica.catalogue

    async def flush(self) -> None:
        records = self.world.publisher.of("signals")[self._heard :]
        self._heard += len(records)
        for record in records:
            delivery = delivery_of(SIGNALS, [FakeRecord(0, record.value)], "source", self._flow)
            await self._agent.apply(delivery, delivery.records)
            await self._agent.finish(delivery)
        await self._agent.flush()
        await self.look()
        self.steps.append(Flush())


def decoded(value: bytes) -> Event:
    found = decode_event(
        value, None, limits=Limits.of(settings()), event_types=settings().event_types, now=NOW
    )
    assert isinstance(found, Event)
    return found


def played(steps: Sequence[Chunk | Flush]) -> list[dict[str, StoredList]]:
    tuning = settings().tuning()
    engine = Engine(worlds.catalogue(), event_kinds(settings()), tuning)
    return replay(engine, settings(), steps)


@pytest.mark.parametrize("max_items", [100, 1], ids=["scored", "searched"])
async def test_a_recorded_plan_gives_the_lists_that_were_published(max_items: int) -> None:
    """Three users in turns, chunks of several sizes, clicks, ratings and a dislike, also clicks on
    what was offered; what they say about items becomes visible at flushes only. It is the same
    where the worker searches for candidates instead of scoring all items."""
    recorder = Recorder(max_items)
    await recorder.look()
    assert recorder.world.catalogue.light == (max_items < len(ITEMS))
    rng = np.random.default_rng(3)
    kinds = ("click", "rating", "like", "dislike", "view")
    number = 0
    for turn in range(24):
        values = []
        for _ in range(1 + turn % 4):
            user, item = USERS[int(rng.integers(3))], ITEMS[int(rng.integers(len(ITEMS)))]
            kind = kinds[int(rng.integers(len(kinds)))]
            given = {"rating": float(rng.integers(1, 6))} if kind == "rating" else {}
            at = NOW - 86_400 + 60.0 * number
            values.append(
                worlds.event(kind, item, user_id=user, at=at, event_id=f"e{number}", **given)
            )
            number += 1
        await recorder.chunk(*values)
        if turn % 3 == 2:
            await recorder.flush()

    found = played(recorder.steps)

    assert len(found) == len(recorder.published) == 24
    compared = 0
    for mine, published in zip(found, recorder.published, strict=True):
        assert mine.keys() == published.keys()
        for user, own in mine.items():
            offers = cast(list[dict[str, object]], published[user]["items"])
            assert [o.item_id for o in own.offers] == [o["item_id"] for o in offers]
            assert [o.score for o in own.offers] == pytest.approx(
                [o["score"] for o in offers], abs=1e-5
            )
            compared += len(offers)
    assert compared > 100
    assert any("neighbours" in json.dumps(one) for one in recorder.published)


async def test_a_plan_without_its_flushes_gives_other_lists() -> None:
    """The record matters: signals are seen when they were written, not when they were sent."""
    recorder = Recorder()
    for number in range(6):
        user = USERS[number % 2]
        await recorder.chunk(
            worlds.event("like", ITEMS[number], user_id=user, at=NOW - 600 + number)
        )
        await recorder.flush()
    flushed = played(recorder.steps)
    unflushed = played([step for step in recorder.steps if isinstance(step, Chunk)])

    def scores(lists: Sequence[dict[str, StoredList]]) -> list[float]:
        return [offer.score for one in lists for own in one.values() for offer in own.offers]

    assert scores(flushed) != pytest.approx(scores(unflushed), abs=1e-5)


async def test_what_users_of_a_segment_do_is_hot_for_its_newcomers() -> None:
    """From the worker's fold by signals, rows and replica to the part; a first event, before which
    its user was in no segment, counts for everybody alone."""
    recorder = Recorder()
    first, second = ITEMS[0], ITEMS[3]  # of one cluster: the user stays in the segment
    for number, item in enumerate((first, second)):
        await recorder.chunk(worlds.event("like", item, user_id="ada", at=NOW - 60 + number))
    await recorder.flush()

    catalogue, member = recorder.world.catalogue, recorder.world.profiles()["ada"].membership
    assert member is not None
    newcomer = Profile("new", as_of=NOW, membership=member)
    values = crowd([newcomer], catalogue, settings().tuning())

    assert np.flatnonzero(values[0]).tolist() == [catalogue.rows[second]]
    assert dict(catalogue.learned[first].by_segment()) == {}
    assert catalogue.learned[first].hotness == pytest.approx(1.0, rel=1e-3)
