"""A worker's in-memory picture of what can be recommended, as arrays: an immutable snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stream.core.decay import Vector, factor
from stream.core.hashes import hash32
from stream.core.interests import PairCosines, pair_cosines
from stream.core.signals import Row

NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Entry:
    """One item. `vector` is (d,) unit float32 or None where it has none; times in seconds."""

    item_id: str
    title: str
    vector: Vector | None
    categories: tuple[str, ...] = ()
    domain: str | None = None
    lang: str | None = None
    published_at: float | None = None
    expires_at: float | None = None
    available: bool = True
    deleted: bool = False

    @property
    def label(self) -> str:
        """How an interest around this item is called."""
        return self.categories[0] if self.categories else self.title


@dataclass(frozen=True, slots=True)
class Heat:
    """Decayed count of an item's events at a reference time (seconds)."""

    count: float
    at: float


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What one item's row says about the catalogue's items.

    columns  (m,) rows of the catalogue, ascending
    weights  (m,) co-occurrence with each, as of `at`
    count    of the item itself, as of `at`
    """

    columns: NDArray[np.intp]
    weights: NDArray[np.float32]
    count: float
    at: float


NOBODY = Neighbours(np.zeros(0, np.intp), np.zeros(0, np.float32), 0.0, 0.0)


@dataclass(frozen=True)
class Catalogue:
    """Items, their heat and their neighbours. Rows of all arrays are in the order of `entries`."""

    dimension: int
    entries: tuple[Entry, ...] = ()
    heat: Mapping[str, Heat] = field(default_factory=dict)
    learned: Mapping[str, Row] = field(default_factory=dict)

    @cached_property
    def rows(self) -> Mapping[str, int]:
        return {entry.item_id: row for row, entry in enumerate(self.entries)}

    @cached_property
    def vectors(self) -> NDArray[np.float32]:
        """(n, d); items without a vector have zeros, so they match nothing."""
        table = np.zeros((len(self.entries), self.dimension), np.float32)
        for row, entry in enumerate(self.entries):
            if entry.vector is not None:
                table[row] = entry.vector
        return table

    @cached_property
    def pair_cosines(self) -> PairCosines | None:
        """How near two items usually are; None while there are few."""
        return pair_cosines(self.vectors)

    @cached_property
    def on_offer(self) -> NDArray[np.bool_]:
        """(n,) neither deleted nor unavailable."""
        return np.array([e.available and not e.deleted for e in self.entries], np.bool_)

    @cached_property
    def published_at(self) -> NDArray[np.float64]:
        """(n,) seconds; -inf where not given."""
        return np.array(
            [-NEVER if e.published_at is None else e.published_at for e in self.entries]
        )

    @cached_property
    def expires_at(self) -> NDArray[np.float64]:
        """(n,) seconds; inf where not given."""
        return np.array([NEVER if e.expires_at is None else e.expires_at for e in self.entries])

    @cached_property
    def languages(self) -> NDArray[np.object_]:
        """(n,) language tags, None where not given."""
        return np.array([e.lang for e in self.entries], object)

    @cached_property
    def _heat_arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        cold = Heat(0.0, 0.0)
        heats = [self.heat.get(entry.item_id, cold) for entry in self.entries]
        return np.array([h.count for h in heats]), np.array([h.at for h in heats])

    @cached_property
    def _hashes(self) -> tuple[NDArray[np.uint32], NDArray[np.intp]]:
        hashes = np.array([hash32(e.item_id) for e in self.entries], np.uint32)
        order = np.argsort(hashes, kind="stable")
        return hashes[order], order

    @cached_property
    def _counts(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n,) decayed counts and their times; 0 where nobody has used an item yet."""
        unused = Row(0.0, 0.0, 0.0)
        rows = [self.learned.get(entry.item_id, unused) for entry in self.entries]
        return np.array([row.count for row in rows]), np.array([row.at for row in rows])

    @cached_property
    def _found(self) -> dict[str, Neighbours]:
        """Neighbours that were asked for already."""
        return {}

    def __len__(self) -> int:
        return len(self.entries)

    def get(self, item_id: str) -> Entry | None:
        """The item, deleted ones included (`because` still names them)."""
        row = self.rows.get(item_id)
        return None if row is None else self.entries[row]

    def heat_at(self, now: float, *, half_life_s: float) -> NDArray[np.float64]:
        """(n,) decayed counts as of `now`; heat from after `now` counts as it is."""
        count, at = self._heat_arrays
        decayed: NDArray[np.float64] = count * np.exp2(-np.maximum(now - at, 0.0) / half_life_s)
        return decayed

    @cached_property
    def learned_at(self) -> float:
        """Time of the newest event that anything here was learned from; 0.0 where there is none."""
        return float(self._counts[1].max(initial=0.0))

    def counts(self, *, half_life_s: float) -> NDArray[np.float64]:
        """(n,) how often each item was used, decayed to `learned_at`."""
        counts, at = self._counts
        decayed: NDArray[np.float64] = counts * np.exp2((at - self.learned_at) / half_life_s)
        return decayed

    def neighbours_of(self, item_id: str) -> Neighbours:
        """The item's neighbours as its row has them; none where nobody has used it yet."""
        found = self._found.get(item_id)
        if found is None:
            row = self.learned.get(item_id)
            found = NOBODY if row is None else self._found_in(row)
            self._found[item_id] = found
        return found

    def _found_in(self, row: Row) -> Neighbours:
        table, order = self._hashes
        places = np.minimum(np.searchsorted(table, row.others), max(len(table) - 1, 0))
        there = table[places] == row.others if len(table) else np.zeros(len(row.others), np.bool_)
        columns = order[places[there]]
        ascending = np.argsort(columns)
        return Neighbours(columns[ascending], row.weights[there][ascending], row.count, row.at)

    def rows_of_hashes(self, hashes: Sequence[int]) -> NDArray[np.intp]:
        """Rows of the items with these 32-bit hashes; unknown ones are left out."""
        table, order = self._hashes
        if not len(table) or not hashes:
            return np.empty(0, np.intp)
        wanted = np.asarray(hashes, np.uint32)
        low = np.searchsorted(table, wanted, "left")
        high = np.searchsorted(table, wanted, "right")
        counts = high - low  # 0 unknown, 1 known, 2 or more: a collision
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        found: NDArray[np.intp] = order[np.repeat(low, counts) + within]
        return found

    def with_entries(self, changed: Iterable[Entry]) -> Catalogue:
        """With these items added or replaced."""
        table = {entry.item_id: entry for entry in self.entries}
        table.update((entry.item_id, entry) for entry in changed)
        return Catalogue(self.dimension, tuple(table.values()), self.heat, self.learned)

    def with_heat(self, changed: Mapping[str, Heat]) -> Catalogue:
        """With these items' heat replaced. What does not depend on heat is not computed again."""
        fresh = Catalogue(self.dimension, self.entries, {**self.heat, **changed}, self.learned)
        for name in _HEATLESS:
            if name in self.__dict__:
                fresh.__dict__[name] = self.__dict__[name]
        return fresh

    def with_rows(self, changed: Mapping[str, Row]) -> Catalogue:
        """With what was learned about these items replaced; their heat is in their rows."""
        heats = {item_id: Heat(row.hotness, row.at) for item_id, row in changed.items()}
        fresh = replace(self.with_heat(heats), learned={**self.learned, **changed})
        for name in _HEATLESS:
            if name in self.__dict__:
                fresh.__dict__[name] = self.__dict__[name]
        fresh.__dict__["_found"] = {i: n for i, n in self._found.items() if i not in changed}
        return fresh


_HEATLESS = (
    "rows",
    "vectors",
    "pair_cosines",
    "on_offer",
    "published_at",
    "expires_at",
    "languages",
    "_hashes",
    "_categories",  # kept here by `stream.core.categories`
)


def hotter(heat: Heat | None, weight: float, at: float, *, half_life_s: float) -> Heat:
    """The heat after `weight` more at `at`; a late one lands where it belongs."""
    if heat is None:
        return Heat(weight, at)
    now = max(heat.at, at)
    old = factor(now - heat.at, half_life_s) * heat.count
    return Heat(old + factor(now - at, half_life_s) * weight, now)
