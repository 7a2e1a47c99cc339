"""Names for the places that offsets count in: an offset means nothing without its source."""

from __future__ import annotations

import asyncio
import hashlib

from stream.kafka.admin import Admin
from stream.kafka.deliveries import TopicPartition
from stream.settings import Settings


def source(cluster_id: str, topic_id: str, partition: int) -> str:
    """16 hexadecimal characters; a topic that was made again, or another cluster, gives others."""
    place = f"{cluster_id}\0{topic_id}\0{partition}".encode()
    return hashlib.blake2b(place, digest_size=8).hexdigest()


class Sources:
    """Sources by partition, cached until `forget`. One object serves all agents of a worker."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: dict[TopicPartition, str] = {}
        self._forgotten = 0
        self._reading = asyncio.Lock()

    def forget(self) -> None:
        """Read ids again when next asked; a reading under way is not believed."""
        self._known = {}
        self._forgotten += 1

    async def of(self, tp: TopicPartition) -> str:
        """The source of `tp`; raises Unavailable("kafka") while the broker cannot be asked."""
        async with self._reading:
            while tp not in self._known:
                asked_at = self._forgotten
                found = await asyncio.to_thread(self._read, tp.topic)
                if tp not in found:
                    raise LookupError(f"{tp.topic} has no partition {tp.partition}")
                if asked_at == self._forgotten:
                    self._known.update(found)
            return self._known[tp]

    def _read(self, topic: str) -> dict[TopicPartition, str]:
        with Admin(self._settings) as admin:
            cluster, described = admin.cluster_id(), admin.topic(topic)
        return {
            TopicPartition(topic, partition): source(cluster, described.topic_id, partition)
            for partition in range(described.partitions)
        }
