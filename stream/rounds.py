"""Doing something again and again for as long as the process lives, outages included."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from stream.errors import Unavailable

log = structlog.get_logger(__name__)


async def repeat(what: str, step: Callable[[], Awaitable[object]], *, every_s: float) -> None:
    """Run `step`, rest for `every_s`, for ever; an outage is told when it begins and when it ends.

    what  for the log, a noun: "segment model"

    Anything but Unavailable is a bug and ends it.
    """
    away = False
    while True:
        try:
            await step()
        except Unavailable as outage:
            if not away:
                log.warning(f"{what} waits", reason=str(outage))
            away = True
        else:
            if away:
                log.info(f"{what} goes on")
            away = False
        await asyncio.sleep(every_s)
