"""`up` keeps a worker up; and commands that run until Ctrl-C end cleanly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import psutil
import pytest

from stream import cli
from stream.commands import up as embedded
from stream.commands.up import keep_up
from stream.embedded.process import accepts, free_ports
from stream.embedded.stack import Stack
from stream.errors import Failed, Misconfigured
from stream.kafka.admin import ensure_topics
from stream.settings import Settings
from tests.commands.conftest import Command
from tests.support.kafka_workers import until

ROOT = Path(__file__).parents[2]


class Part:
    running = True


class FakeStack:
    """Its worker dies `deaths` times, and fails to start where `failures` says so."""

    def __init__(self, deaths: int, failures: int = 0) -> None:
        self.broker, self.store = Part(), Part()
        self.web_port = 6066
        self.starts = 0
        self._deaths, self._failures = deaths, failures

    @property
    def worker_running(self) -> bool:
        return self.starts >= self._deaths

    def worker_tail(self) -> str:
        return ""

    def start_worker(self) -> None:
        self.starts += 1
        if self.starts <= self._failures:
            raise Misconfigured("the worker was not ready")


def kept_up(stack: FakeStack) -> tuple[list[float], list[str]]:
    """The waits before restarts, and what was said, until the worker stays."""
    waits: list[float] = []
    said: list[str] = []

    def sleep(seconds: float) -> None:
        if stack.worker_running:
            raise KeyboardInterrupt
        if seconds != embedded.POLL_S:
            waits.append(seconds)

    with pytest.raises(KeyboardInterrupt):
        keep_up(cast(Stack, stack), said.append, sleep=sleep)
    return waits, said


def test_a_worker_that_dies_is_started_again_with_growing_bounded_waits() -> None:
    waits, said = kept_up(FakeStack(deaths=8, failures=2))

    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]
    assert said[0] == "the worker ended, it is started again in 1 s"
    assert said[1] == "the worker was not ready"
    assert said[-1] == "the worker is ready again: http://127.0.0.1:6066"


def test_without_the_broker_it_ends_with_the_remedy() -> None:
    stack = FakeStack(deaths=0)
    stack.broker.running = False

    with pytest.raises(Failed, match=r"embedded broker ended: .* run `interestream up` again"):
        keep_up(cast(Stack, stack), print, sleep=lambda _: None)


def test_what_does_not_fit_exits_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INTERESTREAM_LIST_SIZE", "0")
    monkeypatch.setattr(sys, "argv", ["interestream", "topics", "list"])

    with pytest.raises(SystemExit) as end:
        cli.main()

    assert end.value.code == 2
    assert "INTERESTREAM_LIST_SIZE is '0'" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_named(command: Command) -> None:
    result = command("produce", "items", "--check", "/nowhere/items.jsonl")

    assert isinstance(result.exception, Misconfigured)
    assert "/nowhere/items.jsonl cannot be read" in str(result.exception)


def test_check_needs_no_broker(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "items.jsonl"
    file.write_text('{"item_id": "a", "title": "A"}\n')

    result = command("produce", "items", "--check", str(file))

    assert (result.exit_code, result.stdout) == (0, "1 valid\n")


# --- processes


def started(*arguments: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "stream.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **variables},
    )


@pytest.fixture
def tailing(here: Settings) -> Iterator[subprocess.Popen[str]]:
    ensure_topics(here)
    with started("tail", "events", "--json") as process:
        yield process
        process.kill()


def produce_until_seen(command: Command, process: subprocess.Popen[str]) -> str:
    """The first line; the tail begins where a topic ends, so what came before is not shown."""
    lines: list[str] = []
    assert process.stdout is not None
    reading = threading.Thread(target=lambda out=process.stdout: lines.append(out.readline()))
    reading.start()
    number = 0

    def seen() -> bool:
        nonlocal number
        number += 1
        value = f'{{"user_id":"ada","item_id":"i{number}","type":"click","at":{time.time()}}}'
        command("produce", "events", "-", typed=value)
        return bool(lines)

    until(seen, "a line of the tail")
    reading.join()
    return lines[0]


@pytest.mark.integration
def test_a_tail_begins_at_the_end_and_ends_at_ctrl_c(
    here: Settings, command: Command, tailing: subprocess.Popen[str]
) -> None:
    line = produce_until_seen(command, tailing)
    tailing.send_signal(signal.SIGINT)
    _, errors = tailing.communicate(timeout=20)

    assert '"user_id":"ada"' in line
    assert (tailing.returncode, errors) == (0, "")


@pytest.mark.integration
def test_a_tail_ends_quietly_with_its_reader(
    here: Settings, command: Command, tailing: subprocess.Popen[str]
) -> None:
    produce_until_seen(command, tailing)
    assert tailing.stdout is not None
    assert tailing.stderr is not None
    tailing.stdout.close()

    tailing.wait(20)  # without another record to write

    assert (tailing.returncode, tailing.stderr.read()) == (0, "")


@pytest.mark.integration
def test_what_was_there_before_is_not_tailed(here: Settings, command: Command) -> None:
    ensure_topics(here)
    old = (
        '{"user_id":"ada","item_id":"old","type":"click","at":1}\n' * 1200
    )  # more than one fetch hands over
    command("produce", "events", "--as-is", "-", typed=old)
    with started("tail", "events", "--json") as process:
        line = produce_until_seen(command, process)
        process.kill()

    assert "old" not in line


@pytest.mark.integration
def test_up_stays_restarts_its_worker_and_ends_at_sigterm(model_dir: Path, tmp_path: Path) -> None:
    """The broker is where it was asked to be; nothing is left behind."""
    port = next(p for p in free_ports(20) if not accepts(p + 1) and not accepts(p + 2))
    process = started(
        *("up", "--data-dir", str(tmp_path), "--port", str(port)),
        INTERESTREAM_MODEL_DIR=str(model_dir),
    )
    lines: list[str] = []
    assert process.stdout is not None
    reading = threading.Thread(target=lambda out=process.stdout: lines.extend(out))
    reading.start()
    try:
        until(lambda: "Ctrl-C ends it.\n" in lines, "the start", within_s=90)
        assert f"  export INTERESTREAM_KAFKA_URL=127.0.0.1:{port}\n" in lines
        assert f"  export INTERESTREAM_QDRANT_URL=http://127.0.0.1:{port + 1}\n" in lines
        assert accepts(port + 2)
        os.kill(worker_of(process.pid), signal.SIGKILL)
        until(lambda: any("is ready again" in x for x in lines), "the restart", within_s=90)
        assert any("the worker ended, it is started again in 1 s" in line for line in lines)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(40)
        reading.join()
        assert process.stderr is not None
        errors = process.stderr.read()
        process.stderr.close()
        process.stdout.close()

    assert (process.returncode, lines[-1:], errors) == (0, ["stopped\n"], "")
    assert not any(map(accepts, (port, port + 1, port + 2)))


def worker_of(parent: int) -> int:
    children = psutil.Process(parent).children()
    (worker,) = [child.pid for child in children if child.cmdline()[-1] == "worker"]
    return worker
