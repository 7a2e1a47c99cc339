"""A worker's replica of the catalogue: all of it at the start, then what changed, every second.

Revisions are the writers' wall clocks and become visible after they were taken, so each look asks
again for the last seconds before the newest revision seen, and fetches only what is new to it.

Beyond so many items the catalogue is light: vectors and neighbours stay in the store.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
import structlog

from stream.core.catalogue import Catalogue, Entry
from stream.core.interests import SAMPLED_ITEMS, PairCosines, pair_cosines
from stream.core.signals import Row
from stream.rounds import repeat
from stream.store.collections import Store
from stream.store.rows import ItemRow, NeighbourRow
from stream.store.table import Table

if TYPE_CHECKING:
    from stream.store.shelf import Shelf

log = structlog.get_logger(__name__)

RECONCILE_S = 3600.0  # writers whose clocks differ by more than the overlap are heard this late
FETCH = 500  # rows with vectors: about 1 MB a request

SPREAD = 8  # items looked at for each whose cosines are: some have no vector

Stored = TypeVar("Stored", ItemRow, NeighbourRow)
Kept = TypeVar("Kept")


class Changes(Generic[Stored, Kept]):
    """What is kept of the rows of one table that changed since they were last asked for."""

    def __init__(
        self, table: Table[Stored], keep: Callable[[Stored], Kept], overlap_s: float
    ) -> None:
        self._table: Table[Stored] = table
        self._keep: Callable[[Stored], Kept] = keep
        self._overlap_ms = int(overlap_s * 1000)
        self._newest = 0
        self._seen: dict[str, int] = {}

    async def read(
        self, *, everything: bool = False, with_vectors: Callable[[int], bool] = lambda _: True
    ) -> dict[str, Kept]:
        """By item; at first of all. Raises Unavailable, and then has read nothing.

        everything    look at all revisions, also at those of writers whose clocks are far behind
        with_vectors  whether they come with their vectors, where there are so many rows in all
        """
        since = 0 if everything else max(self._newest - self._overlap_ms, 0)
        changed = await self._table.changed(since)
        found: list[tuple[str, int]] = [c for c in changed if self._seen.get(c[0], -1) < c[1]]
        kept: dict[str, Kept] = {}
        new = sum(point not in self._seen for point, _ in found)
        vectors = with_vectors(len(self._seen) + new)
        for start in range(0, len(found), FETCH):
            some = [point for point, _ in found[start : start + FETCH]]
            rows: list[Stored] = await self._table.fetch(some, with_vectors=vectors)
            kept.update((row.item_id, self._keep(row)) for row in rows)
        self._seen.update(found)
        self._newest = max([self._newest, *(revision for _, revision in found)])
        return kept

    @property
    def total(self) -> int:
        """Rows that there are, as far as it is known."""
        return len(self._seen)


class Replica:
    """Keeps `catalogue` fresh while `run` runs.

    age_s  seconds since the replica last agreed with the store; inf before the first time
    """

    def __init__(
        self,
        store: Store,
        *,
        dimension: int,
        poll_s: float,
        overlap_s: float,
        max_items: int,
        shelf: Shelf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Of more than `max_items` the catalogue is light; `shelf` hears what has changed."""
        self.catalogue = Catalogue(dimension)
        self._store = store
        self._items: Changes[ItemRow, Entry] = Changes(store.items, entry_of, overlap_s)
        self._neighbours: Changes[NeighbourRow, Row] = Changes(
            store.neighbours, learned_of, overlap_s
        )
        self._poll_s = poll_s
        self._max_items = max_items
        self._shelf = shelf
        self._clock = clock
        self._asked_for_index = False
        self._fitted_to = 0  # items, when their cosines were last looked at
        self._fresh_at: float | None = None
        self._reconciled_at: float | None = None

    @property
    def age_s(self) -> float:
        return float("inf") if self._fresh_at is None else self._clock() - self._fresh_at

    async def refresh(self) -> None:
        """Bring the catalogue up to what the store has now. Raises Unavailable."""
        started = self._clock()
        full = self._reconciled_at is None or started - self._reconciled_at >= RECONCILE_S
        # each read is taken over at once: what was read is not asked for again
        await self._read_items(full)
        await self._read_neighbours(full)
        if self.catalogue.light:
            await self._search_ready(full)
        self._fresh_at = started
        if full:
            self._reconciled_at = started

    async def _read_items(self, full: bool) -> None:
        small = self._max_items.__ge__
        changed = await self._items.read(everything=full, with_vectors=small)
        self._shelf.vectors.forget(changed)
        catalogue = self.catalogue.with_entries(changed.values()) if changed else self.catalogue
        grew = not catalogue.light and not small(self._items.total)
        self.catalogue = catalogue.lightened() if grew else catalogue

    async def _read_neighbours(self, full: bool) -> None:
        light = self.catalogue.light
        changed = await self._neighbours.read(everything=full, with_vectors=lambda _: not light)
        self._shelf.rows.forget(changed)
        if changed:
            self.catalogue = self.catalogue.with_rows(changed)

    async def _search_ready(self, full: bool) -> None:
        """What searching needs and scoring does not: an index, and cosines to be told."""
        if not self._asked_for_index:
            indexed = await self._store.index_items()
            log.info(
                "items are searched, not all scored",
                items=len(self.catalogue),
                catalogue_max_items=self._max_items,
                indexed=indexed,
            )
            self._asked_for_index = True
        size = len(self.catalogue)
        if full or size >= 2 * self._fitted_to:
            cosines = await self._cosines()
            self._fitted_to = size
            if cosines is not None:
                self.catalogue = self.catalogue.with_cosines(cosines)

    async def _cosines(self) -> PairCosines | None:
        """Of items spread over the catalogue; None where few of them have a vector."""
        entries = self.catalogue.entries
        count = min(len(entries), SPREAD * SAMPLED_ITEMS)
        places = np.linspace(0, len(entries) - 1, count).astype(np.intp)
        vectors = await self._shelf.vectors.get(entries[place].item_id for place in places)
        return pair_cosines(np.stack(list(vectors.values()))) if vectors else None

    async def run(self) -> None:
        """Refresh for ever; an outage leaves the catalogue as it is, and its age grows."""
        await repeat("catalogue", self.refresh, every_s=self._poll_s)


def entry_of(row: ItemRow) -> Entry:
    """An item's row as the core sees it."""
    return Entry(
        item_id=row.item_id,
        title=row.title,
        vector=row.vector,
        categories=row.categories,
        domain=row.domain,
        lang=row.lang,
        published_at=row.published_at,
        expires_at=row.expires_at,
        available=row.available,
        deleted=row.deleted_at is not None,
        attributes=row.attributes,
    )


def learned_of(row: NeighbourRow) -> Row:
    """What was learned about an item, as the core sees it."""
    return Row(row.count, row.hotness, row.at, *row.pairs, *row.segments)
