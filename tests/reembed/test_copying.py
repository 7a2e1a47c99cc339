"""Copying while workers write: what arrives, what a second look costs, and who may overwrite."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from stream.agents.items import content
from stream.core.decay import direction
from stream.encoder.contract import Lane, Role, Rows
from stream.encoder.fake import FakeEncoder
from stream.errors import Failed, Misconfigured
from stream.reembed import copying, mover
from stream.store.codec import pack, unpack
from stream.store.meta import Meta
from stream.store.moves import MOVE_FACT
from stream.store.rows import UserRow, fresh_etag
from stream.wire.decode import Item
from tests.reembed.world import (
    HIDE,
    NEW_DIMENSION,
    OLD_DIMENSION,
    TUNING,
    World,
    all_items,
    all_users,
    film,
)

pytestmark = pytest.mark.integration


def beside_sums(row: UserRow) -> dict[str, object]:
    """What of a profile does not depend on the encoder."""
    state = json.loads(row.state)
    for interest in state.get("interests", []):
        interest[2] = interest[5] = None  # length and nearness
    state.pop("session", None)
    state.pop("aversion", None)
    return {"user": row.user_id, "segment": row.segment, "at": row.updated_at, **state}


async def test_items_arrive_with_the_new_models_vectors_and_all_else_as_it_was(
    world: World,
) -> None:
    move = await world.mover()
    await move.copy()

    old, new = await all_items(move.source), await all_items(move.target)
    assert old.keys() == new.keys()
    for name, row in new.items():
        before = old[name]
        assert repr(replace(row, etag=0, vector=None)) == repr(replace(before, etag=0, vector=None))
        if row.deleted_at is not None:
            assert row.vector is None
            continue
        message = Item(name, row.title, categories=row.categories)
        (expected,) = await world.new.encode([content(message)])
        assert row.vector is not None
        assert np.allclose(row.vector, expected, atol=1e-6)


async def test_neighbours_arrive_as_they_were(world: World) -> None:
    move = await world.mover()
    await move.copy()

    names = [film(number).item_id for number in range(20)]
    found, there = (
        await move.target.neighbours.load(names),
        await move.source.neighbours.load(names),
    )
    assert {n: (r.count, r.hotness, r.at, r.revision) for n, r in found.items()} == {
        n: (r.count, r.hotness, r.at, r.revision) for n, r in there.items()
    }


async def test_users_arrive_with_the_same_memory_and_interests_in_the_new_space(
    world: World,
) -> None:
    await world.act("user-3", 6, HIDE)
    move = await world.mover()
    await move.copy()

    old, new = await all_users(move.source), await all_users(move.target)
    assert {u: beside_sums(r) for u, r in new.items()} == {
        u: beside_sums(r) for u, r in old.items()
    }
    profile = unpack(new["user-0"])
    assert {len(interest.mass.vector) for interest in profile.interests} == {NEW_DIMENSION}
    liked = await world.new.encode([content(film(n)) for n in (0, 4, 8)])
    for interest in profile.interests:
        unit = direction(interest.mass.vector)
        assert unit is not None
        assert max(float(row @ unit) for row in liked) > 0.7


async def test_a_second_look_finds_nothing_to_do(world: World) -> None:
    first = await world.mover()
    assert not (await first.copy()).complete
    encoded = len(world.new.seen)

    again = await world.mover()
    assert (await again.copy()).complete
    assert len(world.new.seen) == encoded


class Tiring(FakeEncoder):
    """Dies after some calls, as a process that is killed."""

    def __init__(self, dimension: int, calls: int) -> None:
        super().__init__(dimension)
        self._calls = calls

    async def encode(
        self, texts: Sequence[str], lane: Lane = Lane.EVENTS, role: Role = Role.PASSAGE
    ) -> Rows:
        if not self._calls:
            raise RuntimeError("killed")
        self._calls -= 1
        return await super().encode(texts, lane, role)


async def test_after_a_kill_the_next_run_goes_on_where_it_ended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mover, "ITEMS_PAGE", 4)
    killed = await world.mover(Tiring(NEW_DIMENSION, calls=3))
    with pytest.raises(RuntimeError, match="killed"):
        await killed.copy()

    move = await world.mover()
    await move.copy()
    assert world.tally.begun[0] == ("items", 20 - 3 * 4)
    assert (await move.copy()).complete


async def test_what_is_written_meanwhile_is_copied_by_the_next_pass_alone(world: World) -> None:
    move = await world.mover()
    await move.copy()
    await world.act("user-1", 2)
    await world.act("user-new", 3)
    await world.change(film(100), revision=5)
    await world.change(replaced_title(1), revision=6)

    await move.copy()
    assert world.tally.last() == {"items": 2, "neighbours": 0, "users": 2}
    new = await move.target.items.load(["film-1", "film-100"])
    (expected,) = await world.new.encode([content(replaced_title(1))])
    vector = new["film-1"].vector
    assert vector is not None
    assert np.allclose(vector, expected, atol=1e-6)
    assert (await move.copy()).complete


def replaced_title(number: int) -> Item:
    return Item(f"film-{number}", "another story altogether", categories=film(number).categories)


async def test_only_new_content_is_encoded_again(world: World) -> None:
    move = await world.mover()
    await move.copy()
    encoded = len(world.new.seen)
    await world.change(film(2), revision=9)

    await move.copy()
    assert world.tally.last()["items"] == 1
    assert len(world.new.seen) == encoded


async def test_an_item_that_came_after_the_items_were_copied_explains_its_interest_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So does one that is deleted, whose row has no vector in the new collection."""
    move = await world.mover()
    begins = world.tally.begins
    passed: list[str] = []

    def interrupt(what: str, total: int) -> None:
        passed.append(what)
        begins(what, total)

    monkeypatch.setattr(world.tally, "begins", interrupt)
    original = copying.copy

    async def with_latecomers(what: str, *given: object, **named: object) -> copying.Copied:
        if what == "users":
            await world.change(Item("late", "a tale of late arrivals"), revision=4)
            await world.act("user-late", 19)  # deleted
        return await original(what, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(mover, "copy", with_latecomers)
    await move.copy()

    assert move.counts.dropped == 0
    row = (await move.target.users.load(["user-late"]))["user-late"]
    assert len(unpack(row).interests) == 1
    assert passed == ["items", "neighbours", "users"]


async def test_vectors_of_producers_are_not_carried_over_but_counted(world: World) -> None:
    (vector,) = await world.old.encode(["something else"])
    own = Item("own", "a plain title", vectors={"text": tuple(vector.tolist())})
    await world.change(own, revision=2)
    move = await world.mover()
    await move.copy()

    (expected,) = await world.new.encode(["a plain title"])
    found = (await move.target.items.load(["own"]))["own"].vector
    assert found is not None
    assert np.allclose(found, expected, atol=1e-6)
    assert move.counts.producers == 1


async def test_a_newer_row_is_never_overwritten(world: World) -> None:
    """A copier that was stalled over a switch meets what the new workers wrote since."""
    move = await world.mover()
    await move.copy()
    row = (await move.target.users.load(["user-1"]))["user-1"]
    newer = replace(unpack(row), version=row.updated_at + 50)
    ours = pack(newer, fresh_etag(), TUNING, now=0.0)
    assert await move.target.users.save([ours], {"user-1": row.etag})
    await world.act("user-1", 3)  # in the old collections, and older than that

    assert (await move.copy()).complete
    kept = (await move.target.users.load(["user-1"]))["user-1"]
    assert kept.etag == ours.etag


async def test_nor_one_that_became_newer_while_the_batch_was_made(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copier has looked, then is stalled; meanwhile others switch, and new workers write."""
    move = await world.mover()
    await move.copy()
    await world.act("user-1", 3)
    source, target = move.source.users.table, move.target.users
    original, ours = source.fetch, fresh_etag()

    async def fetch(points: Sequence[str], *, with_vectors: bool = True) -> list[UserRow]:
        row = (await target.load(["user-1"]))["user-1"]
        newer = pack(replace(unpack(row), version=row.updated_at + 50), ours, TUNING, now=0.0)
        assert await target.save([newer], {"user-1": row.etag})
        return await original(points, with_vectors=with_vectors)

    monkeypatch.setattr(source, "fetch", fetch)
    await move.copy()
    assert (await target.load(["user-1"]))["user-1"].etag == ours


async def test_a_row_that_left_the_source_leaves_the_copy(world: World) -> None:
    move = await world.mover()
    await move.copy()
    gone = (await move.source.users.table.stamps()).keys()
    await move.source.users.table.points.delete(sorted(gone)[:2])

    await move.copy()
    assert (await move.target.users.table.stamps()).keys() == (
        await move.source.users.table.stamps()
    ).keys()


async def test_a_stalled_copier_deletes_nothing_after_the_move_has_ended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is too many may be the new workers' own by then."""
    move = await world.mover()
    await move.copy()
    gone = (await move.source.users.table.stamps()).keys()
    await move.source.users.table.points.delete(sorted(gone)[:2])
    monkeypatch.setattr(mover, "USERS_PAGE", 1)
    points = move.target.users.table.points
    original = points.delete
    deleted: list[str] = []

    async def delete(batch: Sequence[str]) -> None:
        deleted.extend(batch)
        await original(batch)
        fact = await move.meta.get(MOVE_FACT)
        assert fact is not None
        await move.meta.put(MOVE_FACT, fact.value | {"stage": "ended"}, fact.etag)

    monkeypatch.setattr(points, "delete", delete)
    with pytest.raises(Failed, match="has changed meanwhile"):
        await move.copy()
    assert len(deleted) == 1


async def test_an_undone_move_copies_and_deletes_nothing_more(world: World) -> None:
    move = await world.mover()
    fact = await move.meta.get(MOVE_FACT)
    assert fact is not None
    await move.meta.put(MOVE_FACT, fact.value | {"stage": "ended"}, fact.etag)

    with pytest.raises(Failed, match="has changed meanwhile"):
        await move.copy()
    assert await move.target.items.count() == 0


async def test_a_profile_that_cannot_be_read_is_named(world: World) -> None:
    row = (await world.store.users.load(["user-2"]))["user-2"]
    broken = replace(row, state='{"v":1,"as_of":"?"}', updated_at=row.updated_at + 1, etag=5)
    assert await world.store.users.save([broken], {"user-2": row.etag})

    with pytest.raises(Failed, match=r"user 'user-2' cannot be read.*mend or delete"):
        await (await world.mover()).copy()


async def test_the_model_in_force_is_nothing_to_move_to(world: World) -> None:
    with pytest.raises(Misconfigured, match="is in force: there is nothing to do"):
        await world.mover(FakeEncoder(OLD_DIMENSION))


async def test_without_a_store_there_is_nothing_to_move(world: World) -> None:
    elsewhere = World(world.settings.model_copy(update={"namespace": "nobody"}))
    elsewhere.store = world.store
    with pytest.raises(Misconfigured, match="no store of namespace 'nobody'"):
        await elsewhere.mover()
    assert isinstance(world.store.meta, Meta)
