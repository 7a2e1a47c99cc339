"""Real parts, started once a session and only for the tests that ask for them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka.net.inet import KafkaNetSocket

from stream.embedded import archives
from stream.embedded.broker import Broker
from stream.errors import Misconfigured
from tests.support import stores
from tests.support.stores import Place

CACHE = Path(__file__).parents[1] / ".cache"


class DroppedSocket(socket.socket):
    """A socket that may be forgotten open.

    kafka-python forgets connections that are being made, or written to, when a client is closed.
    The warning comes with some later collection of garbage, and would fail whatever runs then.
    """

    def __del__(self) -> None:
        self.close()


@pytest.fixture(scope="session", autouse=True)
def forgetful_kafka_clients() -> Iterator[None]:
    """Sockets that kafka-python forgets end no test; those of all others still do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KafkaNetSocket, "socket", staticmethod(DroppedSocket))
        yield


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The embedded broker; tests share it, so each takes topic and group names of its own."""
    running = Broker(log=tmp_path_factory.mktemp("broker") / "broker.log").start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def embedded_qdrant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The embedded store; tests share it, so each takes collection names of its own."""
    with stores.embedded(tmp_path_factory.mktemp("embedded")) as place:
        yield place


@pytest.fixture(scope="session")
def qdrant_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A Qdrant server; skips where there is none."""
    if missing := stores.server_missing():
        pytest.skip(missing)
    with stores.server(tmp_path_factory.mktemp("server")) as place:
        yield place


@pytest.fixture(params=["embedded_qdrant", "qdrant_server"], scope="session")
def qdrant(request: pytest.FixtureRequest) -> Place:
    """Both stores in turn, for suites that hold for either."""
    place = request.getfixturevalue(request.param)
    assert isinstance(place, Place)
    return place


@pytest.fixture(scope="session")
def model_dir() -> Path:
    """Folder with model.onnx and tokenizer.json; skips where the archive is not to be had."""
    try:
        return archives.model_dir(CACHE)
    except Misconfigured as error:
        pytest.skip(str(error))
