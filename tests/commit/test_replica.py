"""The catalogue follows the store: changes once, outages without a trace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import pytest

from stream.core.interests import pair_cosines
from stream.errors import Unavailable
from stream.store.collections import Store
from stream.store.replica import RECONCILE_S, Replica
from stream.store.rows import ItemRow, NeighbourRow
from stream.store.shelf import FETCH, Lookup, Shelf
from tests.support.fakes import FakeStore
from tests.support.rows import item_row, neighbour_row, pairs_of, unit_rows

OVERLAP_MS = 30_000
T = 1_700_000_000_000


class Follower:
    """A store, and a replica of it whose clock the test moves."""

    def __init__(self, max_items: int = 100) -> None:
        self.store = FakeStore()
        self.now = 0.0
        self.shelf = Shelf(self.store.items, self.store.neighbours, size=100)
        self.replica = Replica(
            cast(Store, self.store),
            dimension=8,
            poll_s=1.0,
            overlap_s=OVERLAP_MS / 1000,
            max_items=max_items,
            shelf=self.shelf,
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
    follower.put("a", T, vector=vector, categories=("x",), lang="en", attributes={"n": 1})
    follower.put("b", 1)
    follower.heat("a", T, hotness=3.0)
    assert follower.replica.age_s == float("inf")

    await follower.replica.refresh()

    catalogue = follower.replica.catalogue
    entry = catalogue.get("a")
    assert len(catalogue) == 2
    assert entry is not None
    assert (entry.vector is vector, entry.categories, entry.lang) == (True, ("x",), "en")
    assert entry.attributes == {"n": 1}
    assert catalogue.learned["a"].hotness == 3.0
    assert follower.replica.age_s == 0.0


async def test_changes_and_deletions_are_followed(follower: Follower) -> None:
    follower.put("a", T, title="One")
    await follower.replica.refresh()
    follower.put("a", T + 5, title="Two")
    follower.put("b", T + 6)
    follower.heat("b", T + 6, hotness=1.0)
    await follower.replica.refresh()
    assert follower.replica.catalogue.get("a").title == "Two"  # type: ignore[union-attr]
    assert follower.replica.catalogue.learned["b"].hotness == 1.0

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
    assert follower.replica.catalogue.learned["a"].hotness == 1.0
    assert follower.replica.age_s == 7.0
    follower.mend()
    await follower.replica.refresh()

    assert follower.replica.catalogue.get("a").title == "Two"  # type: ignore[union-attr]
    assert follower.replica.catalogue.learned["a"].hotness == 2.0
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


# --- more items than are kept whole


def stocked(follower: Follower, count: int, *, revision: int = T) -> None:
    for n, vector in enumerate(unit_rows(count)):
        follower.put(f"i{n}", revision, vector=vector, categories=("x",))
        follower.heat(f"i{n}", revision, hotness=float(n), pairs=pairs_of({n + 1: 2.0}))


async def test_of_too_many_items_vectors_and_neighbours_stay_in_the_store() -> None:
    follower = Follower(max_items=59)
    stocked(follower, 60)

    await follower.replica.refresh()

    catalogue = follower.replica.catalogue
    assert (catalogue.light, len(catalogue)) == (True, 60)
    assert catalogue.heat_at(0.0, half_life_s=1.0).tolist() == list(range(60))
    assert all(entry.vector is None for entry in catalogue.entries)
    assert not any(len(row.others) for row in catalogue.learned.values())
    assert catalogue.pair_cosines == pair_cosines(unit_rows(60))
    await follower.replica.refresh()
    assert follower.store.indexed == 1


async def test_a_catalogue_that_outgrows_the_limit_becomes_light() -> None:
    follower = Follower(max_items=60)
    stocked(follower, 60)
    await follower.replica.refresh()
    assert not follower.replica.catalogue.light

    follower.put("one more", T + 1, vector=unit_rows(1)[0])
    follower.heat("i7", T + 1, hotness=99.0, pairs=pairs_of({8: 2.0}))
    await follower.replica.refresh()

    catalogue = follower.replica.catalogue
    assert catalogue.light
    assert catalogue.get("one more") is not None
    assert catalogue.learned["i7"].hotness == 99.0
    assert not any(len(row.others) for row in catalogue.learned.values())
    assert catalogue.pair_cosines is not None


async def test_cosines_of_a_light_catalogue_are_looked_at_again_every_hour() -> None:
    follower = Follower(max_items=1)
    stocked(follower, 60)
    await follower.replica.refresh()
    before = follower.replica.catalogue.pair_cosines
    for n in range(60):
        follower.put(f"i{n}", T + 1, vector=unit_rows(1)[0])

    await follower.replica.refresh()
    assert follower.replica.catalogue.pair_cosines == before
    follower.now += RECONCILE_S
    await follower.replica.refresh()

    assert follower.replica.catalogue.pair_cosines == pair_cosines(np.repeat(unit_rows(1), 60, 0))


async def test_few_items_with_a_vector_among_many_are_enough_for_cosines() -> None:
    follower = Follower(max_items=1)
    stocked(follower, 60)
    for n in range(400):
        follower.put(f"bare {n}", T)

    await follower.replica.refresh()

    assert follower.replica.catalogue.pair_cosines == pair_cosines(unit_rows(60))


async def test_until_the_store_answers_again_a_catalogue_keeps_its_cosines() -> None:
    """It outgrows the limit, and the look that would find new ones fails."""
    follower = Follower(max_items=60)
    stocked(follower, 60)
    await follower.replica.refresh()
    before = follower.replica.catalogue.pair_cosines
    follower.put("one more", T + 1, vector=unit_rows(1)[0])
    follower.cut("neighbours", "changed")

    with pytest.raises(Unavailable):
        await follower.replica.refresh()

    assert follower.replica.catalogue.light
    assert before is not None
    assert follower.replica.catalogue.pair_cosines == before


async def test_the_shelf_hears_what_has_changed() -> None:
    follower = Follower(max_items=1)
    stocked(follower, 2)
    await follower.replica.refresh()
    before = await follower.shelf.vectors.get(["i0", "i1", "unknown"])
    assert set(before) == {"i0", "i1"}

    moved = unit_rows(1, seed=9)[0]
    follower.put("i0", T + 1, vector=moved)
    follower.heat("i1", T + 1, hotness=7.0)
    await follower.replica.refresh()

    assert (await follower.shelf.vectors.get(["i0"]))["i0"] is moved
    assert (await follower.shelf.rows.get(["i1"]))["i1"].hotness == 7.0


class Counted:
    """Looks up anything, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.lookup: Lookup[str] = Lookup(self._load, size=10)

    async def _load(self, item_ids: Sequence[str]) -> dict[str, str]:
        self.asked.append(list(item_ids))
        self.meanwhile()
        return {item_id: item_id.upper() for item_id in item_ids if item_id != "none"}


async def test_what_is_on_the_shelf_is_not_read_again() -> None:
    counted = Counted()
    assert await counted.lookup.get(["a", "b", "none"]) == {"a": "A", "b": "B"}

    assert await counted.lookup.get(["a", "c", "none", "c"]) == {"a": "A", "c": "C"}

    assert counted.asked == [["a", "b", "none"], ["c"]]


async def test_what_changes_while_it_is_read_is_not_kept() -> None:
    counted = Counted()
    counted.meanwhile = lambda: counted.lookup.forget(["a"])
    await counted.lookup.get(["a"])
    await counted.lookup.get(["a"])

    assert counted.asked == [["a"], ["a"]]


async def test_more_than_the_shelf_holds_is_found_all_the_same() -> None:
    names = [f"i{n}" for n in range(2 * FETCH)]

    found = await Counted().lookup.get(names)

    assert list(found.values()) == [name.upper() for name in names]
