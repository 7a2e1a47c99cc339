"""Users of planted groups on a running deployment, and workers that fight over their segments."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import psutil
from numpy.typing import NDArray

from stream.core.profile import Profile
from stream.core.segment_history import PERIODIC, Record, Standing
from stream.core.segments import SegmentModel
from stream.embedded.broker import Broker
from stream.embedded.qdrant.host import EmbeddedQdrant
from stream.store.codec import unpack
from stream.store.collections import Store
from stream.store.segment_decisions import accept
from stream.store.segment_history import SegmentHistory
from stream.store.segment_requests import Request, SegmentRequests
from tests.endtoend.deployment import Deployment
from tests.faults import stack
from tests.faults.orders import Orders
from tests.faults.stack import Puppet, QdrantServer
from tests.rebuild import deployed
from tests.support import records, segment_audit
from tests.support.kafka import Kafka
from tests.support.records import Kept, KeyValue, Sender
from tests.support.segment_audit import Found
from tests.support.stores import Place

GROUPS, USERS, FILMS = 3, 240, 10
DIMENSION = 16  # of the tiny model
DRIFTS = 8  # one user in so many comes to like another group's films
WITHIN_S = 60.0
EXTRA = {
    "INTERESTREAM_NAMESPACE": "segments",
    "INTERESTREAM_MODEL_DIR": str(deployed.MODEL),
    "INTERESTREAM_ENCODER_SESSIONS": "1",
    "INTERESTREAM_LEASE_S": "2",
    "INTERESTREAM_SESSION_TIMEOUT_S": "3",
    "INTERESTREAM_KAFKA_TIMEOUT_S": "3",
    "INTERESTREAM_QDRANT_TIMEOUT_S": "3",
    "INTERESTREAM_REPLICA_POLL_S": "0.2",
    "INTERESTREAM_SEGMENTS_COUNT": str(GROUPS),
    "INTERESTREAM_SEGMENTS_MAX_MOVED": "1",
    "INTERESTREAM_SEGMENTS_REFIT_S": "3600",  # once for each who leads, and when asked
    "INTERESTREAM_SEGMENT_MIN_STAY_S": "0",
}

Matrix = NDArray[np.float32]
T = TypeVar("T")


def films() -> list[KeyValue]:
    """The items: each group has its own, far from the others'."""
    rng, found = np.random.default_rng(5), list[KeyValue]()
    for number in range(GROUPS * FILMS):
        vector = np.eye(DIMENSION)[number % GROUPS] + 0.1 * rng.normal(size=DIMENSION)
        message = {
            "item_id": f"film-{number}",
            "title": f"Film {number}",
            "categories": [f"genre {number % GROUPS}"],
            "vectors": {"text": (vector / np.linalg.norm(vector)).round(5).tolist()},
        }
        found.append((f"film-{number}".encode(), json.dumps(message).encode()))
    return found


def likes(rounds: Iterable[int], users: Iterable[int] = range(USERS)) -> list[KeyValue]:
    """In each round everybody likes one more film of the own group."""
    people = list(users)
    return [_like(user, user % GROUPS, number) for number in rounds for user in people]


def drifting(rounds: Iterable[int]) -> list[KeyValue]:
    """As `likes`, but that some like films of the next group, and that newcomers come."""
    found = []
    for number in rounds:
        for user in range(USERS):
            found.append(_like(user, user + (user % DRIFTS == 0), number))
            if user % DRIFTS == 1:
                found.append(_like(USERS + number * USERS + user, user, number))
    return found


def _like(user: int, group: int, number: int) -> KeyValue:
    message = {
        "user_id": f"user-{user}",
        "item_id": f"film-{number % FILMS * GROUPS + group % GROUPS}",
        "type": "like",
        "at": time.time(),
    }
    return f"user-{user}".encode(), json.dumps(message).encode()


def renamed(model: SegmentModel, version: int) -> SegmentModel:
    """The same groups under other ids: everybody has to move."""
    segments = [
        replace(segment, id=f"{version}-{place}") for place, segment in enumerate(model.segments)
    ]
    return SegmentModel(version, tuple(segments))


