"""Where a contract suite finds a Qdrant: the embedded host and, where there is one, the server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qdrant_client import AsyncQdrantClient

from stream.embedded.process import LOOPBACK, Child, accepts, answers, free_ports
from stream.embedded.qdrant.host import EmbeddedQdrant

SERVER = Path(__file__).parents[3] / "shared" / "bin" / "qdrant-server"
URL_VARIABLE = "INTERESTREAM_TEST_QDRANT_URL"
PORT_VARIABLE = "INTERESTREAM_TEST_QDRANT_GRPC_PORT"
GRPC_OPTIONS = {
    # A client's own connections: one that just saw a store killed must not make another wait.
    "grpc.use_local_subchannel_pool": 1,
    "grpc.initial_reconnect_backoff_ms": 50,
    "grpc.min_reconnect_backoff_ms": 50,
    "grpc.max_reconnect_backoff_ms": 500,
}


@dataclass(frozen=True)
class Place:
    """Where a Qdrant listens."""

    http_url: str
    grpc_port: int

    def client(self, *, check_compatibility: bool = True) -> AsyncQdrantClient:
        """A client; the caller closes it.

        check_compatibility  off where the store may be killed: the client asks for its version
                             on a thread of its own, and warns when there is no answer
        """
        return AsyncQdrantClient(
            url=self.http_url,
            grpc_port=self.grpc_port,
            prefer_grpc=True,
            timeout=20,
            check_compatibility=check_compatibility,
            grpc_options=dict(GRPC_OPTIONS),  # the client writes into it
        )


@contextmanager
def embedded(data_dir: Path) -> Iterator[Place]:
    host = EmbeddedQdrant(data_dir).start()
    try:
        yield Place(host.http_url, host.grpc_port)
    finally:
        host.stop()


def server_missing() -> str | None:
    """Why there is no Qdrant server to test against; None if there is one."""
    if os.environ.get(URL_VARIABLE) or SERVER.exists():
        return None
    return f"no Qdrant server: set {URL_VARIABLE} (and {PORT_VARIABLE} if it is not 6334)"


@contextmanager
def server(data_dir: Path) -> Iterator[Place]:
    """The server named by the environment, else one started for the purpose."""
    if url := os.environ.get(URL_VARIABLE):
        yield Place(url, int(os.environ.get(PORT_VARIABLE, "6334")))
        return
    http, grpc = free_ports(2)
    argv = [str(SERVER), str(data_dir), str(http), str(grpc)]
    child = Child("the Qdrant server", argv, data_dir.with_suffix(".log"))
    # It answers HTTP a little before it listens for gRPC.
    child.start(lambda: answers(http, "/readyz") and accepts(grpc), within_s=60)
    try:
        yield Place(f"http://{LOOPBACK}:{http}", grpc)
    finally:
        child.stop()
