"""Running a long-lived coroutine until SIGTERM or SIGINT, on the fastest event loop there is."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable

import uvloop


def serve_until_signal(serve: Callable[[asyncio.Event], Awaitable[int]]) -> int:
    """The result of `serve(stop)`; the event is set at the first SIGTERM or SIGINT."""

    async def main() -> int:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        return await serve(stop)

    return uvloop.run(main())
