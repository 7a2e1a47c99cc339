"""Items by name, and what items stand for a direction: from the store, or a worker's replica."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np

from stream.core.candidates import Near
from stream.core.catalogue import Catalogue, Entry
from stream.core.decay import Vector
from stream.reads.answers import ItemName
from stream.store.candidates import Candidates
from stream.store.convert import point_uuid
from stream.store.items import Items
from stream.store.replica import entry_of
from stream.store.rows import ItemRow

#: Titles may be as long as texts; answers name many.
TITLE_CHARS = 200

Titles = Mapping[str, str]


class LoadsItems(Protocol):
    async def load(
        self, names: Iterable[str], *, with_vectors: bool = True
    ) -> dict[str, ItemRow]: ...


class Catalogued(Protocol):
    """What reads need to know of items; methods raise Unavailable."""

    async def titles(self, item_ids: Collection[str]) -> Titles:
        """By id, of those that are known, deleted ones too; none longer than TITLE_CHARS."""
        ...

    async def nearest(self, vectors: Sequence[Vector], most: int) -> list[list[Entry]]:
        """The items on offer that are nearest to each of some vectors (d,), the nearest first."""
        ...


class StoredItems:
    """Asks the store for all of it."""

    def __init__(self, items: Items) -> None:
        self._items = items

    async def titles(self, item_ids: Collection[str]) -> Titles:
        return await _loaded(self._items, item_ids)

    async def nearest(self, vectors: Sequence[Vector], most: int) -> list[list[Entry]]:
        if not vectors:
            return []
        (found,) = await self._items.nearest([Near(np.stack(vectors), as_of=0.0)], most)
        ids = {point for points in found for point in points}
        rows = await self._items.fetch(sorted(ids), with_vectors=False)
        entries = {point_uuid(row.item_id): entry_of(row) for row in rows}
        return [[entries[point] for point in points if point in entries] for points in found]


class ReplicatedItems:
    """Asks the replica, and the store for what that has not heard of."""

    def __init__(
        self, catalogue: Callable[[], Catalogue], candidates: Candidates, items: LoadsItems
    ) -> None:
        self._catalogue = catalogue
        self._candidates = candidates
        self._items = items

    async def titles(self, item_ids: Collection[str]) -> Titles:
        known = self._catalogue()
        entries = {item_id: known.get(item_id) for item_id in item_ids}
        found = {i: cut(entry.title) for i, entry in entries.items() if entry is not None}
        missing = [item_id for item_id in item_ids if item_id not in found]
        return found | (await _loaded(self._items, missing) if missing else {})

    async def nearest(self, vectors: Sequence[Vector], most: int) -> list[list[Entry]]:
        return await self._candidates.nearest(vectors, most)


async def _loaded(items: LoadsItems, item_ids: Collection[str]) -> dict[str, str]:
    rows = await items.load(sorted(item_ids), with_vectors=False)
    return {item_id: cut(row.title) for item_id, row in rows.items()}


def cut(title: str) -> str:
    """At most TITLE_CHARS of it, with an ellipsis where there is more."""
    return title if len(title) <= TITLE_CHARS else f"{title[: TITLE_CHARS - 1]}…"


def named(item_id: str, titles: Titles) -> ItemName:
    return ItemName(item_id=item_id, title=titles.get(item_id, ""))
