"""What lists are made of: the whole catalogue, or where it is light the users' candidates."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from stream.bugs import pure
from stream.core import candidates
from stream.core.allowed import EVERYTHING, Filters
from stream.core.candidates import BY_QUERY, Choice, Near, Popular
from stream.core.catalogue import NOBODY, Catalogue, Entry, Neighbours
from stream.core.decay import Vector
from stream.core.parts import PARTS, Part
from stream.core.profile import Profile
from stream.core.tuning import Tuning
from stream.store.convert import point_uuid
from stream.store.replica import entry_of
from stream.store.rows import ItemRow
from stream.store.shelf import Shelf

#: Users whose candidates are in memory at once, and whose searches are in one request: the ranking
#: of a group is what holds up the event loop, some 0.1 s with candidates all different.
AT_ONCE = 16


class FindsItems(Protocol):
    async def load(self, names: Iterable[str]) -> dict[str, ItemRow]: ...

    async def nearest(self, asked: Sequence[Near], limit: int) -> list[list[list[str]]]: ...


class Candidates:
    """Finds them in the store; every method raises Unavailable where it has to ask there."""

    def __init__(
        self,
        catalogue: Callable[[], Catalogue],
        items: FindsItems,
        shelf: Shelf,
        tuning: Tuning,
        scored_by: Callable[[], Sequence[Part]] = lambda: PARTS,
    ) -> None:
        self._catalogue = catalogue
        self._items = items
        self._shelf = shelf
        self._tuning = tuning
        self._scored_by = scored_by
        self._row_of: dict[str, int] = {}  # by point id; rows of a catalogue do not move
        self._popular: dict[bool, Popular] = {}  # of everything, and as last asked for

    async def around(
        self, profiles: Sequence[Profile], filters: Filters = EVERYTHING
    ) -> AsyncIterator[tuple[Sequence[Profile], Choice]]:
        """The profiles in groups, in their order, and what their lists are made of.

        As of each profile's newest event. Where all items are scored there is one group.
        """
        whole = self._catalogue()
        if not whole.light:
            yield profiles, Choice(whole)
            return
        for first in range(0, len(profiles), AT_ONCE):
            group = profiles[first : first + AT_ONCE]
            yield group, await self._found(group, whole, filters)
            await asyncio.sleep(0)

    async def _found(
        self, profiles: Sequence[Profile], whole: Catalogue, filters: Filters
    ) -> Choice:
        tuning = self._tuning
        last = [i for profile in profiles for i in candidates.last_items(profile, tuning)]
        learned = await self._shelf.rows.get(last)
        with pure():
            popular = self._popular_in(whole, max(p.as_of for p in profiles), filters)
            lived = [candidates.history(profile, whole) for profile in profiles]
            by_parts = candidates.by_parts(
                profiles, lived, whole, learned, popular, filters, tuning, self._scored_by()
            )
            asked = [candidates.asked(profile, whole, filters, tuning) for profile in profiles]
        near = [
            [row for ids in own for row in self._rows(whole, ids)]
            for own in await self._items.nearest(asked, BY_QUERY)
        ]
        rows = [np.union1d(*both).astype(np.intp) for both in zip(by_parts, near, strict=True)]
        ids = {whole.entries[row].item_id for some in (*rows, *lived) for row in some.tolist()}
        vectors = await self._shelf.vectors.get(ids)
        with pure():
            return candidates.choice(lived, whole, rows, vectors, learned)

    async def items(self, item_ids: Collection[str]) -> dict[str, Entry]:
        """By id, with vectors, those that there are; also what the catalogue has not heard of."""
        whole = self._catalogue()
        found = {i: entry for i in item_ids if (entry := whole.get(i)) is not None}
        missing = [item_id for item_id in item_ids if item_id not in found]
        if whole.light and found:
            vectors = await self._shelf.vectors.get(found)
            found = {i: replace(entry, vector=vectors.get(i)) for i, entry in found.items()}
        if missing:
            rows = await self._items.load(missing)
            found.update((item_id, entry_of(row)) for item_id, row in rows.items())
        return found

    async def neighbours(self, item_id: str) -> Neighbours:
        """An item's neighbours, by rows of the catalogue."""
        whole = self._catalogue()
        if not whole.light:
            return whole.neighbours_of(item_id)
        row = (await self._shelf.rows.get([item_id])).get(item_id)
        return NOBODY if row is None else whole.neighbours_in(row)

    async def nearest(self, vectors: Sequence[Vector], most: int) -> list[list[Entry]]:
        """The items on offer that are nearest to each of some vectors (d,), the nearest first."""
        whole = self._catalogue()
        if not vectors:
            return []
        if not whole.light:
            return await asyncio.to_thread(_scored, whole, vectors, most)
        (found,) = await self._items.nearest([Near(np.stack(vectors), as_of=0.0)], most)
        return [[whole.entries[row] for row in self._rows(whole, ids)] for ids in found]

    def warm(self) -> None:
        """Make what takes a second for some 100,000 items, before the first user waits for it."""
        whole = self._catalogue()
        if whole.light:
            whole.warmed()
            self._rows(whole, ())

    def _rows(self, whole: Catalogue, point_ids: Iterable[str]) -> list[int]:
        """Rows of these points, in their order; the catalogue has not heard of the newest yet."""
        for entry in whole.entries[len(self._row_of) :]:
            self._row_of[point_uuid(entry.item_id)] = len(self._row_of)
        rows = (self._row_of.get(point_id, len(whole)) for point_id in point_ids)
        return [row for row in rows if row < len(whole)]

    def _popular_in(self, whole: Catalogue, now: float, filters: Filters) -> Popular:
        """The last one serves as long as nothing new is known.

        Who asks for something special does not cost the pipeline its own; and what is left out by
        name leaves enough others.
        """
        filters = replace(filters, exclude=frozenset())
        special = filters != EVERYTHING
        held = self._popular.get(special)
        if held is None or held.catalogue is not whole or held.filters != filters:
            held = self._popular[special] = Popular(whole, self._tuning, now, filters)
        return held


def _scored(whole: Catalogue, vectors: Sequence[Vector], most: int) -> list[list[Entry]]:
    offered = np.flatnonzero(whole.on_offer)
    cosines = np.stack(vectors) @ whole.vectors[offered].T  # (q, d)·(d, n)
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :most]
    return [[whole.entries[row] for row in offered[own].tolist()] for own in order]
