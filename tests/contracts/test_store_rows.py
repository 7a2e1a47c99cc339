"""Users, items, neighbours and facts survive the store, over either store."""

from __future__ import annotations

import asyncio
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from stream.settings import Settings
from stream.store import convert
from stream.store.collections import Store
from stream.store.rows import ItemRow, NeighbourRow, UserRow
from stream.store.users import INTERESTS
from tests.contracts.conftest import DIMENSION
from tests.support.rows import item_row, neighbour_row, unit_rows, user_row

pytestmark = pytest.mark.integration

PLACES = Settings.model_fields["interests_max"].default
ODD = 1_700_000_000.1234567  # needs all 53 bits
Row = UserRow | ItemRow | NeighbourRow


def assert_same(found: Row, written: Row) -> None:
    """Equal field by field, arrays bit by bit."""
    for field in fields(written):
        ours, theirs = getattr(written, field.name), getattr(found, field.name)
        same: Any = np.array_equal if isinstance(ours, np.ndarray) else lambda a, b: a == b
        if field.name in ("pairs", "segments"):
            same = lambda a, b: all(map(np.array_equal, a, b))  # noqa: E731
        assert same(theirs, ours), f"{field.name}: {theirs!r}, written {ours!r}"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"interests": unit_rows(0), "taste": None},
        {"interests": unit_rows(5, seed=3), "taste": None, "segment": "s-1", "outbox_at": 5},
        {"state": '{"v":1,"x":"\\u0000 ☕ \U0001f600"}', "updated_at": 2**53},
        {"etag": 2**62 - 1},
    ],
)
async def test_a_user_comes_back_as_written(store: Store, given: dict[str, Any]) -> None:
    row = user_row("ülrike/1", **given)

    assert await store.users.save([row], {row.user_id: None}) == {row.user_id}
    assert_same((await store.users.load([row.user_id]))[row.user_id], row)


async def test_a_save_replaces_the_whole_user(store: Store) -> None:
    """Vectors and fields that the newer row lacks are gone."""
    full = user_row("a", segment="s-1", outbox_at=5)
    bare = user_row("a", interests=unit_rows(0), taste=None)
    await store.users.save([full], {"a": None})
    await store.users.save([bare], {"a": full.etag})

    assert_same((await store.users.load(["a"]))["a"], bare)


async def test_users_in_other_segments_are_found_and_those_in_none_are_not(store: Store) -> None:
    segments = {"a": "s-1", "b": "s-2", "c": None, "d": "s-3", "e": "gone"}
    rows = [user_row(name, segment=segment) for name, segment in segments.items()]
    await store.users.save(rows, dict.fromkeys(segments))

    found = [r.user_id async for page in store.users.elsewhere(["s-1", "s-2"], 1) for r in page]
    assert sorted(found) == ["d", "e"]
    assert [page async for page in store.users.elsewhere(["s-1", "s-2", "s-3", "gone"], 9)] == []


@pytest.mark.parametrize("count", [0, 1, 3, 5])
async def test_interests_take_the_same_room_however_many_there_are(
    store: Store, count: int
) -> None:
    """What grows may be corrupted by a kill -9 of the server."""
    row = user_row("a", interests=unit_rows(count, seed=1))
    await store.users.save([row], {"a": None})

    (point,) = await store.users.table.points.get([convert.point_uuid("a")], vectors=(INTERESTS,))
    assert len(convert.read_multi(convert.named_vectors(point)[INTERESTS])) == PLACES
    assert len((await store.users.load(["a"]))["a"].interests) == count


async def test_a_user_whose_name_is_gone_is_found_by_the_name(store: Store) -> None:
    named = user_row("a")
    nameless = replace(user_row("a"), user_id=convert.stand_in("a"), etag=named.etag + 1)
    await store.users.save([named], {"a": None})

    saved = await store.users.save([nameless], {nameless.user_id: named.etag})

    assert saved == {nameless.user_id}
    assert_same((await store.users.load(["a"]))["a"], replace(nameless, user_id="a"))
    pages = [row.user_id async for page in store.users.pages(10) for row in page]
    assert pages == [nameless.user_id]
    assert await store.users.count() == 1