def swapped(model: SegmentModel, version: int) -> SegmentModel:
    """The same ids, each for the next group: everybody has to move, and no segment is gone."""
    centroids = [segment.centroid for segment in model.segments]
    segments = [
        replace(segment, centroid=centroid)
        for segment, centroid in zip(model.segments, centroids[1:] + centroids[:1], strict=True)
    ]
    return SegmentModel(version, tuple(segments))


@dataclass(frozen=True)
class Sight:
    """What is stored at some moment; records of the fits with their outcomes, oldest first."""

    profiles: dict[str, Profile]
    model: SegmentModel | None
    standing: Standing
    fits: tuple[Record, ...]
    request: Request | None

    @property
    def waiting(self) -> dict[str, str]:
        """Id of a change in an outbox -> its user."""
        return {
            change.change_id: user
            for user, profile in self.profiles.items()
            for change in profile.outbox
        }

    def outcomes(self) -> dict[int, str]:
        return {fit.version: fit.outcome for fit in self.fits}


@dataclass
class World:
    """Two workers that take orders. `stored` and `since`: see `segment_audit.Found`."""

    broker: Broker | Kafka
    store: EmbeddedQdrant | QdrantServer
    deployment: Deployment
    orders: Orders
    sender: Sender
    workers: list[Puppet] = field(default_factory=list)
    stored: set[str] = field(default_factory=set)
    since: dict[str, int] = field(default_factory=dict)

    # --- waiting

    def until(self, condition: Callable[[], bool], what: str) -> None:
        stack.until(condition, what, within_s=WITHIN_S, tell=self._tails)

    def _tails(self) -> str:
        return "\n".join(f"--- {worker.pid}\n{worker.tail()}" for worker in self.workers)

    def ready(self) -> None:
        self.revive()
        self.until(lambda: all(worker.ready for worker in self.workers), "workers ready")

    def revive(self) -> None:
        """Start those that have ended, and do not wait for them."""
        for worker in self.workers:
            if not worker.running:
                worker.spawn()

    def killed(self) -> Puppet:
        """Who died of an order; waits for it."""
        self.until(lambda: any(not one.running for one in self.workers), "one of them killed")
        return next(one for one in self.workers if not one.running)

    def stopped(self) -> Puppet:
        """Who was stopped by an order; waits for it."""
        self.until(lambda: any(one.stopped for one in self.workers), "one of them stopped")
        return next(one for one in self.workers if one.stopped)

    def fitting(self) -> tuple[Puppet, psutil.Process]:
        """Whose fit hangs, and the child; waits for it."""
        self.until(lambda: bool(self.orders.hanging()), "a fit that hangs")
        child = psutil.Process(self.orders.hanging()[-1])
        return next(one for one in self.workers if one.pid == child.ppid()), child

    def settle(self) -> None:
        """Wait until all is applied, moved and told, and nothing will change any more."""
        self.revive()
        self.until(self.sender.committed, "everything committed")
        self.until(self._settled, "everybody moved and told")

    def _settled(self) -> bool:
        version = self._asked(_standing).version
        leaders = [worker for worker in self.workers if worker.ready and _leads(worker)]
        if version not in map(_moved_to, leaders):
            return False
        now = self.look()
        return not now.waiting and not list(segment_audit.nowhere(self._found(now)))

    # --- looking

    def look(self) -> Sight:
        return self._asked(_sight)

    def _asked(self, question: Callable[[Store], Awaitable[T]]) -> T:
        """What the store says to this."""

        async def ask() -> T:
            async with deployed.store(self.deployment) as opened:
                return await question(opened)

        return asyncio.run(ask())

    def _found(self, now: Sight, told: Sequence[Kept] = ()) -> Found:
        return Found(told, now.profiles, now.model, self.stored, self.since)

    def remember(self) -> Sight:
        """Look, and note all changes that wait, to ask for them later."""
        now = self.look()
        self.stored |= now.waiting.keys()
        return now

    def told(self) -> list[Kept]:
        """The records of the segments topic."""
        return records.read(self.deployment.settings(), "segments")

    def audit(self) -> Sight:
        """Settle, and check all laws, and that everybody is where the own group is."""
        self.settle()
        now = self.look()
        segment_audit.check(self._found(now, self.told()))
        assert now.model is not None
        assert now.outcomes()[now.standing.version] in ("in force", "accepted")
        names = [segment.id for segment in now.model.segments]
        centroids: Matrix = np.stack([segment.centroid for segment in now.model.segments])
        nearest = [names[place] for place in centroids[:, :GROUPS].argmax(axis=0)]
        assert len(set(nearest)) == GROUPS
        for user in (number for number in range(USERS) if number % DRIFTS):
            member = now.profiles[f"user-{user}"].membership
            assert member is not None
            assert member.segment == nearest[user % GROUPS], f"user-{user}: {member}, {nearest}"
            self.since[f"user-{user}"] = member.model_version
        return now

    # --- acting

    def ask(self) -> str:
        """Ask for a fit, as the command does; the request's id."""

        name = uuid.uuid4().hex
        return self._asked(lambda store: SegmentRequests(store.meta).ask(name, time.time())).id

    def answer(self, request: str) -> Request:
        """What is answered to this request; waits for it."""

        def answered() -> bool:
            now = self._asked(_request)
            return now is not None and now.id == request and now.answered

        self.until(answered, "the request answered")
        found = self._asked(_request)
        assert found is not None
        return found

    def put_in_force(self, change: Callable[[SegmentModel, int], SegmentModel]) -> int:
        """Hold a model made from the present one, and accept it; its version."""

        async def put(store: Store) -> int:
            history = SegmentHistory(store.meta, store.segments)
            while True:  # where a fit was claimed meanwhile, again
                claim, before = await store.segments.claim(0), await store.segments.current()
                assert before is not None
                if claim is None:
                    continue
                await store.segments.save(change(before, claim.version))
                await history.add(Record(claim.version, time.time(), PERIODIC))
                if not await store.segments.hold(claim.version, claim.etag):
                    continue
                if (await accept(store.segments, history, claim.version)).done:
                    return claim.version

        return self._asked(put)


