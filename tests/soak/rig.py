"""One worker on broker and store, watched from outside, whose store and encoder can be slowed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from stream.embedded.qdrant.host import EmbeddedQdrant
from stream.settings import Settings
from tests.endtoend.deployment import Deployment
from tests.faults.proxy import Conditions, Proxy
from tests.faults.stack import QdrantServer, started
from tests.soak.slowed import VARIABLE
from tests.support import load
from tests.support.kafka_workers import until
from tests.support.records import Sender
from tests.support.stores import Place
from tests.support.worker import WorkerProcess

ROOT = Path(__file__).parents[2]
HOOKS = Path(__file__).with_name("hooks")
STACKS = ("embedded", "kafka")


class Watched(WorkerProcess):
    """A worker whose process can be looked at."""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid


@dataclass(frozen=True)
class Rig:
    """A running worker with its items read. It reaches the store through `proxy`."""

    store: EmbeddedQdrant | QdrantServer
    proxy: Proxy
    worker: Watched
    sender: Sender
    settings: Settings
    _encoder: Path

    def slow_store(self, latency_s: float) -> None:
        """From now on it takes so much longer each way."""
        self.proxy.become(Conditions(latency_s=latency_s))

    def slow_encoder(self, times: float) -> None:
        """From now on every run takes so many times as long."""
        part = self._encoder.with_suffix(".part")
        part.write_text(str(times))
        part.rename(self._encoder)  # at once: half of an order must not be read

    def heal(self) -> None:
        """Everything at its own speed again."""
        self._encoder.unlink(missing_ok=True)
        self.proxy.heal()


@contextmanager
def running(on: str, folder: Path, settings: Mapping[str, object]) -> Iterator[Rig]:
    """A rig of its own, ready for events.

    on        "embedded", or "kafka": Apache Kafka and a Qdrant server
    settings  of the worker, by their names
    """
    extra = {f"INTERESTREAM_{name.upper()}": str(value) for name, value in settings.items()}
    with ExitStack() as cleaning:
        broker, store, theirs = started(on, folder, cleaning)
        proxy = cleaning.enter_context(Proxy(store.grpc_port))
        place = Place(store.http_url, proxy.port)
        deployment = Deployment(broker.url, place, folder, {**theirs, **extra})
        hooks = {
            VARIABLE: str(folder / "encoder"),
            "PYTHONPATH": f"{HOOKS}{os.pathsep}{ROOT}",
        }
        worker = cleaning.enter_context(
            Watched({**deployment.env, **hooks}, folder / "worker.log")
        ).start()
        settled = deployment.settings()
        sender = Sender(settled)
        sender.burst("items", load.items())
        until(sender.committed, "items read")
        yield Rig(store, proxy, worker, sender, settled, folder / "encoder")
