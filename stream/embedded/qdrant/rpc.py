"""Plain functions as gRPC calls: waiting for writable collections, timing, answering errors."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import grpc.aio

from stream.embedded.qdrant.directory import Directory
from stream.embedded.qdrant.refusal import explained

Call = Callable[[Any], Any]
Handler = Callable[[Any, Any], Awaitable[Any]]


def servicer(
    base: type, directory: Directory, reads: Mapping[str, Call], writes: Mapping[str, Call]
) -> Any:
    """A `base` whose calls of these names are answered by these functions, the rest by
    "unimplemented". Writes wait while a collection's files are copied."""
    made = base()
    for name, call in reads.items():
        setattr(made, name, _answered(call))
    for name, call in writes.items():
        setattr(made, name, _when_writable(directory, _answered(call)))
    return made


def _answered(call: Call) -> Handler:
    async def handle(request: Any, context: grpc.aio.ServicerContext) -> Any:
        started = time.perf_counter()
        try:
            reply = call(request)
        except Exception as error:  # noqa: BLE001  # every failure is an answer to the caller
            refused = explained(error)
            await context.abort(refused.code, refused.message)
        if hasattr(reply, "time"):
            reply.time = time.perf_counter() - started
        return reply

    return handle


def _when_writable(directory: Directory, handler: Handler) -> Handler:
    async def handle(request: Any, context: grpc.aio.ServicerContext) -> Any:
        name = request.collection_name
        while (collection := directory.find(name)) and not collection.writable.is_set():
            await collection.writable.wait()
        return await handler(request, context)

    return handle
