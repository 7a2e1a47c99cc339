"""A running stack to hurt: broker, store behind a proxy, workers that take orders, a sender."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psutil
from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata

from stream.embedded.broker import Broker
from stream.embedded.process import LOOPBACK, Child, accepts, answers, free_ports
from stream.embedded.qdrant.host import EmbeddedQdrant
from stream.errors import Unavailable
from stream.kafka.admin import Admin
from stream.settings import Settings
from tests.endtoend.deployment import Deployment
from tests.faults.feed import Feed
from tests.faults.orders import Orders
from tests.faults.past import Past
from tests.faults.proxy import Proxy
from tests.faults.share import Share
from tests.support import load, stores
from tests.support.kafka import Kafka, Line
from tests.support.records import Sender
from tests.support.stores import Place
from tests.support.worker import WorkerProcess

WORKERS = 2
QUIET_S = 120.0  # for an outage's whole backlog, on a machine that does other things too
POLL_S = 0.1
SETTINGS = {
    "INTERESTREAM_KAFKA_TIMEOUT_S": "3",  # how soon a worker notices that its broker is away
    "INTERESTREAM_QDRANT_TIMEOUT_S": "3",
    "INTERESTREAM_ENCODER_CACHE_BYTES": "0",  # it would hide an encoder that is broken
    "INTERESTREAM_ENCODER_SESSIONS": "1",
    "INTERESTREAM_CHUNK_RECORDS": "50",  # more moments between two steps
}


class QdrantServer:
    """The server with the shape of EmbeddedQdrant: what it acknowledged survives a kill -9."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.http_port, self.grpc_port = free_ports(2)
        argv = [str(stores.SERVER), str(data_dir), str(self.http_port), str(self.grpc_port)]
        self._child = Child("the Qdrant server", argv, data_dir.with_suffix(".log"))

    @property
    def http_url(self) -> str:
        return f"http://{LOOPBACK}:{self.http_port}"

    @property
    def pid(self) -> int:
        return self._child.pid

    def start(self) -> Self:
        # It answers HTTP a little before it listens for gRPC.
        self._child.start(self._serves, within_s=60)
        return self

    def stop(self) -> None:
        self._child.stop()

    def kill(self) -> None:
        self._child.kill()

    def _serves(self) -> bool:
        return answers(self.http_port, "/readyz") and accepts(self.grpc_port)


