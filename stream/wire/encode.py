"""Messages to bytes."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from stream.wire.messages import Receipt, Recommendation, SegmentChange, SignalBatch

_ENCODER = msgspec.json.Encoder()
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # UTC, written as such below


def encode(message: Recommendation | SegmentChange | Receipt | SignalBatch) -> bytes:
    """JSON of a message, UTF-8; the same message gives the same bytes."""
    return _ENCODER.encode(message)


def rfc3339(at: float) -> str:
    """A time of an output: UTC, rounded to the millisecond, such as `2025-01-31T08:00:00.250Z`.

    at  seconds since the epoch, years 1 to 9999
    """
    # in whole milliseconds: isoformat cuts, and a rounded double may lie just below its decimal
    moment = _EPOCH + timedelta(milliseconds=round(at * 1000))
    return moment.isoformat(timespec="milliseconds") + "Z"
