"""The catalogue follows the store: changes once, outages without a trace."""

from __future__ import annotations

from typing import Any, cast

import pytest

from stream.errors import Unavailable
from stream.store.collections import Store
from stream.store.replica import Replica
from stream.store.rows import ItemRow, NeighbourRow
from tests.support.fakes import FakeStore
from tests.support.rows import item_row, neighbour_row, unit_rows

OVERLAP_MS = 30_000
T = 1_700_000_000_000


class Follower:
    """A store, and a replica of it whose clock the test moves."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.now = 0.0
        self.replica = Replica(
            cast(Store, self.store),
            dimension=8,
            poll_s=1.0,
            overlap_s=OVERLAP_MS / 1000,
            clock=lambda: self.now,
        )

    def put(self, item_id: str, revision: int, **given: Any) -> ItemRow:
        row = item_row(item_id, revision=revision, **given)
        self.store.items.rows[item_id] = row
        return row

    def heat(self, item_id: str, revision: int, **given: Any) -> NeighbourRow:
        row = neighbour_row(item_id, revision=revision, **given)
        self.store.neighbours.rows[item_id] = row
        return row

    def cut(self, table: str, point: str) -> None:
        async def fail(reached: str) -> None:
            if reached == f"{table}.{point}":
                raise Unavailable("qdrant", "injected")

        getattr(self.store, table).hook = fail

    def mend(self) -> None:
        async def fine(_: str) -> None: ...

        self.store.items.hook = self.store.neighbours.hook = fine


@pytest.fixture
def follower() -> Follower:
    return Follower()


async def test_all_items_are_there_after_the_first_look(follower: Follower) -> None:
    vector = unit_rows(1)[0]
    follower.put("a", T, vector=vector, categories=("x",), lang="en")
    follower.put("b", 1)
    follower.heat("a", T, hotness=3.0)
    assert follower.replica.age_s == float("inf")

    await follower.replica.refresh()

    catalogue = follower.replica.catalogue
    entry = catalogue.get("a")
    assert len(catalogue) == 2
    assert entry is not None
    assert (entry.vector is vector, entry.categories, entry.lang) == (True, ("x",), "en")
    assert catalogue.heat["a"].count == 3.0
    assert follower.replica.age_s == 0.0


async def test_changes_and_deletions_are_followed(follower: Follower) -> None:
    follower.put("a", T, title="One")
    await follower.replica.refresh()
    follower.put("a", T + 5, title="Two")
    follower.put("b", T + 6)
    follower.heat("b", T + 6, hotness=1.0)
    await follower.replica.refresh()
    assert follower.replica.catalogue.get("a").title == "Two"  # type: ignore[union-attr]
    assert follower.replica.catalogue.heat["b"].count == 1.0

    follower.put("a", T + 9, title="Two", deleted_at=1.0)
    await follower.replica.refresh()

    entry = follower.replica.catalogue.get("a")
    assert entry is not None
    assert (entry.deleted, entry.title) == (True, "Two")
    assert follower.replica.catalogue.on_offer.tolist() == [False, True]


async def test_the_overlap_is_asked_again_and_not_fetched_again(follower: Follower) -> None:
    follower.put("a", T)
    follower.put("b", T - OVERLAP_MS + 1)
    await follower.replica.refresh()
    await follower.replica.refresh()

    assert sorted(follower.store.items.fetched) == ["a", "b"]


async def test_a_write_that_became_visible_late_is_found(follower: Follower) -> None:
    """Its revision was taken before the newest one seen, by a slow writer or another clock."""
    follower.put("a", T)
    await follower.replica.refresh()
    follower.put("late", T - OVERLAP_MS)

    await follower.replica.refresh()

    assert follower.replica.catalogue.get("late") is not None


async def test_what_did_not_change_leaves_the_arrays_as_they_are(follower: Follower) -> None:
    follower.put("a", T)
    await follower.replica.refresh()
    before = follower.replica.catalogue
    await follower.replica.refresh()

    assert follower.replica.catalogue is before


@pytest.mark.parametrize("point", ["changed", "fetch"])
@pytest.mark.parametrize("table", ["items", "neighbours"])
async def test_an_outage_loses_no_change(follower: Follower, table: str, point: str) -> None:
    """What was read before the line was cut, and what was not, is there afterwards."""
    follower.put("a", T, title="One")
    follower.heat("a", T, hotness=1.0)
    await follower.replica.refresh()
    follower.put("a", T + 1, title="Two")
    follower.heat("a", T + 1, hotness=2.0)
    follower.now = 7.0
    follower.cut(table, point)

    with pytest.raises(Unavailable):
        await follower.replica.refresh()
    assert follower.replica.catalogue.heat["a"].count == 1.0
    assert follower.replica.age_s == 7.0
    follower.mend()
    await follower.replica.refresh()

    assert follower.replica.catalogue.get("a").title == "Two"  # type: ignore[union-attr]
    assert follower.replica.catalogue.heat["a"].count == 2.0
    assert follower.replica.age_s == 0.0


async def test_an_outage_of_the_items_leaves_the_catalogue_as_it_was(follower: Follower) -> None:
    follower.put("a", T)
    await follower.replica.refresh()
    before = follower.replica.catalogue
    follower.put("b", T + 1)
    follower.cut("items", "fetch")

    with pytest.raises(Unavailable):
        await follower.replica.refresh()

    assert follower.replica.catalogue is before
