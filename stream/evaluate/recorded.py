"""Runs over a window of events that are kept: a trial that learns the same only ranks again.

What is ranked, and how, is what `stream.evaluate.play` does with the same events; baselines and
the measures that a search does not need are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stream.core.arrange import arrange
from stream.core.catalogue import Catalogue
from stream.core.profile import Profile
from stream.core.rank import score
from stream.core.signals import Row
from stream.core.tuning import Tuning
from stream.evaluate import lists
from stream.evaluate.engine import Engine
from stream.evaluate.moments import User
from stream.evaluate.orders import NOTHING, Lists, Places, places_in
from stream.evaluate.protocol import wanted
from stream.evaluate.space import learned
from stream.wire.inputs import Event

STEP = 500  # events between two moves of a progress bar
BATCH = 64  # rankings of one catalogue that are scored together
KEPT_BYTES = 1 << 30
# what an item, a neighbours' row and a profile take in a kept run, measured on MovieLens-100K
ITEM_BYTES, ROW_BYTES, PROFILE_BYTES = 300, 3_000, 20_000

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Window:
    """Events from `first` to before `end`; each `every`-th is ranked, earlier ones are learned."""

    first: int
    end: int
    every: int

    def ranks(self, place: int) -> bool:
        return place >= self.first and (place - self.first) % self.every == 0


@dataclass(frozen=True, slots=True)
class Rankings:
    """Emitted lists of a window, in time order, one row a ranking.

    places      (r,) of the item that came next, from 1; NOWHERE where it was not in the list
    lists       (r, k) rows of the items offered
    divergence  (r,) of the list's categories from the user's own (KL), nats; nan where unknown
    items       in the catalogue
    """

    places: Places
    lists: Lists
    divergence: Values
    users: tuple[str, ...]
    items: int

    def __len__(self) -> int:
        return len(self.places)


@dataclass(frozen=True, slots=True)
class Moment:
    """One ranking that is due: of whom, the row that came next, and (c,) used categories."""

    profile: Profile
    row: int
    own: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Batch:
    """Rankings that are due on one catalogue."""

    moments: tuple[Moment, ...]
    catalogue: Catalogue


class Recorder:
    """Ranks windows of some events under any tuning.

    engine     a fresh one, that has learned nothing, for a tuning
    kept_bytes about how much memory runs may take; a run that does not fit is made anew each time
    advances   hears how many events were passed since it last heard
    """

    def __init__(
        self,
        events: Sequence[Event],
        engine: Callable[[Tuning], Engine],
        *,
        flush_events: int,
        kept_bytes: int = KEPT_BYTES,
        advances: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._events = events
        self._engine = engine
        self._flush_events = flush_events
        self._kept_bytes = kept_bytes
        self._advances = advances
        self._kept: dict[tuple[object, ...], tuple[tuple[Batch, ...], int]] = {}
        self.runs = 0

    def rankings(self, tuning: Tuning, window: Window) -> Rankings:
        """The lists as they would have been emitted, and where in them stood what came next.

        No event from the window's end on is looked at.
        """
        places, offered, far, users, items = [], [], [], [], 0
        table: NDArray[np.float32] | None = None
        for batch in self._batches(tuning, window):
            if table is None:  # no item comes or goes in a run
                table = lists.padded(lists.category_table(batch.catalogue.entries))
            made = _lists(batch, tuning)
            places.append(places_in(made, np.array([m.row for m in batch.moments], np.intp)))
            offered.append(made)
            far.append(lists.divergence(made, table, np.stack([m.own for m in batch.moments])))
            users += [moment.profile.user_id for moment in batch.moments]
            items = len(batch.catalogue)
        return Rankings(
            np.concatenate([np.zeros(0, np.int64), *places]),
            np.concatenate([np.zeros((0, tuning.list_size), np.int32), *offered]),
            np.concatenate([np.zeros(0), *far]),
            tuple(users),
            items,
        )

    def _batches(self, tuning: Tuning, window: Window) -> Iterator[Batch]:
        key = (window, *learned(tuning))
        if key in self._kept:
            yield from self._kept[key][0]
            return
        kept: list[Batch] = []
        size = 0
        for batch in self._played(tuning, window):
            yield batch
            if size <= self._kept_bytes:
                slim, more = _slim(batch)
                kept.append(slim)
                size += more
            else:
                kept.clear()
        if size <= self._kept_bytes:
            self._keep(key, tuple(kept), size)

    def _keep(self, key: tuple[object, ...], batches: tuple[Batch, ...], size: int) -> None:
        """The oldest runs make room."""
        while self._kept and size + sum(one[1] for one in self._kept.values()) > self._kept_bytes:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = batches, size

    def _played(self, tuning: Tuning, window: Window) -> Iterator[Batch]:
        """Learn the events up to the window's end; before a flush what is due comes out."""
        self.runs += 1
        engine = self._engine(tuning)
        table = lists.category_table(engine.catalogue.entries)
        users: dict[str, User] = {}
        due: list[Moment] = []
        waiting = 0
        for place, event in enumerate(self._events[: window.end]):
            if wanted(event, engine.kinds.get(event.type)):
                user = users.setdefault(event.user_id, User())
                row = engine.catalogue.rows[event.item_id or ""]
                if window.ranks(place) and row not in user.known:
                    due.append(_moment(place, event, row, user, engine, table.shape[1]))
                _count(user, row, table)
            if event.type in engine.kinds:
                engine.learn(event)
                waiting += 1
            if due and (waiting >= self._flush_events or len(due) >= BATCH):
                yield Batch(tuple(due), engine.catalogue)
                due.clear()
            if waiting >= self._flush_events:
                engine.flush()
                waiting = 0
            if (place + 1) % STEP == 0:
                self._advances(STEP)
        if due:
            yield Batch(tuple(due), engine.catalogue)


