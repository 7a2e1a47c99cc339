"""The few HTTP paths that are asked for: the client's version check and a supervisor's probes."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus

from stream.embedded.qdrant.collections_service import TITLE, VERSION

READY = frozenset({"/healthz", "/livez", "/readyz"})


async def serve(port: int) -> asyncio.Server:
    """Listen on loopback; everything but the probes is answered with 404."""
    return await asyncio.start_server(_answer, "127.0.0.1", port)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        words = (await reader.readline()).split()
        while (await reader.readline()).strip():
            pass
        path = words[1].decode("latin-1") if len(words) > 1 else ""
        writer.write(_response(*_content(path)))
        await writer.drain()
    except (OSError, ValueError):  # gone, or a line beyond the reader's limit
        pass
    finally:
        writer.close()


def _content(path: str) -> tuple[HTTPStatus, str]:
    if path == "/":
        return HTTPStatus.OK, json.dumps({"title": TITLE, "version": VERSION})
    if path in READY:
        return HTTPStatus.OK, "all shards are ready"
    error = {"status": {"error": "the embedded store serves gRPC only (prefer_grpc=True)"}}
    return HTTPStatus.NOT_FOUND, json.dumps(error)


def _response(status: HTTPStatus, body: str) -> bytes:
    lines = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        "connection: close",
        "",
        body,
    )
    return "\r\n".join(lines).encode()
