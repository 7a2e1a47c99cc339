"""The embedded store's process: `python -m stream.embedded.qdrant DIR --http-port H --grpc-port G`.

SIGTERM and SIGINT end it in order. Exit code 2: refused, the last line of stderr says why.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

import grpc.aio
import structlog
from qdrant_client.grpc.collections_service_pb2_grpc import add_CollectionsServicer_to_server
from qdrant_client.grpc.points_service_pb2_grpc import add_PointsServicer_to_server
from qdrant_client.grpc.qdrant_pb2_grpc import add_QdrantServicer_to_server

from stream.embedded.process import LOOPBACK, REFUSED
from stream.embedded.qdrant import probe
from stream.embedded.qdrant.collections_service import CollectionsService, health_servicer
from stream.embedded.qdrant.directory import Directory
from stream.embedded.qdrant.maintenance import keep_up
from stream.embedded.qdrant.points_service import PointsService
from stream.embedded.qdrant.upkeep import Upkeep
from stream.errors import Misconfigured

GRACE_S = 2.0
# No limit on messages; without so_reuseport=0 two stores could share a port unnoticed.
OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
]

log = structlog.get_logger()


async def serve(root: Path, http_port: int, grpc_port: int, upkeep: Upkeep) -> None:
    """Raises Misconfigured when the directory or a port is taken."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    directory = Directory(root).open()
    try:
        server = await _grpc(directory, grpc_port)
        probes = await _probes(http_port)
        log.info("ready", grpc_port=grpc_port, collections=len(directory.collections))
        keeper = asyncio.create_task(keep_up(directory, upkeep))
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait({keeper, stopped}, return_when=asyncio.FIRST_COMPLETED)
        probes.close()
        await server.stop(GRACE_S)
        stopped.cancel()
        if not keeper.cancel():
            keeper.result()  # it only ends by failing, as on a full disk: do not go on unflushed
        await asyncio.wait([keeper])
    finally:
        directory.close()


async def _grpc(directory: Directory, port: int) -> grpc.aio.Server:
    server = grpc.aio.server(options=OPTIONS)
    servicers = (
        (add_QdrantServicer_to_server, health_servicer(directory)),
        (add_CollectionsServicer_to_server, CollectionsService(directory).servicer()),
        (add_PointsServicer_to_server, PointsService(directory).servicer()),
    )
    for add, servicer in servicers:
        add(servicer, server)  # type: ignore[no-untyped-call]  # generated code
    try:
        server.add_insecure_port(f"{LOOPBACK}:{port}")
    except RuntimeError as error:
        raise Misconfigured(f"cannot listen on {LOOPBACK}:{port}: {error}") from error
    await server.start()
    return server


async def _probes(port: int) -> asyncio.Server:
    try:
        return await probe.serve(port)
    except OSError as error:
        raise Misconfigured(f"cannot listen on {LOOPBACK}:{port}: {error.strerror}") from error


def main() -> int:
    parser = argparse.ArgumentParser(prog="stream.embedded.qdrant")
    parser.add_argument("root", type=Path, help="data directory")
    parser.add_argument("--http-port", type=int, default=6333)
    parser.add_argument("--grpc-port", type=int, default=6334)
    parser.add_argument("--flush-every-s", type=float, default=Upkeep.flush_every_s)
    parser.add_argument("--compact-after-rows", type=int, default=Upkeep.compact_after_rows)
    given = parser.parse_args()
    upkeep = Upkeep(given.flush_every_s, given.compact_after_rows)
    try:
        asyncio.run(serve(given.root, given.http_port, given.grpc_port, upkeep))
    except Misconfigured as refusal:
        sys.stderr.write(f"{refusal}\n")
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
