"""Signals: what everybody's events say about items, summed in memory and written now and then.

A write for every event would cost more than the events themselves, so deliveries are kept until
the rows they touched are written, and only then acknowledged. Signals are statistics: a crash may
lose or repeat what was not acknowledged.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import structlog

from stream.bugs import BugBudget, pure
from stream.core.signals import Gathered, Row, grown
from stream.core.tuning import Tuning
from stream.errors import OwnershipLost, Reject, Unavailable
from stream.handling import Handling
from stream.kafka.deliveries import Delivery, Record, TopicPartition
from stream.kafka.patience import Patience
from stream.kafka.publisher import Outgoing, Publisher
from stream.results import Results
from stream.settings import Settings
from stream.store.contract import SavesNeighbours
from stream.store.replica import learned_of
from stream.store.rows import NeighbourRow, fresh_etag, next_version
from stream.wire.decode import Limits, decode_signals
from stream.wire.messages import ItemSignals, SignalBatch

log = structlog.get_logger(__name__)

ROUNDS = 8
KEPT_MAX = 50  # deliveries of a partition between two flushes


class SignalsAgent:
    """Keeps deliveries until `flush`, which writes the items they speak of."""

    def __init__(
        self,
        settings: Settings,
        *,
        neighbours: SavesNeighbours,
        publisher: Publisher,
        patience: Patience,
        bugs: BugBudget,
        on_done: Callable[[Results], None],
        tuning: Tuning,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._neighbours = neighbours
        self._patience = patience
        self._handling = Handling(
            settings, patience=patience, publisher=publisher, bugs=bugs, on_done=on_done
        )
        self._tuning = tuning
        self._rng = np.random.default_rng()
        self._clock = clock
        self._limits = Limits.of(settings)
        self._gathered: dict[TopicPartition, dict[str, Gathered]] = {}
        self._kept: dict[TopicPartition, list[Delivery]] = {}
        self._flushing = asyncio.Lock()

    async def apply(self, delivery: Delivery, records: Sequence[Record]) -> None:
        """Add the records' increments to what waits for the next flush."""

        async def add(part: Sequence[Record], results: Results) -> None:
            batches, letters = self._decode(delivery, part, results)
            await self._handling.bury(delivery, letters)
            self._gather(delivery.tp, (item for batch in batches for item in batch.items))

        await self._handling.run(delivery, records, add)

    def _decode(
        self, delivery: Delivery, records: Sequence[Record], results: Results
    ) -> tuple[list[SignalBatch], list[Outgoing]]:
        batches: list[SignalBatch] = []
        letters: list[Outgoing] = []
        for record in records:
            results.events += 1
            try:
                with pure():
                    batches.append(decode_signals(record.value, limits=self._limits))
            except Reject as reject:
                results.dead_letters[reject.reason] += 1
                letters.append(self._handling.letter(delivery, record, reject))
        results.applied += len(batches)
        return batches, letters

    async def finish(self, delivery: Delivery) -> None:
        """Keep the delivery: it is acknowledged by the flush that writes it.

        With many kept they are flushed at once, and waited for: so memory stays bounded while the
        store is away, and readiness says so.
        """
        kept = self._kept.setdefault(delivery.tp, [])
        kept.append(self._handling.emptied(delivery))  # 50 full chunks are up to 100 MB
        if len(kept) >= KEPT_MAX:
            await self._patience(delivery, "qdrant", lambda: self._flush_one(delivery.tp))

    def revoked(self, tps: frozenset[TopicPartition]) -> None:
        """What waits for these partitions comes again at their new owner."""
        for tp in tps:
            self._gathered.pop(tp, None)
            self._kept.pop(tp, None)

    async def run(self) -> None:
        """Flush every `signals_flush_s`, for ever."""
        while True:
            await asyncio.sleep(self._settings.signals_flush_s)
            await self.flush()

    async def flush(self) -> None:
        """Write what waits, then acknowledge it; an outage leaves it for the next time."""
        async with self._flushing:
            for tp in list(self._kept):
                try:
                    await self._flush(tp)
                except (Unavailable, OwnershipLost) as reason:
                    log.warning("signals wait", partition=tp.partition, reason=str(reason))

    async def _flush_one(self, tp: TopicPartition) -> None:
        async with self._flushing:
            await self._flush(tp)

    async def _flush(self, tp: TopicPartition) -> None:
        kept, gathered = self._kept.pop(tp, []), self._gathered.pop(tp, {})
        todo = {item_id: sums.row(self._tuning) for item_id, sums in gathered.items()}
        try:
            for _ in range(ROUNDS):
                if not todo:
                    break
                for delivery in kept[:1]:
                    delivery.check_owned()
                for item_id in await self._round(todo):
                    del todo[item_id]
            if todo:
                raise Unavailable("qdrant", f"{len(todo)} items kept being written by others")
        except (Unavailable, OwnershipLost):
            if not any(delivery.revoked for delivery in kept):
                self._put_back(tp, kept, todo)
            raise
        for delivery in kept:
            await self._handling.finish(delivery)

    def _put_back(self, tp: TopicPartition, kept: list[Delivery], rows: Mapping[str, Row]) -> None:
        self._kept[tp] = kept + self._kept.get(tp, [])
        waiting = self._gathered.setdefault(tp, {})
        for item_id, row in rows.items():
            sums = waiting.setdefault(item_id, Gathered(row.at))
            sums.merge(row.count, row.hotness, row.pairs(), row.at, self._tuning, row.by_segment())

    def _gather(self, tp: TopicPartition, items: Iterable[ItemSignals]) -> None:
        waiting = self._gathered.setdefault(tp, {})
        for item in items:
            sums = waiting.setdefault(item.item_id, Gathered(item.at))
            sums.merge(
                item.count,
                item.hotness,
                item.pairs.items(),
                item.at,
                self._tuning,
                item.segments.items(),
            )

    async def _round(self, todo: Mapping[str, Row]) -> set[str]:
        before = await self._neighbours.load(todo)
        rows = [self._grown(item_id, row, before.get(item_id)) for item_id, row in todo.items()]
        read = {item_id: row.etag if (row := before.get(item_id)) else None for item_id in todo}
        return await self._neighbours.save(rows, read)

    def _grown(self, item_id: str, more: Row, before: NeighbourRow | None) -> NeighbourRow:
        known = None if before is None else learned_of(before)
        row = grown(known, more, self._tuning, self._rng)
        return NeighbourRow(
            item_id=item_id,
            count=row.count,
            hotness=row.hotness,
            at=row.at,
            revision=next_version(before.revision if before else 0, self._clock()),
            etag=fresh_etag(),
            pairs=(row.others, row.weights),
            segments=(row.segments, row.crowds),
        )
