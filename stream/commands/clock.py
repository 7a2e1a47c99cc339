"""This machine's clock against that of the store's machine, by its HTTP Date header."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from stream.commands.finding import Finding, failed, ok
from stream.settings import Settings

DATE_STEP_S = 1.0  # the header's resolution


def check_clock(settings: Settings, clock: Callable[[], float] = time.time) -> Finding:
    """Whether the clocks differ by less than a tenth of what `at` may lie ahead."""
    limit_s = settings.max_future_s / 10
    try:
        ahead_s = _ahead_s(settings, clock)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = f"{settings.qdrant_url} cannot be asked for its time: {error!r}"
        return failed("clock", reason, "see the check of the store")
    if ahead_s is None:
        return ok("clock", f"not compared: {settings.qdrant_url} does not tell its time")
    if abs(ahead_s) > limit_s:
        return failed(
            "clock",
            f"this machine is {ahead_s:+.0f} s off the store's, limit {limit_s:g} s "
            "(a tenth of INTERESTREAM_MAX_FUTURE_S)",
            "synchronise the clocks of both machines (NTP)",
        )
    return ok("clock", f"{abs(ahead_s):.0f} s off the store's, limit {limit_s:g} s")


def _ahead_s(settings: Settings, clock: Callable[[], float]) -> float | None:
    """Seconds by which our clock is ahead, 0.0 within the header's resolution; None: not told."""
    url = urlsplit(settings.qdrant_url)
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=settings.qdrant_timeout_s)
    try:
        before = clock()
        connection.request("GET", "/")
        told = connection.getresponse().getheader("date")
        after = clock()
    finally:
        connection.close()
    if told is None:
        return None
    theirs = parsedate_to_datetime(told).timestamp()  # somewhere in [theirs, theirs + 1 s)
    if before > theirs + DATE_STEP_S:
        return before - theirs - DATE_STEP_S
    return min(after - theirs, 0.0)
