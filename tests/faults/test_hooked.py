"""What a worker is told to do wrong it does; without an order it works as ever."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import grpc
import pytest

from stream.commit import Commit
from tests.faults import hooked
from tests.faults.hooked import STEPS
from tests.faults.orders import Orders

MODULES = ("stream.app", "stream.commit", "stream.encoder.sessions", "stream.store.client")


@pytest.fixture
def orders(tmp_path: Path) -> Orders:
    return Orders(tmp_path / "orders")


def python(orders: Orders, program: str, group: str | None = None) -> str:
    """What a program prints in a process that takes orders."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **orders.env(group)},
        capture_output=True,
        check=True,
        text=True,
    )
    return done.stdout.strip()


def test_every_step_of_the_commit_has_its_place() -> None:
    assert all(callable(getattr(Commit, name)) for name in STEPS.values())


def test_a_process_without_the_variable_is_left_alone() -> None:
    before = (time.time, list(sys.meta_path))
    hooked.install()

    assert (time.time, list(sys.meta_path)) == before


@pytest.mark.integration
def test_the_hooks_get_into_a_worker(orders: Orders) -> None:
    """All of them, in a process of its own that imports what a worker does."""
    program = f"import {', '.join(MODULES)}, stream.kafka.chunks\n" + (
        "from qdrant_client.grpc import PointsStub\n"
        "hooks = [stream.commit.Commit._save, stream.encoder.sessions.Session.run,"
        " PointsStub.__init__, stream.kafka.chunks.ChunkApp.__init__]\n"
        "print(*(hook.__code__.co_filename.endswith('hooked.py') for hook in hooks))"
    )

    assert python(orders, program, group="other") == "True True True True"


@pytest.mark.integration
def test_the_wall_clock_follows_and_the_monotonic_one_does_not(orders: Orders) -> None:
    program = (
        "import sys, time\n"
        "one = time.monotonic()\n"
        "print(time.time(), 0 <= time.monotonic() - one < 1000)"
    )
    orders.clock(-5000)
    put_back, _, steady = python(orders, program).partition(" ")
    assert (float(put_back) < time.time() - 4000, steady) == (True, "True")
    orders.clear()

    assert float(python(orders, program).split()[0]) > time.time() - 4000


class Two:
    """A commit of two steps."""

    async def _save(self) -> str:
        return "saved"

    def _fold(self) -> str:
        return "folded"


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Signals that this process would have sent to itself."""
    found: list[int] = []
    monkeypatch.setattr(os, "kill", lambda _, number: found.append(number))
    monkeypatch.setattr(hooked, "STEPS", {"save": "_save", "fold": "_fold"})
    return found


async def test_a_crash_comes_once_and_at_its_step(
    orders: Orders, tmp_path: Path, deaths: list[int]
) -> None:
    commit: Any = type("Commit", (Two,), {})
    hooked.crashing(commit, tmp_path / "orders" / "crash")
    assert (commit()._fold(), await commit()._save(), deaths) == ("folded", "saved", [])
    orders.crash_after("save")

    commit()._fold()
    assert (deaths, orders.crash_waits) == ([], True)
    await commit()._save()
    assert (deaths, orders.crash_waits) == ([9], False)
    await commit()._save()
    assert deaths == [9]


async def test_a_crash_may_come_at_a_later_end_of_its_step(
    orders: Orders, tmp_path: Path, deaths: list[int]
) -> None:
    commit: Any = type("Commit", (Two,), {})
    hooked.crashing(commit, tmp_path / "orders" / "crash")
    await commit()._save()  # before the order: does not count
    orders.crash_after("save", 3)
    lives = []
    for _ in range(3):
        await commit()._save()
        lives.append(not deaths)

    assert lives == [True, True, False]


def test_a_step_that_there_is_not_is_named(orders: Orders) -> None:
    with pytest.raises(ValueError, match=r"'sleep' is not a step: one of decode, .*acknowledge"):
        orders.crash_after("sleep")


def test_the_encoder_breaks_while_it_is_told_to(orders: Orders, tmp_path: Path) -> None:
    class Session:
        def run(self, ids: str, mask: str) -> str:
            return ids + mask

    hooked.breaking(Session, tmp_path / "orders" / "encoder")
    for what, error in (("raise", RuntimeError), ("memory", MemoryError)):
        orders.encoder(what)
        with pytest.raises(error):
            Session().run("a", "b")
    orders.clear()

    assert Session().run("a", "b") == "ab"


def test_a_hanging_encoder_goes_on_when_it_is_healed(
    orders: Orders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Session:
        def run(self) -> str:
            return "rows"

    hooked.breaking(Session, tmp_path / "orders" / "encoder")
    orders.encoder("hang")
    rests: list[float] = []
    monkeypatch.setattr(
        time, "sleep", lambda s: rests.append(s) if len(rests) < 3 else orders.clear()
    )

    assert Session().run() == "rows"
    assert len(rests) == 3


async def test_the_store_answers_a_status_before_or_after_the_work(
    orders: Orders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked: list[str] = []

    class Stub:
        def __init__(self, channel: str) -> None:
            for name in hooked.CALLS:
                setattr(self, name, self.work)

        async def work(self, request: str, timeout: float) -> str:
            worked.append(request)
            return f"done {request}"

        Upsert: Any

    hooked.refusing(Stub, tmp_path / "orders" / "qdrant")
    stub = Stub("channel")
    assert await stub.Upsert("one", timeout=1.0) == "done one"
    orders.qdrant("DEADLINE_EXCEEDED")
    for chance, does in ((0.4, ["two"]), (0.6, ["two"]), (0.8, [])):
        worked.clear()
        monkeypatch.setattr(random, "random", lambda chance=chance: chance)
        if chance < 0.5:
            assert await stub.Upsert("two", timeout=1.0) == "done two"
        else:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.Upsert("two", timeout=1.0)
            assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert worked == does


async def test_a_full_store_refuses_writes_undone_and_can_be_read(
    orders: Orders, tmp_path: Path
) -> None:
    worked: list[str] = []

    class Stub:
        def __init__(self, channel: str) -> None:
            for name in hooked.CALLS:
                setattr(self, name, self.work)

        async def work(self, request: str) -> str:
            worked.append(request)
            return "done"

        Upsert: Any
        Get: Any

    hooked.refusing(Stub, tmp_path / "orders" / "qdrant")
    stub = Stub("channel")
    orders.qdrant(hooked.FULL)
    with pytest.raises(grpc.aio.AioRpcError, match="WAL") as caught:
        await stub.Upsert("write")
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert await stub.Get("read") == "done"
    orders.clear()
    assert await stub.Upsert("write") == "done"

    assert worked == ["read", "write"]


def test_a_worker_may_be_of_another_group() -> None:
    class App:
        def __init__(self, group: str, *, broker: str) -> None:
            self.told = (group, broker)

    hooked.grouped(App, None)
    assert App("ours", broker="b").told == ("ours", "b")
    hooked.grouped(App, "theirs")

    assert App("ours", broker="b").told == ("theirs", "b")
