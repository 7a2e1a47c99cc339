"""Segment changes that wait in a profile, as parts of its packed state.

What a change says of its user stands beside the rows, one for each: a worker that does not know
it reads and writes the rows as ever, and drops all that stands beside them.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from stream.core.profile import Change, InterestShare

#: In the order of `Change`'s fields.
ChangeRow = tuple[str, float, str | None, str, str, str, str | None, float, int]


class SaidRow(msgspec.Struct, array_like=True):
    """What a change says of its user; read without values where nobody said it."""

    interests: list[tuple[str, str, float]] = []
    categories: dict[str, float] = {}
    entropy: float | None = None
    confidence: float | None = None
    drift: float | None = None


def change_row(change: Change) -> ChangeRow:
    return (
        change.change_id,
        change.at,
        change.before,
        change.after,
        change.label,
        change.cause,
        change.event_id,
        change.margin,
        change.model_version,
    )


def said_row(change: Change) -> SaidRow:
    return SaidRow(
        [(one.id, one.label, one.share) for one in change.interests],
        dict(change.categories),
        change.entropy,
        change.confidence,
        change.drift,
    )


def changes(rows: Sequence[ChangeRow], said: Sequence[SaidRow]) -> tuple[Change, ...]:
    """said: one a row, or none at all. Raises ValueError for another number."""
    return tuple(
        Change(
            *row,
            interests=tuple(InterestShare(*share) for share in one.interests),
            categories=one.categories,
            entropy=one.entropy,
            confidence=one.confidence,
            drift=one.drift,
        )
        for row, one in zip(rows, said or [SaidRow()] * len(rows), strict=True)
    )
