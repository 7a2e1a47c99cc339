"""A worker's replica of the catalogue: all of it at the start, then what changed, every second.

Revisions are the writers' wall clocks and become visible after they were taken, so each look asks
again for the last seconds before the newest revision seen, and fetches only what is new to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

from stream.core.catalogue import Catalogue, Entry
from stream.core.signals import Row
from stream.rounds import repeat
from stream.store.collections import Store
from stream.store.rows import ItemRow, NeighbourRow
from stream.store.table import Table

RECONCILE_S = 3600.0  # writers whose clocks differ by more than the overlap are heard this late
FETCH = 500  # rows with vectors: about 1 MB a request

Stored = TypeVar("Stored", ItemRow, NeighbourRow)


class Changes(Generic[Stored]):
    """The rows of one table that changed since they were last asked for."""

    def __init__(self, table: Table[Stored], overlap_s: float) -> None:
        self._table: Table[Stored] = table
        self._overlap_ms = int(overlap_s * 1000)
        self._newest = 0
        self._seen: dict[str, int] = {}

    async def read(self, *, everything: bool = False) -> list[Stored]:
        """New and newer rows; at first all. Raises Unavailable, and then has read nothing.

        everything  look at all revisions, also at those of writers whose clocks are far behind
        """
        since = 0 if everything else max(self._newest - self._overlap_ms, 0)
        changed = await self._table.changed(since)
        found: list[tuple[str, int]] = [c for c in changed if self._seen.get(c[0], -1) < c[1]]
        rows: list[Stored] = []
        for start in range(0, len(found), FETCH):
            rows += await self._table.fetch([p for p, _ in found[start : start + FETCH]])
        self._seen.update(found)
        self._newest = max([self._newest, *(revision for _, revision in found)])
        return rows


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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.catalogue = Catalogue(dimension)
        self._items: Changes[ItemRow] = Changes(store.items, overlap_s)
        self._neighbours: Changes[NeighbourRow] = Changes(store.neighbours, overlap_s)
        self._poll_s = poll_s
        self._clock = clock
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
        if items := await self._items.read(everything=full):
            self.catalogue = self.catalogue.with_entries(map(entry_of, items))
        if rows := await self._neighbours.read(everything=full):
            self.catalogue = self.catalogue.with_rows({r.item_id: learned_of(r) for r in rows})
        self._fresh_at = started
        if full:
            self._reconciled_at = started

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
    )


def learned_of(row: NeighbourRow) -> Row:
    """What was learned about an item, as the core sees it."""
    return Row(row.count, row.hotness, row.at, *row.pairs)
