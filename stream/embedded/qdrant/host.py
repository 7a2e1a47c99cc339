"""The embedded store as its user sees it: a process with two ports and a data directory."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Self

from stream.embedded.process import LOOPBACK, Child, accepts, answers, free_ports
from stream.embedded.qdrant.upkeep import Upkeep
from stream.errors import Misconfigured

ENGINE_MODULE = "qdrant_edge"


class EmbeddedQdrant:
    """Qdrant's gRPC API on loopback over a local data directory, in a process of its own.

    What it acknowledged survives a restart and kill -9; what it acknowledged within the last
    seconds does not survive a power cut.

    data_dir              made if absent; one process at a time
    http_port, grpc_port  0: free ones, chosen at the first start and kept over restarts
    log                   file to which its output is appended; None: `data_dir`/host.log
    upkeep                how often it flushes and compacts
    """

    def __init__(
        self,
        data_dir: Path,
        http_port: int = 0,
        grpc_port: int = 0,
        *,
        log: Path | None = None,
        upkeep: Upkeep | None = None,
    ) -> None:
        self.data_dir = data_dir
        self.http_port = http_port
        self.grpc_port = grpc_port
        self.log = log or data_dir / "host.log"
        self._upkeep = upkeep or Upkeep()
        self._child: Child | None = None

    @property
    def http_url(self) -> str:
        """For the `url` of a client; known from the first start on."""
        return f"http://{LOOPBACK}:{self.http_port}"

    @property
    def pid(self) -> int:
        if self._child is None:
            raise RuntimeError("the embedded store was not started")
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    def start(self, *, within_s: float = 60.0) -> Self:
        """Start it and wait until it answers; after a kill it first replays its log.

        Raises Misconfigured when the engine is not installed, another process has the data
        directory (the message names it), a port is taken, or it does not start.
        """
        if importlib.util.find_spec(ENGINE_MODULE) is None:
            raise Misconfigured(
                "the embedded store is not installed: pip install 'interestream[embedded]', "
                "or set INTERESTREAM_QDRANT_URL to a server of your own"
            )
        self._choose_ports()
        self._child = Child("the embedded store", self._argv(), self.log)
        self._child.start(lambda: answers(self.http_port, "/readyz"), within_s=within_s)
        return self

    def stop(self) -> None:
        """End it in order, everything flushed."""
        if self._child is not None:
            self._child.stop()

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self._child is not None:
            self._child.kill()

    def _choose_ports(self) -> None:
        for port in (self.http_port, self.grpc_port):
            if port and accepts(port):
                raise Misconfigured(f"port {port} is taken: stop what uses it or choose another")
        spare = free_ports(2)
        self.http_port = self.http_port or spare[0]
        self.grpc_port = self.grpc_port or spare[1]

    def _argv(self) -> list[str]:
        options = {
            "--http-port": self.http_port,
            "--grpc-port": self.grpc_port,
            "--flush-every-s": self._upkeep.flush_every_s,
            "--compact-after-rows": self._upkeep.compact_after_rows,
        }
        program = [sys.executable, "-m", "stream.embedded.qdrant", str(self.data_dir)]
        return program + [str(part) for option in options.items() for part in option]