def _moment(
    place: int, event: Event, row: int, user: User, engine: Engine, categories: int
) -> Moment:
    """All that is known before the event, as if the user asked for a list now."""
    profile = engine.profile(event.user_id)
    own = np.zeros(categories, np.float32) if user.categories is None else user.categories
    return Moment(
        replace(profile, as_of=max(profile.as_of, event.at), version=place),
        row,
        own,
    )


def _count(user: User, row: int, table: NDArray[np.float32]) -> None:
    if row in user.known:
        return
    user.known.add(row)
    before = np.zeros(table.shape[1], np.float32) if user.categories is None else user.categories
    user.categories = before + table[row]  # a new array: moments keep the old one


def _lists(batch: Batch, tuning: Tuning) -> Lists:
    """(m, k) as `stream.core.rank.rank` makes them, without the reasons that a message gives."""
    profiles = [moment.profile for moment in batch.moments]
    total = score(profiles, batch.catalogue, tuning).total
    offered = np.full((len(profiles), tuning.list_size), NOTHING, np.int32)
    made = arrange(profiles, total, batch.catalogue, tuning)
    for line, one in zip(offered, made, strict=True):
        line[: len(one)] = [place.row for place in one]
    return offered


def _slim(batch: Batch) -> tuple[Batch, int]:
    """The batch with no neighbours but those of its users' items, and about what it takes."""
    whole = batch.catalogue
    asked = {recent.item_id for moment in batch.moments for recent in moment.profile.recent}
    rows: Mapping[str, Row] = {
        item_id: row if item_id in asked else Row(row.count, row.hotness, row.at)
        for item_id, row in whole.learned.items()
    }
    # from the empty catalogue of before, so that tables of the items are shared by all batches
    size = len(whole) * ITEM_BYTES + len(asked) * ROW_BYTES + len(batch.moments) * PROFILE_BYTES
    return Batch(batch.moments, whole.with_rows(rows)), size
