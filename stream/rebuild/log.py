"""The events topic, read on the side: no group is joined, nothing is committed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from kafka import TopicPartition as KafkaPartition
from kafka.errors import KafkaError

from stream.errors import Failed, Misconfigured, Unavailable
from stream.kafka.admin import Admin
from stream.kafka.deliveries import Record
from stream.kafka.reader import open_reader
from stream.kafka.sources import source
from stream.settings import Settings

POLL_MS = 200
RECORDS = 1000  # in one batch: texts enough to encode together, few enough to hold


@dataclass(frozen=True, slots=True)
class Placed:
    """A record and where it stood. `source` is the name that marks know its partition by."""

    partition: int
    source: str
    record: Record


class Log:
    """Open it with `Log.open`; methods raise Unavailable("kafka").

    sources  by partition
    first    offset of the oldest record that is still there, by partition
    """

    def __init__(
        self,
        settings: Settings,
        consumer: Any,
        sources: Mapping[int, str],
        first: Mapping[int, int],
    ) -> None:
        self.topic = settings.topic("events")
        self.sources = sources
        self.first = first
        self._settings = settings
        self._consumer = consumer

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator[Log]:
        """Raises Misconfigured where there is no such topic."""
        log = await asyncio.to_thread(_opened, settings)
        try:
            yield log
        finally:
            await asyncio.to_thread(log._consumer.close)

    async def check_same(self) -> None:
        """Raise Failed where partitions were added, or the topic was made again, since it was
        opened: what lies there was not read. Raises Unavailable."""
        topic, sources = await asyncio.to_thread(_described, self._settings)
        if sources != self.sources:
            raise Failed(
                f"topic {topic} has other partitions than when this began ({len(self.sources)} "
                f"then, {len(sources)} now, or it was made again): run this again"
            )

    async def committed(self) -> dict[int, int]:
        """By partition, the offset up to which the workers have acknowledged; 0: nothing yet."""
        return await asyncio.to_thread(self._committed)

    def _committed(self) -> dict[int, int]:
        with Admin(self._settings) as admin:
            found = admin.committed(self._settings.namespace)
        own = {tp.partition: offset for tp, offset in found.items() if tp.topic == self.topic}
        return {partition: own.get(partition, 0) for partition in self.sources}

    async def read(
        self,
        starts: Mapping[int, int],
        ends: Mapping[int, int],
        *,
        since: float | None = None,
    ) -> AsyncIterator[list[Placed]]:
        """The records from `starts` to before `ends`, each partition's in the order of offsets.

        since  seconds: those before a partition's first record of this time or later are left out

        A partition that ends earlier, because its topic has lost records, is read to its end.
        """
        left = {p: start for p, start in starts.items() if start < ends.get(p, 0)}
        await asyncio.to_thread(self._seek, left)
        closed = set(left) if since is not None else set()
        moved_at = time.monotonic()
        while left:
            fetched = await asyncio.to_thread(self._poll)
            batch: list[Placed] = []
            for partition, records in fetched.items():
                if partition not in left:
                    continue
                asked = records
                if partition in closed and since is not None:
                    asked = _from(records, since)
                if asked:
                    closed.discard(partition)
                batch += [
                    Placed(partition, self.sources[partition], record)
                    for record in asked
                    if record.offset < ends[partition]
                ]
            moved_at = time.monotonic() if fetched else moved_at
            if batch:
                yield batch
                moved_at = time.monotonic()
            left = await asyncio.to_thread(self._unread, left, ends)
            if left and time.monotonic() - moved_at > self._settings.kafka_timeout_s:
                raise Unavailable(
                    "kafka",
                    f"no answer for {self._settings.kafka_timeout_s:g} s while reading "
                    f"{self.topic}, partitions {sorted(left)}",
                )

    def _seek(self, left: Mapping[int, int]) -> None:
        try:
            places = {KafkaPartition(self.topic, p): start for p, start in left.items()}
            self._consumer.assign(list(places))
            self._consumer.resume(*places)  # one that was read before is paused still
            for place, start in places.items():
                self._consumer.seek(place, start)
        except KafkaError as error:
            raise Unavailable("kafka", f"reading {self.topic} failed: {error}") from error

    def _poll(self) -> dict[int, Sequence[Record]]:
        try:
            found = self._consumer.poll(timeout_ms=POLL_MS, max_records=RECORDS)
        except KafkaError as error:
            raise Unavailable("kafka", f"reading {self.topic} failed: {error}") from error
        return {place.partition: records for place, records in found.items()}

    def _unread(self, left: Mapping[int, int], ends: Mapping[int, int]) -> dict[int, int]:
        """Not `end_offsets`: the embedded broker answers that wrongly, its fetches are right."""
        after = {}
        for partition in left:
            place = KafkaPartition(self.topic, partition)
            at, end = self._consumer.position(place), self._consumer.highwater(place)
            if at < ends[partition] and (end is None or at < end):
                after[partition] = at
        done = [KafkaPartition(self.topic, p) for p in left if p not in after]
        self._consumer.pause(*done)
        return after


def _from(records: Sequence[Record], since: float) -> Sequence[Record]:
    found = (n for n, record in enumerate(records) if record.timestamp >= since * 1000)
    return records[next(found, len(records)) :]


def _described(settings: Settings) -> tuple[str, dict[int, str]]:
    """The events topic, and the source of each of its partitions as it is now."""
    topic = settings.topic("events")
    with Admin(settings) as admin:
        cluster, described = admin.cluster_id(), admin.topic(topic)
    return topic, {p: source(cluster, described.topic_id, p) for p in range(described.partitions)}


def _opened(settings: Settings) -> Log:
    topic, sources = _described(settings)
    try:
        consumer = open_reader(settings)
        found = consumer.beginning_offsets([KafkaPartition(topic, p) for p in sources])
    except KafkaError as error:
        raise Unavailable("kafka", f"reading {topic} failed: {error}") from error
    if not found:
        raise Misconfigured(f"topic {topic} has no partitions: run `interestream topics create`")
    return Log(settings, consumer, sources, {tp.partition: at for tp, at in found.items()})
