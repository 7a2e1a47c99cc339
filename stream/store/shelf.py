"""What a light catalogue leaves in the store, looked up when it is needed and kept for a while."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from cachetools import LRUCache

from stream.core.decay import Vector
from stream.core.signals import Row
from stream.store.replica import learned_of
from stream.store.rows import NeighbourRow

FETCH = 500  # rows with vectors: about 1 MB a request

Value = TypeVar("Value")


class HasVectors(Protocol):
    async def vectors(self, item_ids: Sequence[str]) -> dict[str, Vector]: ...


class HasNeighbours(Protocol):
    async def load(self, names: Iterable[str]) -> dict[str, NeighbourRow]: ...


class Lookup(Generic[Value]):
    """One thing about items by their ids, the least recently used dropped beyond `size`."""

    def __init__(
        self, load: Callable[[Sequence[str]], Awaitable[Mapping[str, Value]]], size: int
    ) -> None:
        self._load = load
        self._kept: LRUCache[str, Value | None] = LRUCache(size)
        self._changes = 0

    async def get(self, item_ids: Iterable[str]) -> dict[str, Value]:
        """By id, of those that have one. Raises Unavailable."""
        wanted = list(dict.fromkeys(item_ids))
        found = {i: self._kept[i] for i in wanted if i in self._kept}
        missing = [item_id for item_id in wanted if item_id not in found]
        for start in range(0, len(missing), FETCH):
            found |= await self._loaded(missing[start : start + FETCH])
        return {item_id: value for item_id, value in found.items() if value is not None}

    async def _loaded(self, item_ids: Sequence[str]) -> dict[str, Value | None]:
        changes = self._changes
        loaded = await self._load(item_ids)
        found = {item_id: loaded.get(item_id) for item_id in item_ids}
        if changes == self._changes:  # else it may be of before the change
            self._kept.update(found)
        return found

    def forget(self, item_ids: Collection[str]) -> None:
        """These have changed."""
        if item_ids:
            self._changes += 1
        for item_id in item_ids:
            self._kept.pop(item_id, None)


class Shelf:
    """Vectors and neighbours of items. Of 384 dimensions and 200 neighbours an item takes 4 KB.

    vectors  (d,) unit
    rows     what was learned about an item, with its neighbours
    """

    def __init__(self, items: HasVectors, neighbours: HasNeighbours, *, size: int) -> None:
        async def rows(item_ids: Sequence[str]) -> dict[str, Row]:
            found = await neighbours.load(item_ids)
            return {item_id: learned_of(row) for item_id, row in found.items()}

        self.vectors: Lookup[Vector] = Lookup(items.vectors, size)
        self.rows: Lookup[Row] = Lookup(rows, size)
