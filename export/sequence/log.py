"""What users did, as numbers, and what is asked about it: all that models learn from and rank."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.core.tuning import EventKind
from stream.evaluate.protocol import wanted
from stream.wire.inputs import Event

Rows = NDArray[np.intp]

VALIDATION = 0.1  # of a training part, its last uses: settings are chosen on them
VALIDATED = 1500  # of them are ranked, evenly spread


@dataclass(frozen=True, slots=True)
class Log:
    """First uses of items, oldest first.

    places  (e,) of the events in their data set, ascending
    users   (e,) numbers of users
    rows    (e,) of items, below `items`
    """

    places: Rows
    users: Rows
    rows: Rows
    items: int

    def __len__(self) -> int:
        return len(self.places)

    def before(self, place: int) -> Log:
        """What happened before an event of the data set."""
        return self._first(int(np.searchsorted(self.places, place)))

    def split(self, share: float) -> int:
        """The place at which the last `share` of the uses begins."""
        return int(self.places[min(int(len(self) * (1 - share)), len(self) - 1)])

    def sequences(self) -> list[Rows]:
        """Each user's items, oldest first."""
        order = np.argsort(self.users, kind="stable")
        ends = np.flatnonzero(np.diff(self.users[order])) + 1
        return [own for own in np.split(self.rows[order], ends) if len(own)]

    def counts(self) -> NDArray[np.float64]:
        """(items,) how often each was used."""
        return np.bincount(self.rows, minlength=self.items).astype(np.float64)

    def _first(self, count: int) -> Log:
        return Log(self.places[:count], self.users[:count], self.rows[:count], self.items)


@dataclass(frozen=True, slots=True)
class Asked:
    """Rankings: the items of each user until then, oldest first, and the one (m,) that came."""

    places: Rows
    histories: Sequence[Rows]
    rows: Rows

    def between(self, start: int, end: int) -> Asked:
        """Those of events from one place of the data set on and before another."""
        first, last = np.searchsorted(self.places, [start, end])
        return Asked(self.places[first:last], self.histories[first:last], self.rows[first:last])


def log_of(events: Sequence[Event], kinds: Mapping[str, EventKind], rows: Mapping[str, int]) -> Log:
    """First uses among events in time order, as baselines count them."""
    numbers: dict[str, int] = {}
    seen: set[tuple[str, str]] = set()
    found: list[tuple[int, int, int]] = []
    for place, event in enumerate(events):
        use = (event.user_id, event.item_id or "")
        if use in seen or not wanted(event, kinds.get(event.type)):
            continue
        seen.add(use)
        number = numbers.setdefault(event.user_id, len(numbers))
        found.append((place, number, rows[event.item_id or ""]))
    table = np.array(found, np.intp).reshape(-1, 3)
    return Log(table[:, 0], table[:, 1], table[:, 2], len(rows))


def asked(log: Log, places: Iterable[int]) -> Asked:
    """The rankings of these uses. Raises ValueError for a place where nothing is used at first."""
    due = np.unique(np.fromiter(places, np.intp))
    if missing := np.setdiff1d(due, log.places).tolist():
        raise ValueError(f"events {missing[:3]} are no first uses: only those can be ranked")
    known: dict[int, list[int]] = {}
    histories: list[Rows] = []
    rows: list[int] = []
    wanted_here = np.isin(log.places, due)
    for user, row, ranked in zip(log.users, log.rows, wanted_here, strict=True):
        own = known.setdefault(int(user), [])
        if ranked:
            histories.append(np.array(own, np.intp))
            rows.append(int(row))
        own.append(int(row))
    return Asked(due, histories, np.array(rows, np.intp))


def validation(log: Log) -> tuple[Log, Asked]:
    """A training part as (what is learned, rankings of what follows within the part)."""
    moment = log.split(VALIDATION)
    later = log.places[log.places >= moment]
    chosen = later[np.linspace(0, len(later) - 1, min(VALIDATED, len(later))).astype(int)]
    return log.before(moment), asked(log, chosen.tolist())
