"""Candidates without a store behind them, or with one in memory."""

from __future__ import annotations

from collections.abc import Sequence

from stream.core.allowed import EVERYTHING, Filters
from stream.core.candidates import Choice
from stream.core.catalogue import Catalogue
from stream.core.profile import Profile
from stream.core.tuning import Tuning
from stream.store.candidates import Candidates
from stream.store.shelf import Shelf
from tests.support.fakes import FakeStore


def candidates_of(
    catalogue: Catalogue, store: FakeStore | None = None, tuning: Tuning | None = None
) -> Candidates:
    """Of a catalogue; where it is light, `store` holds what it leaves out."""
    store = store or FakeStore()
    shelf = Shelf(store.items, store.neighbours, size=1000)
    return Candidates(lambda: catalogue, store.items, shelf, tuning or Tuning())


async def chosen(
    candidates: Candidates, users: Sequence[Profile], filters: Filters = EVERYTHING
) -> Choice:
    """What the lists of so few users that they are one group are made of."""
    ((group, choice),) = [found async for found in candidates.around(users, filters)]
    assert group == users
    return choice
