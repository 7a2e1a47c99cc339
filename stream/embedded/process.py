"""Child processes on loopback: free ports, readiness with a deadline, and no orphans."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Self

from stream import launch
from stream.errors import Misconfigured

LOOPBACK = "127.0.0.1"
POLL_S = 0.01
TAIL_LINES = 20
REFUSED = 2  # exit code of a child of ours whose last line tells the person what to do


def free_ports(count: int) -> list[int]:
    """`count` different TCP ports that nothing on loopback listens on at this moment."""
    holders = [socket.socket() for _ in range(count)]
    try:
        for holder in holders:
            holder.bind((LOOPBACK, 0))
        return [holder.getsockname()[1] for holder in holders]
    finally:
        for holder in holders:
            holder.close()


def accepts(port: int) -> bool:
    """Whether something on loopback accepts connections at `port`."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1.0):
            return True
    except OSError:
        return False


def answers(port: int, path: str) -> bool:
    """Whether `GET path` at `port` on loopback is answered with 200."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=1.0)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class Child:
    """A process that this one starts, stops, and takes along when it dies, however it dies.

    name  for messages
    argv  command and arguments
    log   file to which both of its output streams are appended
    cwd   its working directory; None: this process's
    env   variables on top of this process's own
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        log: Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._argv = list(argv)
        self._log = log
        self._cwd = cwd
        self._env = dict(env or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        return self._started().pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, ready: Callable[[], bool], *, within_s: float = 20.0) -> Self:
        """Start it and wait until `ready()` holds.

        Raises Misconfigured, with the end of its log, when it exits or is not ready in time.
        """
        if self.running:
            raise RuntimeError(f"{self.name} is already running (process {self.pid})")
        self._log.parent.mkdir(parents=True, exist_ok=True)
        # The kernel ties the child to the *thread* that forked it, not to the process: fork on
        # one that lives as long as the process, or a child dies with a pool's idle worker.
        self._process = _forker().submit(self._spawn).result()
        deadline = time.monotonic() + within_s
        while not ready():
            if self._process.poll() is not None:
                raise Misconfigured(self._why_it_ended())
            if time.monotonic() > deadline:
                self.kill()
                raise Misconfigured(f"{self.name} was not ready within {within_s:g} s{self.tail()}")
            time.sleep(POLL_S)
        return self

    def stop(self, *, within_s: float = 10.0) -> None:
        """SIGTERM, then SIGKILL after `within_s`; a process that is not running is left alone."""
        if not self.running:
            return
        process = self._started()
        process.terminate()
        try:
            process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def tail(self) -> str:
        """The last lines of its log, ready to follow a message."""
        lines = self._last_lines()
        return f"; the end of {self._log}:\n" + "\n".join(lines) if lines else ""

    def _spawn(self) -> subprocess.Popen[bytes]:
        launcher = [sys.executable, "-I", "-S", launch.__file__, str(os.getpid())]
        with self._log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603  # argv is ours
                launcher + self._argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._cwd,
                env={**os.environ, **self._env},
                start_new_session=True,  # Ctrl-C reaches the parent, which stops it in order
            )

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process

    def _why_it_ended(self) -> str:
        code = self._started().returncode
        lines = self._last_lines()
        if code == REFUSED and lines:
            return lines[-1]
        return f"{self.name} ended at start with exit code {code}{self.tail()}"

    def _last_lines(self) -> list[str]:
        try:
            return self._log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
        except FileNotFoundError:
            return []


@cache
def _forker() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="fork")
