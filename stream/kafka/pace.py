"""How many records fit a time budget, learned from what the last ones cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stream.kafka.deliveries import Record

FIRST_RECORDS = 32  # before anything is measured
SMOOTHING = 0.3  # weight of the newest measurement
GROWTH = 4  # a sub-chunk is at most so many times the last: one cheap record proves little


class Pace:
    """Sizes of sub-chunks for one partition.

    budget_s  seconds that one sub-chunk should take, > 0
    """

    def __init__(self, budget_s: float) -> None:
        self._budget_s = budget_s
        self._per_record_s: float | None = None
        self._last = FIRST_RECORDS // GROWTH

    def size(self) -> int:
        """Records of the next sub-chunk, at least 1."""
        if self._per_record_s is None:
            return FIRST_RECORDS
        fitting = int(self._budget_s / max(self._per_record_s, 1e-9))
        return max(1, min(fitting, self._last * GROWTH))

    def measured(self, records: int, spent_s: float) -> None:
        """Learn that `records` >= 1 took `spent_s` seconds of work, outages not counted."""
        cost = spent_s / records
        known = self._per_record_s
        self._per_record_s = cost if known is None else known + SMOOTHING * (cost - known)
        self._last = records


def cut(records: Sequence[Record], pace: Pace) -> Iterator[Sequence[Record]]:
    """Consecutive slices that together are `records`; sized anew by `pace` for each."""
    start = 0
    while start < len(records):
        end = start + pace.size()
        yield records[start:end]
        start = end
