"""Everything on one machine: an embedded broker, an embedded store and a worker, as processes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from stream.embedded.broker import Broker
from stream.embedded.process import Child, answers, free_ports
from stream.embedded.qdrant.host import EmbeddedQdrant
from stream.settings import Settings, load

WORKER_START_S = 120.0


class Stack:
    """A context manager: what it started ends with it, and with this process however it dies.

    data_dir  the store's data and all logs; the store's data survives, the broker's does not
    extra     settings of the worker by their variable names, on top of the environment
    """

    def __init__(self, data_dir: Path, *, extra: Mapping[str, str] | None = None) -> None:
        self._data_dir = data_dir
        self._extra = dict(extra or {})
        logs = data_dir / "logs"
        self.broker = Broker(log=logs / "broker.log")
        self.store = EmbeddedQdrant(data_dir / "qdrant", log=logs / "store.log")
        self.web_port = 0
        self._worker_log = logs / "worker.log"
        self._worker: Child | None = None

    def __enter__(self) -> Self:
        try:
            self.store.start()
            self.broker.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def env(self) -> dict[str, str]:
        """Variables under which any command of the service works with this stack."""
        return {
            "INTERESTREAM_KAFKA_URL": self.broker.url,
            "INTERESTREAM_KAFKA_IDEMPOTENCE": "false",  # the embedded broker refuses it
            "INTERESTREAM_QDRANT_URL": self.store.http_url,
            "INTERESTREAM_QDRANT_GRPC_PORT": str(self.store.grpc_port),
            "INTERESTREAM_DATA_DIR": str(self._data_dir),
            "INTERESTREAM_WEB_PORT": str(self.web_port),
            **self._extra,
        }

    def settings(self) -> Settings:
        """The same as an object."""
        names = {name.removeprefix("INTERESTREAM_").lower(): v for name, v in self.env.items()}
        return load(**names)

    def start_worker(self) -> None:
        """Start the worker and wait until it is ready. Raises Misconfigured where it is not."""
        (self.web_port,) = free_ports(1)
        argv = [sys.executable, "-m", "stream.cli", "worker"]
        self._worker = Child("the worker", argv, self._worker_log, env=self.env)
        self._worker.start(lambda: answers(self.web_port, "/readyz"), within_s=WORKER_START_S)

    @property
    def worker_running(self) -> bool:
        return self._worker is not None and self._worker.running

    def worker_tail(self) -> str:
        """The end of the worker's log."""
        return "" if self._worker is None else self._worker.tail()

    def stop(self) -> None:
        """The worker first, so that it can finish what it has in hand."""
        if self._worker is not None:
            self._worker.stop(within_s=20.0)
        self.broker.stop()
        self.store.stop()
