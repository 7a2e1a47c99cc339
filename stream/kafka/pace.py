"""How many records fit a time budget, learned from what the last ones cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stream.kafka.deliveries import Record

FIRST_RECORDS = 32  # before anything is measured
MEMORY = 0.85  # weight that a measurement keeps with each newer one
GROWTH = 4  # a sub-chunk is at most so many times the last: one cheap record proves little
SPREAD = 0.05  # relative deviation of sizes from which their costs tell the fixed one apart
FEW_RECORDS = 4
FIXED_SHARE = 2 / 3  # of what so few cost, while nothing tells: it leads to twice as many
LEAST_SHARE = 0.05  # of a record's mean cost that more records are taken to cost at least


class Pace:
    """Sizes of sub-chunks for one partition.

    A sub-chunk costs something fixed, for each trip to the store and the broker, and something for
    each record; both are learned as a line through the last measurements. Where the fixed cost
    alone is as large as the budget, smaller sub-chunks would only pay it more often, until nothing
    else is done: then as much goes to the records as to the fixed cost.

    budget_s  seconds that one sub-chunk should take, > 0
    """

    def __init__(self, budget_s: float) -> None:
        self._budget_s = budget_s
        self._sums: tuple[float, ...] = (
            0.0,
        ) * 5  # decayed: weight, records, seconds, records squared, both
        self._last = FIRST_RECORDS // GROWTH

    def size(self) -> int:
        """Records of the next sub-chunk, at least 1."""
        if not self._sums[0]:
            return FIRST_RECORDS
        fixed_s, per_record_s = self._costs()
        fitting = max(self._budget_s - fixed_s, fixed_s) / max(per_record_s, 1e-9)
        return max(1, min(int(fitting), self._last * GROWTH))

    def measured(self, records: int, spent_s: float) -> None:
        """Learn that `records` >= 1 took `spent_s` seconds of work, outages not counted."""
        fresh = (1.0, records, spent_s, records * records, records * spent_s)
        self._sums = tuple(MEMORY * old + new for old, new in zip(self._sums, fresh, strict=True))
        self._last = records

    def _costs(self) -> tuple[float, float]:
        """Seconds of a sub-chunk, and of each of its records."""
        weight, *sums = self._sums
        records, seconds, squares, products = (each / weight for each in sums)
        mean_s = seconds / records
        spread = squares - records * records
        if spread < (SPREAD * records) ** 2:
            # Few records that always come as many hide a fixed cost for ever: look, now and then.
            fixed_s = FIXED_SHARE * seconds if records < FEW_RECORDS else 0.0
            return fixed_s, (seconds - fixed_s) / records
        slope = (products - records * seconds) / spread
        per_record_s = min(max(slope, LEAST_SHARE * mean_s), mean_s)
        return seconds - per_record_s * records, per_record_s


def cut(records: Sequence[Record], pace: Pace) -> Iterator[Sequence[Record]]:
    """Consecutive slices that together are `records`; sized anew by `pace` for each."""
    start = 0
    while start < len(records):
        end = start + pace.size()
        yield records[start:end]
        start = end
