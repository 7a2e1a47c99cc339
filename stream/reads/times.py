"""Times of answers."""

from __future__ import annotations

from stream.wire.encode import rfc3339


def moment(at: float) -> str | None:
    """RFC 3339 of seconds since the epoch; None for 0.0, which stands for never."""
    return rfc3339(at) if at else None
