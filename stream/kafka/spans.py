"""Which offset of a partition may be committed: bookkeeping of delivered chunks, without I/O."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Span:
    """One delivered chunk: the offsets `first` to `last`, both included.

    Offsets between two spans that no record holds (compaction, transaction markers) need no
    acknowledgement of their own.
    """

    first: int
    last: int
    acknowledged: bool = False


class Spans:
    """The delivered, not yet committed spans of one partition, in the order of delivery.

    An acknowledgement is a flag on the span itself. A span that was replaced by a later delivery,
    or dropped with its partition, is no longer in the queue: acknowledging it late changes nothing.
    """

    def __init__(self) -> None:
        self._delivered: deque[Span] = deque()

    def deliver(self, span: Span) -> None:
        """Append `span`; whatever was delivered at or after its first offset is replaced by it."""
        while self._delivered and self._delivered[-1].last >= span.first:
            self._delivered.pop()
        self._delivered.append(span)

    def committable(self) -> int | None:
        """The offset after the longest acknowledged prefix, which is forgotten; None if empty."""
        last: Span | None = None
        while self._delivered and self._delivered[0].acknowledged:
            last = self._delivered.popleft()
        return None if last is None else last.last + 1
