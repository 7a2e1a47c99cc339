"""What the pipeline needs of the store; fakes for unit tests pass the same contract suite."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from stream.store.rows import ItemRow, NeighbourRow, UserRow


class SavesUsers(Protocol):
    """Profiles, each written only where nobody else wrote since it was read."""

    async def load(self, user_ids: Iterable[str]) -> dict[str, UserRow]: ...

    async def save(
        self, rows: Sequence[UserRow], read_etags: Mapping[str, int | None]
    ) -> set[str]: ...


class SavesItems(Protocol):
    """Items, guarded the same way."""

    async def load(self, names: Iterable[str]) -> dict[str, ItemRow]: ...

    async def save(
        self, rows: Sequence[ItemRow], read_etags: Mapping[str, int | None]
    ) -> set[str]: ...


class SavesNeighbours(Protocol):
    """What is known of an item from everybody's events, guarded the same way."""

    async def load(self, names: Iterable[str]) -> dict[str, NeighbourRow]: ...

    async def save(
        self, rows: Sequence[NeighbourRow], read_etags: Mapping[str, int | None]
    ) -> set[str]: ...
