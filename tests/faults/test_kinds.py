"""The catalogue of faults: enough of them, and each takes back what it did."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from stream.embedded.process import free_ports
from tests.faults import losses
from tests.faults.feed import Feed
from tests.faults.kinds import FAULTS, ON_KAFKA, SHORT, Fault, named
from tests.faults.orders import Orders
from tests.faults.proxy import WELL, Proxy
from tests.faults.stack import Stack

#: The others change what a broker and a store keep: they are played on real ones alone.
OF_PROCESSES = [f for f in FAULTS if losses.__name__ != getattr(f.inflict, "__module__", "")]
SUSPENDS = {signal.SIGSTOP: True, signal.SIGCONT: False}


class Part:
    """A process as a fault sees it."""

    def __init__(self, pid: int = 0) -> None:
        self.pid = pid
        self.running = self.ready = True
        self.suspended = False
        self.done: list[str] = []

    def start(self) -> None:
        self._do("start", running=True)

    spawn = start

    def kill(self) -> None:
        self._do("kill", running=False)

    def terminate(self) -> int:
        self._do("terminate", running=False)
        return 0

    def suspend(self) -> None:
        self.done.append("suspend")
        self.suspended = True

    def resume(self) -> None:
        self.done.append("resume")
        self.suspended = False

    def tail(self) -> str:
        return ""

    def _do(self, what: str, *, running: bool) -> None:
        self.done.append(what)
        self.running = running


class Ready(Orders):
    """Orders that somebody takes at once."""

    given = False

    def _give(self, name: str, what: str) -> None:
        super()._give(name, what)
        self.given = True

    def clock(self, seconds: float) -> None:
        super().clock(seconds)
        self.given = self.given or seconds != 0

    @property
    def crash_waits(self) -> bool:
        return False


class Bench(Stack):
    """A stack whose processes are fakes; `rewound` tells of offsets put back."""

    rewound = False

    def worker(self, group: str | None = None) -> Any:
        return Part()

    def committed(self) -> dict[int, int]:
        return {0: 1}

    def quiet(self) -> None:
        """Nothing is ever sent to it."""

    def rewind(self) -> None:
        assert not any(worker.running for worker in self.workers), "the group must be empty"
        self.rewound = True


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    parts = {pid: Part(pid) for pid in (1, 2)}

    def kill(pid: int, number: signal.Signals) -> None:
        parts[pid].done.append(number.name)
        parts[pid].suspended = SUSPENDS[number]

    monkeypatch.setattr(os, "kill", kill)
    with Proxy(*free_ports(1)) as proxy, Proxy(*free_ports(1)) as line:
        no: Any = None
        stack: Any = Bench(
            "kafka", no, no, proxy, line, Ready(tmp_path), no, no, tmp_path, tmp_path
        )
        stack.broker, stack.store = parts[1], parts[2]
        stack.workers = [Part(), Part()]
        stack.feed = Feed(no, [], 1.0)
        yield stack


@pytest.mark.parametrize("fault", OF_PROCESSES, ids=lambda fault: fault.name)
def test_a_fault_does_something_and_leaves_nothing_of_it(fault: Fault, bench: Any) -> None:
    lines = (bench.proxy, bench.line)
    changed = []
    for line in lines:  # there is no connection to look at
        line.reset_all = line.forget_all = lambda: changed.append("line")
    fault.inflict(bench)
    changed += [one for part in _parts(bench) for one in part.done]
    changed += ["line" for line in lines if line.conditions != WELL]
    changed += ["order"] if bench.orders.given else []
    changed += ["guests"] if bench.guests else []
    assert changed
    fault.heal(bench)

    assert [line.conditions for line in lines] == [WELL, WELL]
    assert all(part.running and not part.suspended for part in _parts(bench))
    assert fault.says
    if not fault.name.startswith("crash"):  # an order to crash is used up by the one who dies
        assert sorted(path.name for path in bench.folder.iterdir()) == ["clock"]
    assert (bench.folder / "clock").read_bytes() == bytes(8)


def test_a_replay_is_asked_for_while_nobody_is_in_the_group(bench: Any) -> None:
    named("replay").inflict(bench)

    assert bench.rewound


def test_there_are_enough_of_them_under_names_of_their_own() -> None:
    names = [fault.name for fault in FAULTS]

    assert len(set(names)) == len(names)
    assert sum("embedded" in fault.on for fault in FAULTS) >= 20


def test_the_embedded_broker_which_forgets_is_left_alone() -> None:
    assert all(fault.on == ON_KAFKA for fault in FAULTS if fault.name.startswith("broker"))


def test_faults_of_what_is_kept_are_those_that_no_bench_can_play() -> None:
    assert {fault.name for fault in FAULTS} - {fault.name for fault in OF_PROCESSES} == {
        *("replay", "group-forgotten", "store-empty", "users-lost", "partitions-added"),
        *("topic-made-again", "topic-made-again-live", "broker-disk-full"),
    }


def test_the_short_form_runs_everywhere() -> None:
    assert len(SHORT) == 8
    assert all("embedded" in named(name).on for name in SHORT)


def test_an_unknown_name_is_told_with_those_that_there_are() -> None:
    with pytest.raises(KeyError, match="no fault is called 'rain': one of worker-kill, "):
        named("rain")


def _parts(bench: Any) -> list[Part]:
    return [*bench.workers, bench.broker, bench.store]
