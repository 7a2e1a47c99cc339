"""A delivery: consecutive records of one partition, owned until somebody else owns them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from stream.errors import OwnershipLost
from stream.kafka.spans import Span


class TopicPartition(NamedTuple):
    """Equal to, and hashed like, the plain tuple (topic, partition)."""

    topic: str
    partition: int


class Record(Protocol):
    """What is used of an aiokafka ConsumerRecord; `timestamp` is in ms since the epoch."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


@dataclass(slots=True, eq=False)
class Chunk:
    """Records as they were fetched, before they are delivered.

    records  at least one, in the order of their offsets
    epoch    which assignment of the partition they came with; 0 before they are delivered
    """

    tp: TopicPartition
    records: Sequence[Record]
    span: Span = field(init=False)
    epoch: int = 0

    def __post_init__(self) -> None:
        self.span = Span(self.records[0].offset, self.records[-1].offset)


class Owner(Protocol):
    """The consumer, as far as a delivery needs it."""

    @property
    def session_timeout_s(self) -> float: ...

    def epoch(self, tp: TopicPartition) -> int | None:
        """Number of the partition's present assignment; None while it is not ours."""

    def quiet_s(self) -> float:
        """Seconds since the last request to which the group coordinator answered "still ours"."""


class Progress:
    """When something last moved, and how long outages were waited for; seconds, monotonic."""

    def __init__(self) -> None:
        self._moved_at = time.monotonic()
        self._waited_s = 0.0
        self._waiting_since: float | None = None
        self._quiet_s: Callable[[], float] = _never_vouched

    def moved(self) -> None:
        self._moved_at = time.monotonic()

    def idle_s(self) -> float:
        """Seconds without a sign of life; 0 while an outage is waited for."""
        if self._waiting_since is not None:
            return 0.0
        return min(time.monotonic() - self._moved_at, self._quiet_s())

    def waited_s(self) -> float:
        """Seconds waited for outages so far, the present one included."""
        since = self._waiting_since
        return self._waited_s + (0.0 if since is None else time.monotonic() - since)

    def exclude(self, seconds: float) -> None:
        """Count `seconds` just spent as waited for an outage, not as work."""
        self._waited_s += seconds
        self.moved()

    @contextmanager
    def vouched(self, quiet_s: Callable[[], float]) -> Iterator[None]:
        """While inside, signs of life of what is waited for count as the delivery's own.

        A long queue in front of it is no reason to start the worker again.

        quiet_s  seconds since the last of them
        """
        self._quiet_s = quiet_s
        try:
            yield
        finally:
            self._quiet_s = _never_vouched
            self.moved()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While inside, an outage is waited for."""
        self._waiting_since = time.monotonic()
        try:
            yield
        finally:
            self._waited_s = self.waited_s()
            self._waiting_since = None
            self.moved()


def _never_vouched() -> float:
    return math.inf


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Delivery:
    """One chunk of one partition on its way through the pipeline.

    records  aiokafka ConsumerRecords, at least one, in the order of their offsets
    source   16 hexadecimal characters that name (cluster, topic id, partition)
    """

    topic: str
    partition: int
    records: Sequence[Record]
    source: str
    epoch: int = field(repr=False)
    span: Span = field(repr=False)
    owner: Owner = field(repr=False)
    progress: Progress = field(default_factory=Progress, repr=False)

    @property
    def tp(self) -> TopicPartition:
        return TopicPartition(self.topic, self.partition)

    @property
    def first_offset(self) -> int:
        return self.span.first

    @property
    def last_offset(self) -> int:
        return self.span.last

    @property
    def revoked(self) -> bool:
        """The partition was taken away since; where it came back, its records are sent again."""
        return self.owner.epoch(self.tp) != self.epoch

    @property
    def doubtful(self) -> bool:
        """No heartbeat was answered for a whole session: another worker may own the partition."""
        return self.owner.quiet_s() > self.owner.session_timeout_s

    def check_owned(self) -> None:
        """Raise OwnershipLost if the partition is, or may be, another worker's.

        Where only heartbeats are missing (`doubtful`) and return with the partition still ours, the
        same records are delivered again from the first, as a new delivery.
        """
        if self.revoked:
            raise OwnershipLost(f"{self.topic}/{self.partition}: the partition was revoked")
        if self.doubtful:
            raise OwnershipLost(
                f"{self.topic}/{self.partition}: no heartbeat answered for "
                f"{self.owner.quiet_s():.1f} s, session timeout {self.owner.session_timeout_s:g} s"
            )
        self.progress.moved()

    async def ack(self) -> None:
        """Let the offsets be committed; without effect once the partition was revoked."""
        self.span.acknowledged = True
