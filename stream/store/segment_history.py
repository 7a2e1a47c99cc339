"""The records of the last fits, as a fact.

The fact is written beside the one that names the model in force, so each may be without the other
after a crash. What is written first is a record that says `fitted` and no more; its outcome is read
off the other fact, by whoever looks: then, later, or in place of who wrote it. At most one decision
about a held model is not in the records yet, because whoever decides completes them first, and the
other fact keeps the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from stream.core.segment_history import Record, Standing, added, settled
from stream.errors import Unavailable
from stream.store.client import PART
from stream.store.meta import KeepsFacts

HISTORY_FACT = "segment_history"
ROUNDS = 8
#: All records together as JSON, at most: beyond that the oldest go.
BYTES_MAX = 1_000_000

_encode = msgspec.json.Encoder().encode


class Stands(Protocol):
    """What is needed of `stream.store.segments.Segments`."""

    async def standing(self) -> Standing: ...


class SegmentHistory:
    """Records by version, the oldest first; methods raise Unavailable while Qdrant is away."""

    def __init__(self, facts: KeepsFacts, segments: Stands) -> None:
        self._facts = facts
        self._segments = segments

    async def records(self) -> tuple[Record, ...]:
        """All, with the outcomes that are known now."""
        fact = await self._facts.get(HISTORY_FACT)
        written = _read(fact.value) if fact else ()
        return settled(written, await self._segments.standing())

    async def add(self, record: Record) -> None:
        """Write the record of a model that is about to be switched to; the same again is one."""
        await self._change(lambda records: added(records, record))

    async def settle(self) -> None:
        """Write the outcomes that are known now."""
        await self._change(tuple)

    async def _change(self, change: Callable[[Sequence[Record]], tuple[Record, ...]]) -> None:
        for _ in range(ROUNDS):
            # The records first: what stands is then never older than they are.
            fact = await self._facts.get(HISTORY_FACT)
            before = _read(fact.value) if fact else ()
            after = change(settled(before, await self._segments.standing()))
            if after == before:
                return
            if await self._facts.put(HISTORY_FACT, _written(after), fact.etag if fact else None):
                return
        raise Unavailable(PART, f"others kept writing the records of segments, {ROUNDS} times")


def _read(value: dict[str, object]) -> tuple[Record, ...]:
    return msgspec.convert(value["records"], tuple[Record, ...])


def _written(records: Sequence[Record]) -> dict[str, object]:
    sizes = [len(_encode(record)) for record in records]
    while len(sizes) > 1 and sum(sizes) > BYTES_MAX:
        sizes.pop(0)
    return {"records": msgspec.to_builtins(records[len(records) - len(sizes) :])}
