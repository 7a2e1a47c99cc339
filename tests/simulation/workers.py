"""Processes: the real commit on one task a partition, and the real sweep beside it."""

from __future__ import annotations

from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

from stream.agents.sweep import Sweep
from stream.bugs import BugBudget
from stream.commit import Commit, Parts
from stream.core.segments import SegmentModel
from stream.core.tuning import Tuning
from stream.encoder.fake import FakeEncoder
from stream.errors import OwnershipLost, Unavailable
from stream.kafka.deliveries import Delivery
from stream.kafka.patience import Patience
from stream.render import Renderer
from stream.sentiment.contract import Sentiment
from stream.store.candidates import Candidates
from stream.store.client import Points
from stream.store.codec import OUTBOX_WAIT_S
from stream.store.shelf import Shelf
from stream.store.users import Users
from stream.wire import deadletter
from tests.commit.world import DIMENSION, catalogue, segment_model, settings
from tests.kafka.fakes import FakeFlow, FakeHealth
from tests.sentiment.parts import vader
from tests.simulation.outside import Outside, SimulatedPublisher, place
from tests.simulation.requests import Request
from tests.support.fakes import FakeStore, delivery_of

SILENT_S = 99.0  # without heartbeats: longer than any session
PAGE = 50
LETTERS = ".dead-letters"


@dataclass(slots=True, eq=False)
class Work:
    """The delivery that a lane has in hand; None: none yet, or no lane."""

    delivery: Delivery | None = None


@dataclass(slots=True, eq=False)
class Task:
    """A coroutine that stands still in `request`; None: it rests, and may go on at any time."""

    name: str
    coroutine: Coroutine[Any, Any, None]
    work: Work
    request: Request | None = None
    done: bool = False

    @property
    def at(self) -> str:
        return "rest" if self.request is None else self.request.what

    @property
    def ready(self) -> bool:
        return not self.done and (self.request is None or self.request.ready())


@dataclass(eq=False)
class Process:
    """One life of a worker. Clocks of workers differ: by `skew_s` from the true time."""

    name: str
    outside: Outside
    skew_s: float = 0.0
    tasks: list[Task] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.flow = FakeFlow({})
        self.positions: dict[int, int] = {}
        self.publisher = SimulatedPublisher(self.outside.broker)
        self.commit = self._commit()

    def clock(self) -> float:
        return self.outside.tick() + self.skew_s

    # --- the group tells

    def assigned(self, partition: int, epoch: int) -> None:
        """The partition is ours from now on, from what is committed."""
        if place(partition) in self.flow.epochs:
            self.revoked(partition)
        self.flow.epochs[place(partition)] = epoch
        self.positions[partition] = self.outside.broker.committed[partition]
        name = f"{self.name}/{partition}"
        if not any(task.name == name and not task.done for task in self.tasks):
            work = Work()
            self.tasks.append(Task(name, self._lane(work, partition), work))

    def revoked(self, partition: int) -> None:
        del self.flow.epochs[place(partition)]
        self.commit.revoked(frozenset({place(partition)}))

    def silent(self, silent: bool) -> None:
        """Heartbeats are not answered, or again."""
        self.flow.quiet = SILENT_S if silent else 0.0

    def end(self) -> None:
        """Nothing of it goes on."""
        for task in self.tasks:
            task.coroutine.close()
            task.done = True

    # --- the tasks

    async def _lane(self, work: Work, partition: int) -> None:
        """All of a partition while it is ours, one delivery after the other."""
        broker, scenario = self.outside.broker, self.outside.scenario
        while (epoch := self.flow.epochs.get(place(partition))) is not None:
            start = self.positions[partition]
            records = broker.logs[partition][start : start + scenario.chunk]
            if not records:
                return
            source = f"source-{partition}"
            delivery = work.delivery = delivery_of(place(partition), records, source, self.flow)
            try:
                await self._work_through(delivery)
            except OwnershipLost:
                await Request("wait for heartbeats", ready=lambda: self.flow.quiet == 0)
                continue
            if not delivery.revoked:
                self.positions[partition] = delivery.last_offset + 1
            await self._tell(partition, epoch, delivery.last_offset + 1)

    async def _work_through(self, delivery: Delivery) -> None:
        cut = self.outside.scenario.cut
        for first in range(0, len(delivery.records), cut):
            delivery.check_owned()
            await self.commit.apply(delivery, delivery.records[first : first + cut])
        delivery.check_owned()
        await self.commit.finish(delivery)

    async def _tell(self, partition: int, epoch: int, offset: int) -> None:
        broker = self.outside.broker
        await Request("commit", effects=[lambda: broker.commit(partition, epoch, offset)])

    def sweep(self, model: SegmentModel) -> None:
        """Begin a sweep that finds this model of segments."""
        name = f"{self.name}/sweep"
        self.tasks.append(Task(name, self._sweep(model), Work()))

    async def _sweep(self, model: SegmentModel) -> None:
        users = self._users()
        sweep = self._sweep_of(users, OUTBOX_WAIT_S + 1)
        try:
            await sweep.send_waiting()
            async for rows in users.pages(PAGE):
                await sweep.reassign(rows, model)
        except Unavailable:
            return  # the next one does what is missing

    def confirm(self) -> None:
        """Begin a sweep when the time of confirming removals has come."""
        self.tasks.append(Task(f"{self.name}/confirm", self._confirm(), Work()))

    async def _confirm(self) -> None:
        with suppress(Unavailable):
            await self._sweep_of(self._users(), settings().forget_confirm_s).send_waiting()

    def _sweep_of(self, users: Users, later_s: float) -> Sweep:
        return Sweep(
            settings(),
            Tuning(),
            users=users,
            publisher=self.publisher,
            renderer=renderer(),
            catalogue=catalogue,
            letters=self._letters,
            clock=lambda: self.clock() + later_s,
        )

    async def _letters(self, user_hashes: frozenset[str]) -> dict[str, list[bytes]]:
        letters = {r.key: r for r in self.outside.broker.arrived if r.topic.endswith(LETTERS)}
        found: dict[str, list[bytes]] = {}
        for key, letter in letters.items():
            user = dict(letter.headers).get(deadletter.USER, b"").decode()
            if letter.value is not None and key is not None and user in user_hashes:
                found.setdefault(user, []).append(key)
        return found

    # --- what they are made of

    def _commit(self) -> Commit:
        store = FakeStore()
        shelf = Shelf(store.items, store.neighbours, size=10)
        parts = Parts(
            encoder=FakeEncoder(DIMENSION),
            sentiment=_sentiment(),
            users=self._users(),
            publisher=self.publisher,
            patience=Patience(FakeHealth(), shortest_s=0.0, longest_s=0.0),
            renderer=renderer(),
            bugs=BugBudget(store.meta, 100, clock=self.clock),
            catalogue=catalogue,
            candidates=Candidates(catalogue, store.items, shelf, Tuning()),
            segments=segment_model,
            clock=self.clock,
        )
        return Commit(settings(), Tuning(), parts, lambda _: None)

    def _users(self) -> Users:
        return Users(cast(Points, self.outside.points), dimension=DIMENSION)


@cache
def _sentiment() -> Sentiment:
    """Never asked: the simulation's events bring no texts."""
    return vader()


@cache
def renderer() -> Renderer:
    return Renderer(settings(), encoder="e1", signal_partitions=1)
