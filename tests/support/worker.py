"""The worker as an operator runs it: `python -m stream.cli worker`, settings by variables."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from prometheus_client.parser import text_string_to_metric_families

from stream import launch
from stream.demo import observe
from stream.demo.observe import Counters
from stream.embedded.process import LOOPBACK, answers, free_ports

ROOT = Path(__file__).parents[2]
POLL_S = 0.02
START_S = 60.0


class WorkerProcess:
    """One worker at a time; a context manager that leaves none behind.

    env  INTERESTREAM_* variables on top of this process's own
    log  file to which the output of every start is appended
    """

    def __init__(self, env: Mapping[str, str], log: Path) -> None:
        (self.port,) = free_ports(1)
        self._env = {**env, "INTERESTREAM_WEB_PORT": str(self.port)}
        self._log = log
        self._log_start = 0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def start(self, *arguments: str, **settings: str) -> Self:
        """Start it and wait until it is ready; `settings`, by their names, hold for this start."""
        self.spawn(*arguments, **settings)
        deadline = time.monotonic() + START_S
        while not self.ready:
            assert self.running, f"the worker ended:\n{self.tail()}"
            assert time.monotonic() < deadline, f"not ready in {START_S:g} s:\n{self.tail()}"
            time.sleep(POLL_S)
        return self

    def spawn(self, *arguments: str, **settings: str) -> None:
        """Start it; it dies with this process."""
        extra = {f"INTERESTREAM_{name.upper()}": value for name, value in settings.items()}
        launcher = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid())]
        command = [sys.executable, "-m", "stream.cli", "worker", *arguments]
        with self._log.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                launcher + command,
                cwd=ROOT,
                env={**os.environ, **self._env, **extra},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self._end(signal.SIGKILL)

    def terminate(self) -> int:
        """SIGTERM; the exit code."""
        return self._end(signal.SIGTERM)

    def wait(self, within_s: float = START_S) -> int:
        """The exit code, once it ends."""
        assert self._process is not None
        return self._process.wait(within_s)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def ready(self) -> bool:
        return answers(self.port, "/readyz")

    @property
    def alive(self) -> bool:
        return answers(self.port, "/healthz")

    def counters(self) -> Counters:
        """What it says of itself since its last start; zeros while it cannot say."""
        try:
            return observe.read(self.port)
        except OSError:
            return Counters()

    def read(self, path: str) -> Any:
        """What one of its HTTP reads answers."""
        with urllib.request.urlopen(f"http://{LOOPBACK}:{self.port}{path}", timeout=10) as answer:
            return json.load(answer)

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that carry these labels."""
        url = f"http://{LOOPBACK}:{self.port}/metrics"
        with urllib.request.urlopen(url, timeout=10) as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
        return sum(
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == f"interestream_{name}" and labels.items() <= sample.labels.items()
        )

    def log(self) -> str:
        """What it wrote since its last start."""
        return self._log.read_bytes()[self._log_start :].decode(errors="replace")

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The lines of its log with this event, since its last start."""
        whole = self.log().rpartition("\n")[0].splitlines()
        lines = (line for line in whole if line.startswith("{"))
        return [told for line in lines if (told := json.loads(line))["event"] == event]

    @property
    def settled(self) -> bool:
        """Whether it has fitted segments since its last start, and moved all users to the last fit.

        Without the fit it is not enough that users were moved: a start does that with the old one.
        """
        fits, moves = self.logged("segments"), self.logged("users reassigned")
        return bool(fits) and any(one["version"] == fits[-1]["version"] for one in moves)

    def tail(self) -> str:
        return "\n".join(self.log().splitlines()[-40:])

    def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(START_S)
