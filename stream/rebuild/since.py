"""From which record on the events topic is replayed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from stream.errors import Misconfigured

EARLIEST = "earliest"
FORMS = (
    f"{EARLIEST}, a time with its offset (2026-01-31T08:00:00Z), an offset for all partitions "
    "(1200), or one for each (0:1200,1:980)"
)


@dataclass(frozen=True, slots=True)
class Since:
    """One of three, or the earliest record of all.

    at       records are taken from the first on whose own time, in seconds, is not before this
    every    offset, the same in every partition
    offsets  by partition
    """

    at: float | None = None
    every: int | None = None
    offsets: Mapping[int, int] | None = None


def since(text: str) -> Since:
    """Raises Misconfigured where it is none of `FORMS`."""
    if text == EARLIEST:
        return Since()
    if text.isdecimal():
        return Since(every=int(text))
    if re.fullmatch(r"\d+:\d+(,\d+:\d+)*", text):
        pairs = (pair.split(":") for pair in text.split(","))
        return Since(offsets={int(partition): int(offset) for partition, offset in pairs})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Misconfigured(f"--from {text!r}: give {FORMS}") from None
    if moment.tzinfo is None:
        raise Misconfigured(f"--from {text!r} has no offset: add Z or +02:00")
    return Since(at=moment.timestamp())


def starts(since: Since, first: Mapping[int, int], ends: Mapping[int, int]) -> dict[int, int]:
    """The offset of each partition to read from.

    first  the oldest that the topic still has, by partition
    ends   what the workers have acknowledged

    Raises Misconfigured where an asked offset is in neither, or a partition's is missing.
    """
    if since.every is None and since.offsets is None:
        return dict(first)
    asked = since.offsets
    if asked is None:
        asked = dict.fromkeys(first, since.every or 0)
    if missing := sorted(first.keys() ^ asked.keys()):
        raise Misconfigured(
            f"--from names the partitions {_listed(asked)}, the topic has {_listed(first)}: give "
            f"an offset for each (wrong: {_listed(missing)})"
        )
    for partition, offset in asked.items():
        end = ends.get(partition, first[partition])
        if not first[partition] <= offset <= max(end, first[partition]):
            raise Misconfigured(
                f"--from {offset}: partition {partition} has the records {first[partition]} to "
                f"{end}, the latter not acknowledged yet: give an offset between, or {EARLIEST}"
            )
    return dict(asked)


def _listed(partitions: object) -> str:
    assert isinstance(partitions, (Mapping, list))
    return ", ".join(map(str, sorted(partitions)))
