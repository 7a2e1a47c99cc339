"""Users by their tastes and by their segment, over either store and over what stands in for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from stream.settings import Settings
from stream.store import convert
from stream.store.collections import Store, open_store
from stream.store.rows import Matrix, Tastes, UserRow, Vector
from stream.store.users import ACTIVE_AT, SEGMENT, Alike, Users
from tests.contracts.conftest import DIMENSION, empty, settings_at
from tests.support.fakes import FakeUsers
from tests.support.rows import unit_rows, user_row

pytestmark = pytest.mark.integration

SINCE = 1_700_000_000


@pytest.fixture(params=["fake", "embedded_qdrant", "qdrant_server"])
async def users(
    request: pytest.FixtureRequest, shared_namespace: str
) -> AsyncIterator[Users | FakeUsers]:
    """Nobody yet."""
    if request.param == "fake":
        yield FakeUsers("users", "user_id")
        return
    there = settings_at(request.getfixturevalue(request.param), shared_namespace)
    await empty(there)
    opened = await open_store(there, dimension=DIMENSION, encoder_hash="e1")
    yield opened.users
    await opened.close()


def axes(*numbers: int) -> Matrix:
    return np.eye(DIMENSION, dtype=np.float32)[list(numbers)]


def mixed(*numbers: int) -> Vector:
    total = axes(*numbers).sum(axis=0)
    return np.asarray(total / np.linalg.norm(total), np.float32)


def fan(name: str, *numbers: int, **given: Any) -> UserRow:
    return user_row(name, interests=axes(*numbers), taste=mixed(*numbers), **given)


def turned_by(angle: float) -> Vector:
    """From the first axis, radians."""
    turned: Vector = np.float32(np.cos(angle)) * axes(0)[0] + np.float32(np.sin(angle)) * axes(1)[0]
    return turned


async def saved(users: Users | FakeUsers, rows: Sequence[UserRow]) -> None:
    names = {row.user_id: None for row in rows}
    assert await users.save(rows, names) == set(names)


async def names(users: Users | FakeUsers, asked: Alike, limit: int = 10) -> set[str]:
    return {one.user_id for one in await users.nearest(asked, limit)}


ME = Tastes("me", axes(0, 1), mixed(0, 1))


async def test_the_nearest_by_either_measure_are_found(users: Users | FakeUsers) -> None:
    by_taste = user_row("taste", interests=axes(6), taste=mixed(0, 1))
    by_interests = user_row("interests", interests=axes(0, 7), taste=axes(7)[0])
    neither = fan("neither", 5)
    await saved(users, [by_taste, by_interests, neither, fan("me", 0, 1)])

    found = {one.user_id: one for one in await users.nearest(Alike(ME), 10)}
    assert set(found) == {"taste", "interests"}
    assert np.allclose(found["interests"].interests, axes(0, 7))
    assert found["taste"].taste is not None
    assert np.allclose(found["taste"].taste, mixed(0, 1), atol=1e-6)


async def test_no_more_than_the_limit_by_each_measure(users: Users | FakeUsers) -> None:
    turned = [
        user_row(f"turned {n}", interests=along[None], taste=along)
        for n in range(1, 6)
        for along in [turned_by(n / 10)]
    ]
    await saved(users, turned)

    asked = Alike(Tastes("me", axes(0), axes(0)[0]))
    assert await names(users, asked, 1) == {"turned 1"}
    assert await names(users, asked, 3) == {"turned 1", "turned 2", "turned 3"}


async def test_a_place_that_no_interest_fills_matches_nothing(users: Users | FakeUsers) -> None:
    """Zeros would be nearer than whatever points away, and there may be many of them."""
    away = user_row("full", interests=np.concatenate([axes(0), -axes(1), axes(3, 4, 5)]))
    nothing = [fan(f"other {n}", 7) for n in range(5)]
    bare = [user_row(f"bare {n}", interests=axes()[:0], taste=None) for n in range(5)]
    await saved(users, [replace(away, taste=axes(7)[0]), *nothing, *bare])

    assert await names(users, Alike(Tastes("me", axes(0), None)), 1) == {"full"}
    assert await names(users, Alike(Tastes("me", axes(2), None)), 3) == set()


async def test_without_tastes_nobody_is_near(users: Users | FakeUsers) -> None:
    await saved(users, [fan("a", 0)])

    assert await users.nearest(Alike(Tastes("me", axes()[:0], None)), 5) == []


async def test_who_is_forgotten_is_near_to_nobody(users: Users | FakeUsers) -> None:
    rest = user_row(convert.stand_in("gone"), interests=axes()[:0], taste=None)
    await saved(users, [rest, fan("here", 0)])

    assert await names(users, Alike(ME)) == {"here"}


async def test_segments_are_kept_to_or_kept_out(users: Users | FakeUsers) -> None:
    rows = [fan("a", 0, segment="s1"), fan("b", 0, segment="s2"), fan("c", 0)]
    await saved(users, rows)

    assert await names(users, Alike(ME, segment="s1")) == {"a"}
    assert await names(users, Alike(ME, outside="s1")) == {"b", "c"}
    assert await names(users, Alike(ME, segment="s1", outside="s1")) == set()


async def test_only_who_did_something_since(users: Users | FakeUsers) -> None:
    """What an older version wrote does not say when; it was written when the event came."""
    early, late = (SINCE - 1) * 1000, (SINCE + 1) * 1000
    rows = [
        fan("before", 0, active_at=SINCE - 1, updated_at=late),
        fan("then", 0, active_at=SINCE, updated_at=late),
        fan("old form, before", 0, updated_at=early),
        fan("old form, after", 0, updated_at=late),
    ]
    await saved(users, rows)

    assert await names(users, Alike(ME, since=SINCE)) == {"then", "old form, after"}


async def test_pages_part_the_users_of_a_segment(users: Users | FakeUsers) -> None:
    rows = [fan(f"u{n}", 0, segment="s1" if n % 3 else "s2") for n in range(40)]
    await saved(users, rows)

    found: list[str] = []
    after = None
    while True:
        page, after = await users.in_segment("s1", 7, after)
        found += [row.user_id for row in page]
        if after is None:
            break
        assert len(page) == 7
    assert sorted(found) == sorted(row.user_id for row in rows if row.segment == "s1")
    assert await users.in_segment("none", 5) == ([], None)


async def test_who_comes_or_goes_meanwhile_moves_nobody_to_another_page(
    users: Users | FakeUsers,
) -> None:
    rows = [fan(f"u{n}", 0, segment="s1") for n in range(20)]
    await saved(users, rows)
    first, after = await users.in_segment("s1", 8)
    leaves = replace(first[0], etag=first[0].etag + 1, segment="s2")
    await users.save([leaves], {leaves.user_id: first[0].etag})

    rest, end = await users.in_segment("s1", 100, after)
    assert end is None
    assert {row.user_id for row in (*first, *rest)} == {row.user_id for row in rows}


async def test_what_users_did_last_comes_back_as_written(store: Store) -> None:
    await saved(store.users, [fan("a", 0, active_at=SINCE), fan("b", 0)])

    found = await store.users.load(["a", "b"])
    assert (found["a"].active_at, found["b"].active_at) == (SINCE, None)


async def test_a_store_from_before_gets_the_indexes_when_it_is_opened(
    store: Store, store_settings: Settings
) -> None:
    fields = {SEGMENT, ACTIVE_AT}
    await saved(store.users, [fan("a", 0, segment="s1", active_at=SINCE)])
    (name,) = [
        alias.collection_name
        for alias in (await store.client.get_aliases()).aliases
        if alias.alias_name == store.users.table.points.collection
    ]
    for field in fields:
        await store.client.delete_payload_index(name, field, wait=True)
    assert not fields & set((await store.client.get_collection(name)).payload_schema)

    again = await open_store(store_settings, dimension=DIMENSION, encoder_hash="e1")
    await again.close()

    assert fields <= set((await store.client.get_collection(name)).payload_schema)
    assert await names(store.users, Alike(ME, segment="s1", since=SINCE)) == {"a"}
    await empty(store_settings)


async def test_stand_in_and_store_agree_on_random_users(store: Store) -> None:
    fake = FakeUsers("users", "user_id")
    rows = [
        user_row(f"u{n}", interests=own[:-1], taste=own[-1])
        for n, size in enumerate((1, 2, 3, 4, 5) * 6)
        for own in [unit_rows(size + 1, DIMENSION, seed=n)]
    ]
    await saved(store.users, rows)
    await saved(fake, rows)

    for row in rows:
        asked = Alike(Tastes(row.user_id, row.interests, row.taste))
        assert await names(store.users, asked, 5) == await names(fake, asked, 5)