async def test_loading_names_only_users_that_exist(store: Store) -> None:
    await store.users.save([user_row("a")], {"a": None})

    assert set(await store.users.load(["a", "b", "a"])) == {"a"}
    assert await store.users.load([]) == {}
    assert await store.users.count() == 1


async def test_a_point_that_holds_another_user_is_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two users in one point would overwrite each other for ever."""
    await store.users.save([user_row("a")], {"a": None})
    taken = convert.point_uuid("a")
    monkeypatch.setattr(convert, "point_uuid", lambda name: taken)

    with pytest.raises(ValueError, match="'b' and 'a' share a point"):
        await store.users.load(["b"])


async def test_unsent_finds_the_users_whose_outbox_waits(store: Store) -> None:
    ages = {"sent": None, "old": 100, "older": 50, "young": 200}
    rows = [user_row(name, outbox_at=at) for name, at in ages.items()]
    await store.users.save(rows, dict.fromkeys(ages))

    assert {row.user_id for row in await store.users.unsent(200, 10)} == {"old", "older"}
    assert len(await store.users.unsent(1_000, 2)) == 2


async def test_tastes_samples_users_that_have_one(store: Store) -> None:
    tastes = unit_rows(5)
    rows = [user_row(f"u{i}", taste=taste) for i, taste in enumerate(tastes)]
    rows.append(user_row("bare", taste=None))
    assert (await store.users.tastes(3))[1].shape == (0, DIMENSION)
    await store.users.save(rows, dict.fromkeys(row.user_id for row in rows))

    ids, found = await store.users.tastes(100)
    assert sorted(ids) == [f"u{i}" for i in range(5)]
    assert np.array_equal(found, tastes[[int(each[1:]) for each in ids]])
    assert (await store.users.tastes(3))[0] == ids[:3]


async def test_tastes_leaves_out_who_has_too_little_weight_for_a_segment(store: Store) -> None:
    """Not who is in one, nor who was written before weights were stored."""
    weights = {"light": 499, "enough": 500, "old": None, "member": 499}
    rows = [
        user_row(name, weight_milli=weight, segment="s1" if name == "member" else None)
        for name, weight in weights.items()
    ]
    rows.append(user_row("bare", taste=None, weight_milli=900))
    await store.users.save(rows, dict.fromkeys(row.user_id for row in rows))

    assert set((await store.users.tastes(9, 0.5))[0]) == {"enough", "old", "member"}
    assert set((await store.users.tastes(9))[0]) == {*weights}
    found = await store.users.load(weights)
    assert {name: row.weight_milli for name, row in found.items()} == weights


async def test_an_item_comes_back_as_written(store: Store) -> None:
    full = item_row(
        "a",
        text="text",
        categories=("x", "y"),
        domain="films",
        lang="de",
        published_at=ODD,
        expires_at=-ODD,
        available=False,
        content_hash="c",
        deleted_at=ODD,
        revision=1_700_000_000_123,
        marks={"cluster/topic/0": 2**40},
        vector=unit_rows(1)[0],
        attributes={"x": ODD, "n": 2**62 + 1, "whole": 5.0, "yes": True, "tags": ("☕", "")},
    )
    bare = item_row("b")
    await store.items.save([full, bare], {"a": None, "b": None})

    found = await store.items.load(["a", "b"])
    assert_same(found["a"], full)
    assert_same(found["b"], bare)
    kept = found["a"].attributes
    assert [type(value) for value in kept.values()] == [float, int, float, bool, tuple]
    light = await store.items.load(["a"], with_vectors=False)
    assert light["a"].vector is None


async def test_a_zombie_cannot_bring_back_a_deleted_item(store: Store) -> None:
    live = item_row("a", vector=unit_rows(1)[0])
    await store.items.save([live], {"a": None})
    gone = item_row("a", deleted_at=ODD, available=False, revision=2)

    assert await store.items.save([gone], {"a": live.etag}) == {"a"}
    assert await store.items.save([item_row("a", title="older")], {"a": live.etag}) == set()
    assert_same((await store.items.load(["a"]))["a"], gone)
    assert await store.items.count() == 1


async def test_changed_names_every_write_and_fetch_brings_it(store: Store) -> None:
    rows = {f"i{n}": item_row(f"i{n}", revision=n) for n in range(50)}
    await store.items.save(list(rows.values()), dict.fromkeys(rows))
    again = item_row("i3", revision=1_700_000_000_123)
    await store.items.save([again], {"i3": rows["i3"].etag})
    expected = {convert.point_uuid(f"i{n}"): n for n in range(40, 50)}
    expected[convert.point_uuid("i3")] = again.revision

    found = await store.items.changed(40)
    assert dict(found) == expected
    assert len(found) == len(expected)
    fetched = await store.items.fetch(list(expected))
    assert {row.item_id: row.revision for row in fetched} == {
        name: 1_700_000_000_123 if name == "i3" else n
        for n, name in enumerate(rows)
        if n >= 40 or name == "i3"
    }
    assert len(await store.items.changed(0)) == 50
    assert await store.items.fetch([]) == []


async def test_pages_bring_every_item_once(store: Store) -> None:
    rows = {f"i{n}": item_row(f"i{n}") for n in range(25)}
    await store.items.save(list(rows.values()), dict.fromkeys(rows))

    pages = [page async for page in store.items.pages(10)]
    assert [len(page) for page in pages] == [10, 10, 5]
    assert sorted(row.item_id for page in pages for row in page) == sorted(rows)


async def test_neighbours_come_back_as_written(store: Store) -> None:
    indices = np.array([0, 7, 2**31, 2**32 - 1], np.uint32)
    values = np.array([0.5, 1e-9, 3.25, 1e6], np.float32)
    given = {"pairs": (indices, values), "segments": (indices[::3], values[::3])}
    full = neighbour_row("a", count=0.1, hotness=1e-7, at=ODD, **given)
    bare = neighbour_row("b", revision=9)
    await store.neighbours.save([full, bare], {"a": None, "b": None})

    found = await store.neighbours.load(["a", "b"])
    assert_same(found["a"], full)
    assert_same(found["b"], bare)
    assert await store.neighbours.changed(5) == [(convert.point_uuid("b"), 9)]


async def test_neighbours_come_back_in_the_order_of_their_indices(store: Store) -> None:
    mixed = (np.array([9, 2, 5], np.uint32), np.array([0.9, 0.2, 0.5], np.float32))
    await store.neighbours.save([neighbour_row("a", pairs=mixed)], {"a": None})

    indices, values = (await store.neighbours.load(["a"]))["a"].pairs
    assert indices.tolist() == [2, 5, 9]
    assert values.tolist() == np.array([0.2, 0.5, 0.9], np.float32).tolist()


async def test_a_fact_is_there_after_its_first_put_and_only_once(store: Store) -> None:
    value = {"n": 0.1, "nested": {"list": [1, "x", None, True]}}
    assert await store.meta.get("lease") is None
    assert await store.meta.put("lease", value, None)
    assert not await store.meta.put("lease", {}, None)

    fact = await store.meta.get("lease")
    assert fact is not None
    assert fact.value == value
    assert await store.meta.put("lease", {"n": 2}, fact.etag)
    assert not await store.meta.put("lease", {"n": 3}, fact.etag)


async def test_no_entry_of_a_contended_fact_is_lost(store: Store) -> None:
    """Six tasks enter five names each, trying again whenever somebody else was first.

    Names and not a counter: a put that was replaced before it was read back says False, so
    what is tried again must not count twice.
    """
    await store.meta.put("names", {}, None)

    async def enter(name: str) -> None:
        done = False
        while not done:
            fact = await store.meta.get("names")
            assert fact is not None
            done = await store.meta.put("names", fact.value | {name: 1}, fact.etag)

    async def enter_five(task: int) -> None:
        for n in range(5):
            await enter(f"{task}/{n}")

    await asyncio.gather(*map(enter_five, range(6)))
    fact = await store.meta.get("names")
    assert fact is not None
    assert sorted(fact.value) == sorted(f"{task}/{n}" for task in range(6) for n in range(5))
