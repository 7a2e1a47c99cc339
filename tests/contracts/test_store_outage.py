"""A store killed under load: outages only, then service again, and nothing saved is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from stream.embedded.process import LOOPBACK, Child, accepts, answers, free_ports
from stream.embedded.qdrant.host import EmbeddedQdrant
from stream.errors import Unavailable
from stream.settings import load as load_settings
from stream.store.collections import Store, open_store
from tests.contracts.conftest import DIMENSION
from tests.support import stores
from tests.support.rows import user_row
from tests.support.stores import Place

pytestmark = pytest.mark.integration

WRITERS, EACH = 4, 20
USERS = WRITERS * EACH


class Mortal(Protocol):
    def start(self) -> Place: ...
    def kill(self) -> None: ...
    def stop(self) -> None: ...


class MortalHost:
    def __init__(self, data_dir: Path) -> None:
        self._host = EmbeddedQdrant(data_dir)
        self.kill, self.stop = self._host.kill, self._host.stop

    def start(self) -> Place:
        self._host.start()
        return Place(self._host.http_url, self._host.grpc_port)


class MortalServer:
    def __init__(self, data_dir: Path) -> None:
        self._http, self._grpc = free_ports(2)
        argv = [str(stores.SERVER), str(data_dir), str(self._http), str(self._grpc)]
        self._child = Child("the Qdrant server", argv, data_dir.with_suffix(".log"))
        self.kill, self.stop = self._child.kill, self._child.stop

    def start(self) -> Place:
        self._child.start(self._ready, within_s=60)
        return Place(f"http://{LOOPBACK}:{self._http}", self._grpc)

    def _ready(self) -> bool:
        """It answers HTTP a little before it listens for gRPC."""
        return answers(self._http, "/readyz") and accepts(self._grpc)


@pytest.fixture(params=[MortalHost, MortalServer], ids=["embedded", "server"])
def mortal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mortal]:
    if request.param is MortalServer and not stores.SERVER.exists():
        pytest.skip("no Qdrant server of our own to kill")
    mortal: Mortal = request.param(tmp_path / "data")
    yield mortal
    mortal.stop()


async def test_a_kill_under_load_loses_nothing_that_was_saved(mortal: Mortal) -> None:
    place = await asyncio.to_thread(mortal.start)
    settings = load_settings(qdrant_url=place.http_url, qdrant_grpc_port=place.grpc_port)
    store = await open_store(settings, dimension=DIMENSION, encoder_hash="e1")
    saved: dict[str, int] = {}
    outages: list[Unavailable] = []
    writers = [asyncio.create_task(keep_writing(store, w, saved, outages)) for w in range(WRITERS)]
    try:
        for _ in range(2):
            await until_grown(saved)
            await asyncio.to_thread(mortal.kill)
            await asyncio.to_thread(mortal.start)
        await until_grown(saved)
    finally:
        await stopped(writers)

    found = await store.users.load(saved)
    await store.close()
    assert outages
    lost = {name: turn for name, turn in saved.items() if found[name].updated_at < turn}
    assert lost == {}


async def keep_writing(
    store: Store, writer: int, saved: dict[str, int], outages: list[Unavailable]
) -> None:
    """Write ever newer rows of this writer's own users, and note what counted as stored."""
    names = [f"{writer}-{i}" for i in range(EACH)]
    turn = 0
    while True:
        turn += 1
        try:
            found = await store.users.load(names)
            read = {name: found[name].etag if name in found else None for name in names}
            rows = [user_row(name, updated_at=turn) for name in names]
            saved |= dict.fromkeys(await store.users.save(rows, read), turn)
        except Unavailable as error:
            outages.append(error)
            await asyncio.sleep(0.01)  # as a worker backs off


async def until_grown(saved: dict[str, int]) -> None:
    """Wait until every writer has stored something newer than now."""
    before = dict(saved)

    def grown() -> bool:
        newer = [name for name, turn in saved.items() if turn > before.get(name, 0)]
        return len(newer) == USERS

    while not grown():  # noqa: ASYNC110  # a condition of many writers: there is no one event
        await asyncio.sleep(0.01)


async def stopped(tasks: list[asyncio.Task[None]]) -> None:
    """End the tasks, wherever they are; what one of them raised is raised."""
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if not isinstance(outcome, asyncio.CancelledError):
            raise AssertionError("a writer ended by itself") from outcome
