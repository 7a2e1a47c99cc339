"""A worker's in-memory picture of what can be recommended, as arrays: an immutable snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stream.core import columns
from stream.core.attributes import Attribute
from stream.core.categories import Categories, categories
from stream.core.columns import COLUMNS
from stream.core.decay import Vector
from stream.core.hashes import hash32
from stream.core.interests import PairCosines, pair_cosines
from stream.core.signals import NO_HASHES, NO_WEIGHTS, Row

UNUSED = Row(0.0, 0.0, 0.0)


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
    attributes: Mapping[str, Attribute] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """How an interest around this item is called."""
        return self.categories[0] if self.categories else self.title


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
    """Items and what was learned about them. Rows of all arrays are in the order of `entries`.

    light   too large for a worker's memory: vectors and neighbours are elsewhere, and lists are
            made of excerpts (`excerpt`)
    """

    dimension: int
    entries: tuple[Entry, ...] = ()
    learned: Mapping[str, Row] = field(default_factory=dict)
    light: bool = False

    # --- arrays over the items

    @cached_property
    def rows(self) -> Mapping[str, int]:
        return {entry.item_id: row for row, entry in enumerate(self.entries)}

    @cached_property
    def vectors(self) -> NDArray[np.float32]:
        """(n, d); items without a vector have zeros, so they match nothing.

        Raises LookupError where the catalogue is light.
        """
        if self.light:
            raise LookupError(f"a light catalogue of {len(self)} items has no vectors")
        return columns.vectors(self.entries, self.dimension)

    @cached_property
    def on_offer(self) -> NDArray[np.bool_]:
        """(n,) neither deleted nor unavailable."""
        return columns.on_offer(self.entries)

    @cached_property
    def published_at(self) -> NDArray[np.float64]:
        """(n,) seconds; -inf where not given."""
        return columns.published_at(self.entries)

    @cached_property
    def expires_at(self) -> NDArray[np.float64]:
        """(n,) seconds; inf where not given."""
        return columns.expires_at(self.entries)

    @cached_property
    def languages(self) -> NDArray[np.object_]:
        """(n,) language tags, None where not given."""
        return columns.languages(self.entries)

    @cached_property
    def domains(self) -> NDArray[np.uint32]:
        """(n,) 32-bit hashes of the domains; `columns.NO_DOMAIN` where not given."""
        return columns.domains(self.entries)

    @cached_property
    def hashes(self) -> NDArray[np.uint32]:
        """(n,) 32-bit hashes of the ids."""
        return columns.hashes(self.entries)

    @cached_property
    def categories(self) -> Categories:
        """Which item is in which categories."""
        vectors = None if self.light else self.vectors
        return categories([entry.categories for entry in self.entries], vectors)

    @cached_property
    def pair_cosines(self) -> PairCosines | None:
        """How near two items usually are; None while there are few."""
        return None if self.light else pair_cosines(self.vectors)

    @cached_property
    def _by_hash(self) -> tuple[NDArray[np.uint32], NDArray[np.intp]]:
        """Hashes, ascending, and the rows that have them."""
        order = np.argsort(self.hashes, kind="stable")
        return self.hashes[order], order

    @cached_property
    def _sums(self) -> NDArray[np.float64]:
        """(3, n) count, hotness and their time; 0 where nobody has used an item yet."""
        return self._sums_of(self.entries)

    def _sums_of(self, entries: Iterable[Entry]) -> NDArray[np.float64]:
        rows = [self.learned.get(entry.item_id, UNUSED) for entry in entries]
        table = [[getattr(row, name) for row in rows] for name in ("count", "hotness", "at")]
        return np.array(table, np.float64)

    @cached_property
    def _found(self) -> dict[str, Neighbours]:
        """Neighbours that were asked for already."""
        return {}

    # --- questions

    def __len__(self) -> int:
        return len(self.entries)

    def get(self, item_id: str) -> Entry | None:
        """The item, deleted ones included (`because` still names them)."""
        row = self.rows.get(item_id)
        return None if row is None else self.entries[row]

    def heat_at(self, now: float, *, half_life_s: float) -> NDArray[np.float64]:
        """(n,) decayed counts as of `now`; heat from after `now` counts as it is."""
        _, hotness, at = self._sums
        decayed: NDArray[np.float64] = hotness * np.exp2(-np.maximum(now - at, 0.0) / half_life_s)
        return decayed

    @cached_property
    def learned_at(self) -> float:
        """Time of the newest event that anything here was learned from; 0.0 where there is none."""
        return float(self._sums[2].max(initial=0.0))

    def counts(self, *, half_life_s: float) -> NDArray[np.float64]:
        """(n,) how often each item was used, decayed to `learned_at`."""
        counts, _, at = self._sums
        decayed: NDArray[np.float64] = counts * np.exp2((at - self.learned_at) / half_life_s)
        return decayed

    def neighbours_of(self, item_id: str) -> Neighbours:
        """The item's neighbours as its row has them; none where nobody has used it yet."""
        found = self._found.get(item_id)
        if found is None:
            row = self.learned.get(item_id)
            found = NOBODY if row is None else self.neighbours_in(row)
            self._found[item_id] = found
        return found

    def neighbours_in(self, row: Row) -> Neighbours:
        """What a row, with its neighbours, says about these items."""
        table, order = self._by_hash
        places = np.minimum(np.searchsorted(table, row.others), max(len(table) - 1, 0))
        there = table[places] == row.others if len(table) else np.zeros(len(row.others), np.bool_)
        columns = order[places[there]]
        ascending = np.argsort(columns)
        return Neighbours(columns[ascending], row.weights[there][ascending], row.count, row.at)

    def rows_of_hashes(self, hashes: Sequence[int] | NDArray[np.uint32]) -> NDArray[np.intp]:
        """Rows of the items with these 32-bit hashes; unknown ones are left out."""
        table, order = self._by_hash
        if not len(table) or not len(hashes):
            return np.empty(0, np.intp)
        wanted = np.asarray(hashes, np.uint32)
        low = np.searchsorted(table, wanted, "left")
        high = np.searchsorted(table, wanted, "right")
        counts = high - low  # 0 unknown, 1 known, 2 or more: a collision
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        found: NDArray[np.intp] = order[np.repeat(low, counts) + within]
        return found

    # --- the next snapshot

    def with_entries(self, changed: Iterable[Entry]) -> Catalogue:
        """With these items added or replaced. Arrays grow; only the changed rows are made anew."""
        latest = {entry.item_id: entry for entry in changed}
        added = [entry for item_id, entry in latest.items() if item_id not in self.rows]
        others = [entry for item_id, entry in latest.items() if item_id in self.rows]
        rows = np.array([self.rows[entry.item_id] for entry in others], np.intp)
        entries = [*self.entries, *added]
        for row, entry in zip(rows.tolist(), others, strict=True):
            entries[row] = entry
        after = replace(self, entries=tuple(entries))
        held = self.__dict__
        for name in COLUMNS.keys() & held.keys():
            make = COLUMNS[name]
            column = np.concatenate([held[name], make(added, self.dimension)])
            column[rows] = make(others, self.dimension)
            after.__dict__[name] = column
        after.__dict__["rows"] = {
            **self.rows,
            **{entry.item_id: row for row, entry in enumerate(added, len(self))},
        }
        if "_sums" in held:
            after.__dict__["_sums"] = np.concatenate([self._sums, self._sums_of(added)], axis=1)
        if "_by_hash" in held:
            after.__dict__["_by_hash"] = self._inserted([entry.item_id for entry in added])
        if "categories" in held:
            names = [entry.categories for entry in others]
            vectors = None if self.light else after.vectors
            more = [entry.categories for entry in added]
            after.__dict__["categories"] = self.categories.changed(rows, names, more, vectors)
        if self.light:
            after.__dict__["pair_cosines"] = self.pair_cosines
        return after

    def _inserted(self, added: Sequence[str]) -> tuple[NDArray[np.uint32], NDArray[np.intp]]:
        table, order = self._by_hash
        more = np.array(list(map(hash32, added)), np.uint32)
        ascending = np.argsort(more, kind="stable")
        places = np.searchsorted(table, more[ascending], "right")
        return (
            np.insert(table, places, more[ascending]),
            np.insert(order, places, len(self) + ascending),
        )

    def with_rows(self, changed: Mapping[str, Row]) -> Catalogue:
        """With what was learned about these items replaced; the items themselves are the same."""
        after = replace(self, learned={**self.learned, **changed})
        for name in ITEMS_ALONE & self.__dict__.keys():
            after.__dict__[name] = self.__dict__[name]
        known = {
            self.rows[item_id]: row for item_id, row in changed.items() if item_id in self.rows
        }
        sums = self._sums.copy()
        if known:
            values = [(row.count, row.hotness, row.at) for row in known.values()]
            sums[:, list(known)] = np.array(values).T
        after.__dict__["_sums"] = sums
        after.__dict__["_found"] = {i: n for i, n in self._found.items() if i not in changed}
        return after

    # --- more than a worker holds

    def lightened(self) -> Catalogue:
        """The same items without their vectors and neighbours, which are looked up elsewhere.

        What `pair_cosines` is has to be told from now on (`with_cosines`); until then it stays.
        """
        entries = tuple(replace(entry, vector=None) for entry in self.entries)
        learned = {
            item_id: replace(row, others=NO_HASHES, weights=NO_WEIGHTS)
            for item_id, row in self.learned.items()
        }
        after = Catalogue(self.dimension, entries, learned, light=True)
        return after.with_cosines(self.pair_cosines)

    def with_cosines(self, cosines: PairCosines | None) -> Catalogue:
        """The same with these `pair_cosines`, which a light catalogue cannot know by itself."""
        after = replace(self)
        after.__dict__.update(self.__dict__)
        after.__dict__["pair_cosines"] = cosines
        return after

    def excerpt(
        self,
        rows: NDArray[np.intp],
        vectors: Mapping[str, Vector],
        learned: Mapping[str, Row],
    ) -> Catalogue:
        """Some of the items, each of which scores as it would in the whole.

        rows     (m,) distinct
        vectors  id -> (d,) of those of the items that have one
        learned  id -> row, with neighbours, of the items whose neighbours are asked for
        """
        entries = tuple(self.entries[row] for row in rows.tolist())
        known = {e.item_id: self.learned[e.item_id] for e in entries if e.item_id in self.learned}
        part = Catalogue(self.dimension, entries, known)
        place = {entry.item_id: row for row, entry in enumerate(entries)}
        table = np.zeros((len(entries), self.dimension), np.float32)
        for item_id in place.keys() & vectors.keys():
            table[place[item_id]] = vectors[item_id]
        part.__dict__.update(
            {name: getattr(self, name)[rows] for name in COLUMNS if name != "vectors"}
        )
        part.__dict__.update(
            rows=place,
            vectors=table,
            _sums=self._sums[:, rows],
            learned_at=self.learned_at,
            categories=self.categories.of(rows),
            pair_cosines=self.pair_cosines,
        )
        # of these alone: for everything else a row is what this snapshot says, for all users
        part._found.update((item_id, part.neighbours_in(row)) for item_id, row in learned.items())
        return part

    def warmed(self) -> Catalogue:
        """The same with everything at hand that an excerpt needs: later snapshots take it over."""
        for name in {*COLUMNS, "rows", "_by_hash", "_sums"} - {"vectors"}:
            getattr(self, name)
        _ = self.categories.adjacent
        return self


#: What does not change with what was learned.
ITEMS_ALONE = {*COLUMNS, "rows", "pair_cosines", "categories", "_by_hash", "_attributes"}
