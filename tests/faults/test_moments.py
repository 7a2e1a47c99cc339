"""A worker dies and stops at the moments that it is told, and nowhere else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.faults import moments
from tests.faults.moments import MOMENTS, Moment
from tests.faults.orders import Orders


@pytest.fixture
def orders(tmp_path: Path) -> Orders:
    return Orders(tmp_path / "orders")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "orders"


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Those that this process would have sent to itself."""
    found: list[int] = []
    monkeypatch.setattr(os, "kill", lambda _, number: found.append(number))
    return found


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_every_moment_has_its_place(moment: Moment) -> None:
    assert callable(getattr(getattr(import_module(moment.module), moment.owner), moment.method))


def test_a_process_without_the_variable_is_left_alone() -> None:
    before = list(sys.meta_path)
    moments.install()
    assert sys.meta_path == before


@pytest.mark.integration
def test_the_hooks_get_into_a_worker(orders: Orders) -> None:
    """All of them, in a process of its own that imports what a worker does, or a fit."""
    modules = sorted({moment.module for moment in MOMENTS.values()} | {"stream.agents.leader"})
    methods = [f"{one.module}.{one.owner}.{one.method}" for one in MOMENTS.values()]
    hooks = [*methods, "stream.agents.lease.Lease.held.fget", "stream.core.segment_fit.refit"]
    program = (
        f"import {', '.join(modules)}, stream.core.segment_fit\n"
        f"print(*(one.__code__.co_filename.endswith('moments.py') for one in [{', '.join(hooks)}]))"
        "\nprint(stream.agents.leader.POLL_S, stream.agents.refit.RETRY_S)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **orders.env(quick=True)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout.split() == ["True"] * len(hooks) + ["0.3", "0.5"]


@dataclass
class Walks:
    """What is halted; `steps` are those that it went."""

    steps: list[Any] = field(default_factory=list)

    async def go(self, given: Any) -> Any:
        self.steps.append(given)
        return given


def halted(moment: Moment, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Walks:
    """One whose step is the moment "here"."""
    monkeypatch.setattr(moments, "MOMENTS", {"here": moment})
    owner = type("Owner", (Walks,), {})
    module: Any = SimpleNamespace(__name__=moment.module, Owner=owner)
    moments.halting(module, folder)
    walks: Walks = owner()
    return walks


@pytest.mark.parametrize(("order", "number"), [("crash", signal.SIGKILL), ("stop", signal.SIGSTOP)])
@pytest.mark.parametrize("end", [True, False])
async def test_it_dies_or_stops_at_the_nth_time_since_the_order_and_once(
    folder: Path,
    orders: Orders,
    signals: list[int],
    order: str,
    number: int,
    end: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    walks = halted(Moment("m", "Owner", "go", end=end, when=bool), folder, monkeypatch)
    assert await walks.go("before") == "before"
    (folder / order).write_text("here 2")
    told = []
    for step in ("one", "", "two", "three"):
        await walks.go(step)
        told.append(list(signals))

    assert told == [[], [], [number], [number]]
    assert walks.steps == ["before", "one", "", "two", "three"]
    assert not orders.crash_waits


@pytest.mark.parametrize("end", [True, False])
async def test_a_moment_is_the_end_of_its_method_or_the_beginning(
    folder: Path, orders: Orders, end: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    walks = halted(Moment("m", "Owner", "go", end=end), folder, monkeypatch)
    monkeypatch.setattr(os, "kill", lambda *_: walks.steps.append("halts"))
    (folder / "crash").write_text("here 1")
    await walks.go("goes")
    assert walks.steps == (["goes", "halts"] if end else ["halts", "goes"])


def test_only_what_there_is_can_be_ordered(orders: Orders, folder: Path) -> None:
    orders.stop_at("moved", 3)
    orders.crash_after("recorded")
    assert [(folder / name).read_text() for name in ("stop", "crash")] == ["moved 3", "recorded 1"]
    with pytest.raises(ValueError, match=r"'lunch' is not a moment: one of saved, .*sent"):
        orders.stop_at("lunch")
    orders.clear()
    assert not (folder / "stop").exists()


def test_a_fit_hangs_and_is_named_until_it_may_go_on(
    orders: Orders, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("fits")
    module.refit = lambda *given: given  # type: ignore[attr-defined]
    moments.hanging(module, folder / "fit")
    assert module.refit("at once") == ("at once",)
    assert orders.hanging() == []

    named: list[list[int]] = []

    def rest(_: float) -> None:
        named.append(orders.hanging())
        if len(named) == 3:
            orders.fits_go_on()

    monkeypatch.setattr(time, "sleep", rest)
    orders.hang_fits()
    assert module.refit("later") == ("later",)
    assert named == [[os.getpid()]] * 3
    assert orders.hanging() == []


def test_whoever_asks_leads_while_that_is_ordered(orders: Orders, folder: Path) -> None:
    class Lease:
        @property
        def held(self) -> bool:
            return False

    moments.leading(Lease, folder / "lead")
    assert not Lease().held
    orders.everybody_leads(so=True)
    assert Lease().held
    orders.everybody_leads(so=False)
    assert not Lease().held