async def _sight(store: Store) -> Sight:
    users = [row async for page in store.users.pages(100) for row in page]
    return Sight(
        {row.user_id: unpack(row) for row in users},
        await store.segments.current(),
        await store.segments.standing(),
        await SegmentHistory(store.meta, store.segments).records(),
        await _request(store),
    )


async def _standing(store: Store) -> Standing:
    return await store.segments.standing()


async def _request(store: Store) -> Request | None:
    return await SegmentRequests(store.meta).newest()


def _leads(worker: Puppet) -> bool:
    told = [*worker.logged("leads"), *worker.logged("leads no more")]
    last = max(told, key=lambda line: line["timestamp"], default={"event": ""})
    return bool(last["event"] == "leads")


def _moved_to(worker: Puppet) -> int:
    moves = worker.logged("users reassigned")
    return int(moves[-1]["version"]) if moves else 0


@contextmanager
def playing(on: str, folder: Path) -> Iterator[World]:
    """A world whose users are known to their workers, and whose first fit hangs.

    on  "embedded", or "kafka": Apache Kafka and a Qdrant server
    """
    with ExitStack() as cleaning:
        broker, store, theirs = stack.started(on, folder, cleaning)
        place = Place(store.http_url, store.grpc_port)
        deployment = Deployment(broker.url, place, folder, {**EXTRA, **theirs})
        orders, sender = Orders(folder / "orders"), Sender(deployment.settings())
        env = {**deployment.env, **orders.env(quick=True)}
        world = World(broker, store, deployment, orders, sender)
        for number in (1, 2):
            worker = cleaning.enter_context(Puppet(env, folder / f"worker-{number}.log"))
            world.workers.append(worker)
        orders.hang_fits()
        world.ready()
        sender.burst("items", films())
        world.until(sender.committed, "items committed")
        sender.burst("events", likes(range(3)))
        world.until(sender.committed, "events committed")
        yield world
