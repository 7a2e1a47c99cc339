"""Up to which moment of a log a model learns: a share of its events, or a time."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, datetime

from stream.errors import Misconfigured
from stream.wire.inputs import Event

SHARES_END = 1.0  # from there on a number is a time, seconds since the epoch


def learned(events: Sequence[Event], until: str | None) -> int:
    """How many of the events, which are oldest first, come before the moment; None: all.

    Raises Misconfigured where it is neither a share nor a time, or nothing comes before it.
    """
    if until is None:
        return len(events)
    number = _number(until)
    if 0 < number < SHARES_END:
        count = int(len(events) * number)
    else:
        count = bisect_left(events, number, key=lambda event: event.at)
    if not count:
        raise Misconfigured(
            f"--until is {until}, before the first event of {_shown(events[0].at)}: choose a later "
            "moment"
        )
    return count


def _number(until: str) -> float:
    try:
        return float(until)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(until)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Misconfigured(
            f"--until is {until!r}: give a share of the events, such as 0.8, or a time with its "
            "offset, such as 2026-01-31T00:00:00Z"
        )
    return at.timestamp()


def _shown(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