class Puppet(WorkerProcess):
    """A worker that can be held by its strings."""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def stopped(self) -> bool:
        """Whether it is held, by whomever."""
        return self.running and bool(psutil.Process(self.pid).status() == psutil.STATUS_STOPPED)

    def suspend(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@dataclass
class Stack:
    """Everything that a fault may touch. Workers reach the store through `proxy` and the broker
    through `line`, the checker and the sender reach both directly.

    line    None on the embedded stack, whose broker has but one address
    plans   the loads sent so far: together they tell the fate of every record
    feed    of the round that is played
    past    of topics and profiles that are gone
    spent   no further round can be played on it
    chance  for faults that leave something to it
    """

    on: str
    broker: Broker | Kafka
    store: EmbeddedQdrant | QdrantServer
    proxy: Proxy
    line: Proxy | None
    orders: Orders
    deployment: Deployment
    sender: Sender
    folder: Path
    model_dir: Path
    workers: list[Puppet] = field(default_factory=list)
    guests: list[Puppet] = field(default_factory=list)
    plans: list[Share] = field(default_factory=list)
    feed: Feed = field(init=False)
    past: Past = field(default_factory=Past)
    spent: bool = False
    chance: random.Random = field(default_factory=random.Random)
    started: int = 0

    @property
    def settings(self) -> Settings:
        """As the checker uses them: past the proxies."""
        direct = Place(self.store.http_url, self.store.grpc_port)
        one = self.deployment
        return Deployment(self.broker.url, direct, one.folder, one.extra).settings()

    @property
    def session_s(self) -> float:
        return self.settings.session_timeout_s

    def fate(self, value: bytes | None) -> str:
        """What becomes of a record, whichever load it is of."""
        for plan in self.plans:
            if (fate := plan.fate(value)) != load.FOREIGN:
                return fate
        return load.FOREIGN

    def worker(self, group: str | None = None) -> Puppet:
        """One more worker, started and not waited for."""
        self.started += 1
        env = {**self.deployment.env, **self.orders.env(group)}
        worker = Puppet(env, self.folder / f"worker-{self.started}.log")
        worker.spawn()
        return worker

    def join(self, count: int = 1, group: str | None = None) -> None:
        """Let guests join, and wait until they are ready."""
        came = [self.worker(group) for _ in range(count)]
        self.guests += came
        for worker in came:
            until(lambda worker=worker: worker.ready, f"{worker.tail()}\na guest ready")  # type: ignore[misc]

    def leave(self) -> None:
        """Let all guests leave in order."""
        for worker in self.guests:
            if worker.running:
                worker.terminate()
        self.guests.clear()

    def revive(self) -> None:
        """Start the workers that have ended, as a supervisor does."""
        for worker in self.workers:
            if not worker.running:
                worker.spawn()

    def committed(self) -> dict[int, int]:
        """Partition of the events topic -> what the group will read next."""
        topic = self.settings.topic("events")
        with Admin(self.settings) as admin:
            found = admin.committed(self.settings.namespace)
        return {tp.partition: offset for tp, offset in found.items() if tp.topic == topic}

    def rewind(self) -> None:
        """Let the group read all events again; nobody may be in it."""
        topic = self.settings.topic("events")
        start = OffsetAndMetadata(0, "", -1)
        offsets = {TopicPartition(topic, partition): start for partition in self.committed()}

        def rewound() -> bool:
            # refused, and not raised, while the broker still counts a member that has just left
            with Admin(self.settings) as admin:
                admin._client.alter_group_offsets(self.settings.namespace, offsets)
            return not any(self.committed().values())

        until(rewound, "the offsets put back")

    def quiet(self) -> None:
        """Wait until all workers are ready and all that was sent is acknowledged."""
        until(self._quiet, "everything acknowledged", tell=self.tails)

    def tails(self) -> str:
        """The end of what each worker wrote."""
        return "\n".join(f"--- {worker.port}\n{worker.tail()}" for worker in self.workers)

    def _quiet(self) -> bool:
        self.revive()
        if not all(worker.ready for worker in self.workers):
            return False
        return self.sender.committed()


def started(
    on: str, folder: Path, cleaning: ExitStack, line: Line | None = None
) -> tuple[Broker | Kafka, EmbeddedQdrant | QdrantServer, dict[str, str]]:
    """A broker and a store, killed with `cleaning`, and what a worker's environment has for them.

    on    "embedded", or "kafka": Apache Kafka and a Qdrant server
    line  a second way to Apache Kafka
    """
    broker: Broker | Kafka
    store: EmbeddedQdrant | QdrantServer
    if on == "kafka":
        (folder / "kafka").mkdir()
        broker, store = Kafka(folder / "kafka", line), QdrantServer(folder / "qdrant")
        extra = {"INTERESTREAM_FETCH_MAX_WAIT_MS": "500"}
    else:
        broker = Broker(log=folder / "broker.log")
        store = EmbeddedQdrant(folder / "qdrant")
        extra = {"INTERESTREAM_KAFKA_IDEMPOTENCE": "false"}  # the broker refuses it
    for part in (broker, store):
        part.start()
        cleaning.callback(part.kill)
    return broker, store, extra


@contextmanager
def running(on: str, folder: Path, model_dir: Path, workers: int = WORKERS) -> Iterator[Stack]:
    """A stack with its items read, ready for events.

    on  "embedded", or "kafka": Apache Kafka and a Qdrant server
    """
    with ExitStack() as cleaning:
        line, second = None, None
        if on == "kafka":
            (port,) = free_ports(1)
            line = cleaning.enter_context(Proxy(port))
            second = Line(port, line.port)
        broker, store, theirs = started(on, folder, cleaning, second)
        extra = {**SETTINGS, **theirs}
        proxy = cleaning.enter_context(Proxy(store.grpc_port))
        place = Place(store.http_url, proxy.port)
        url = broker.url if line is None else f"{LOOPBACK}:{line.port}"
        deployment = Deployment(url, place, folder, extra)
        direct = Deployment(broker.url, place, folder, extra).settings()
        orders, sender = Orders(folder / "orders"), Sender(direct)
        stack = Stack(on, broker, store, proxy, line, orders, deployment, sender, folder, model_dir)
        cleaning.callback(_end, stack)
        for _ in range(workers):
            stack.workers.append(stack.worker())
        until(lambda: all(one.ready for one in stack.workers), "workers ready", tell=stack.tails)
        stack.sender.burst("items", load.items())
        stack.quiet()
        yield stack


def until(
    condition: Callable[[], bool],
    what: str,
    *,
    within_s: float = QUIET_S,
    tell: Callable[[], str] = str,
) -> float:
    """Poll until `condition()`; seconds it took. A broker that is away is no answer yet.

    Raises AssertionError with `what`, and with what `tell` has to say.
    """
    started = time.monotonic()
    while not _holds(condition):
        assert time.monotonic() < started + within_s, f"{what}: not within {within_s:g} s\n{tell()}"
        time.sleep(POLL_S)
    return time.monotonic() - started


def _holds(condition: Callable[[], bool]) -> bool:
    try:
        return condition()
    except Unavailable:
        return False


def _end(stack: Stack) -> None:
    for worker in [*stack.workers, *stack.guests]:
        if worker.running:
            worker.kill()
