"""A worker's environment over any broker and store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from stream.embedded.broker import Broker
from stream.settings import Settings, load
from tests.support import kafka, stores
from tests.support.stores import Place
from tests.support.worker import WorkerProcess

CACHE = Path(__file__).parents[2] / ".cache"

#: Short time-outs; room for every interest, so that none is dropped and sums stay exact.
SETTINGS = {
    "INTERESTREAM_SESSION_TIMEOUT_S": "6",
    "INTERESTREAM_HEARTBEAT_INTERVAL_S": "0.5",
    "INTERESTREAM_INTERESTS_MAX": "16",
    "INTERESTREAM_SIGNALS_FLUSH_S": "1",
    "INTERESTREAM_SEGMENTS_REFIT_S": "4",
    "INTERESTREAM_LEASE_S": "6",
    "INTERESTREAM_CHUNK_RECORDS": "100",
    "INTERESTREAM_CACHE_DIR": str(CACHE),
}


@dataclass(frozen=True)
class Deployment:
    """Where a worker finds its broker and its store; `extra` on top of SETTINGS."""

    kafka_url: str
    store: Place
    folder: Path
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        return {
            **SETTINGS,
            "INTERESTREAM_NAMESPACE": "e2e",
            "INTERESTREAM_KAFKA_URL": self.kafka_url,
            "INTERESTREAM_QDRANT_URL": self.store.http_url,
            "INTERESTREAM_QDRANT_GRPC_PORT": str(self.store.grpc_port),
            **self.extra,
        }

    def settings(self) -> Settings:
        names = {name.removeprefix("INTERESTREAM_").lower(): v for name, v in self.env.items()}
        return load(**names)

    def worker(self) -> WorkerProcess:
        return WorkerProcess(self.env, self.folder / "worker.log")


#: What a fixture of deployments is parametrised with.
BOTH = ("embedded", pytest.param("kafka", marks=pytest.mark.kafka))


@contextmanager
def deployed(
    request: pytest.FixtureRequest, folder: Path, namespace: str, **extra: str
) -> Iterator[Deployment]:
    """What the fixture's parameter names: the embedded one, or Apache Kafka and a Qdrant server.

    extra  settings by their names
    """
    if request.param == "embedded":
        with embedded(folder, namespace=namespace, **extra) as running:
            yield running
        return
    if reason := kafka.missing():
        pytest.skip(reason)
    place = request.getfixturevalue("qdrant_server")
    (folder / "kafka").mkdir()
    apache = kafka.Kafka(folder / "kafka").start()
    try:
        yield Deployment(apache.url, place, folder, _variables(namespace=namespace, **extra))
    finally:
        apache.stop()


@contextmanager
def embedded(folder: Path, **extra: str) -> Iterator[Deployment]:
    """On a broker and a store of its own; `extra` are settings by their names."""
    broker = Broker(log=folder / "broker.log").start()
    try:
        with stores.embedded(folder / "qdrant") as place:
            settings = _variables(kafka_idempotence="false", **extra)  # the broker refuses it
            yield Deployment(broker.url, place, folder, settings)
    finally:
        broker.stop()


def _variables(**settings: str) -> dict[str, str]:
    return {f"INTERESTREAM_{name.upper()}": value for name, value in settings.items()}
