"""What a worker may hold of the records it reads, whatever lies behind them in the topics."""

from __future__ import annotations

from stream.kafka.partitions import CHUNKS_AHEAD
from stream.kafka.topics import record_limit
from stream.settings import Settings

INPUTS = 3  # topics: items, events, signals
POLLED = 4  # chunks: as many come at most from one look at what was fetched
LATE = 1  # looks: one more may be under way while a partition is being held back


def held_chunks() -> int:
    """Chunks of one partition that are in the worker: one in hand, and those behind it."""
    return 1 + (CHUNKS_AHEAD - 1) + POLLED * (1 + LATE)


def held_records(settings: Settings, partitions: int) -> int:
    """Most records that `partitions` partitions hold, whatever is in them."""
    return partitions * held_chunks() * settings.chunk_records


def held_bytes(settings: Settings, partitions: int, compression: float = 1.0) -> int:
    """Most bytes of their values.

    A fetch brings at most `record_limit` of a partition. Of one there are: the fetch that waits in
    the client as it came, and in full size those from which come the chunk in hand, the one behind
    it and the last looks' chunks.

    compression  full size of the producers' batches by their size on the wire
    """
    fetches = 1 + (1 + (CHUNKS_AHEAD - 1) + 1 + LATE) * compression
    return round(partitions * fetches * record_limit(settings))
