"""How long a fetch may wait for records, where a short wait may end before they are found.

The embedded broker lists every batch of a partition at each fetch, and answers with what it has
when the wait is over: from some tens of thousands of batches on, 20 ms are over before the list is,
at every fetch, and the worker would hear nothing ever again. A long wait from the beginning would
make each record wait, because that broker looks for new ones only when a wait has ended. So the
wait grows where records are known to be there and hardly any come. Apache Kafka answers as soon as
there is something, whatever the wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stream.kafka.deliveries import TopicPartition

LONGEST_MS = 5000
#: A partition starves that after so many waits, and after this time at least, has not got what was
#: there at their beginning, nor this many records.
WAITS = 3
AT_LEAST_S = 0.25
ENOUGH = 100
#: While nothing is behind the wait halves each time this long has passed.
CALM_S = 10.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """A partition after a fetch: how many records came, the next offset, and the end as known."""

    records: int
    position: int
    end: int


@dataclass(slots=True)
class _Hunger:
    since: float
    end: int
    records: int = 0


class FetchWait:
    """The wait of the next fetch, `ms`: never below `shortest_ms`, at most LONGEST_MS or that."""

    def __init__(self, shortest_ms: int) -> None:
        self.ms = shortest_ms
        self._shortest_ms = shortest_ms
        self._longest_ms = max(shortest_ms, LONGEST_MS)
        self._hungry: dict[TopicPartition, _Hunger] = {}
        self._calm_since: float | None = None

    def after(self, fetched: Mapping[TopicPartition, Fetched], now: float) -> None:
        """Take note of a fetch of these partitions; now in seconds, of a monotonic clock."""
        behind = {tp: one for tp, one in fetched.items() if one.position < one.end}
        self._hungry = {tp: one for tp, one in self._hungry.items() if tp in behind}
        for tp, one in behind.items():
            hunger = self._hungry.setdefault(tp, _Hunger(now, one.end))
            hunger.records += one.records
            if one.position >= hunger.end or hunger.records >= ENOUGH:
                self._hungry[tp] = _Hunger(now, one.end)
        patience_s = max(WAITS * self.ms / 1000, AT_LEAST_S)
        if any(now - one.since >= patience_s for one in self._hungry.values()):
            self.ms = min(2 * self.ms, self._longest_ms)
            self._hungry = {tp: _Hunger(now, one.end) for tp, one in behind.items()}
        self._rest(bool(behind), now)

    def _rest(self, behind: bool, now: float) -> None:
        if behind or self._calm_since is None:
            self._calm_since = None if behind else now
        elif now - self._calm_since >= CALM_S:
            self.ms, self._calm_since = max(self.ms // 2, self._shortest_ms), now
