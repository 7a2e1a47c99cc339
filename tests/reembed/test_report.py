"""The comparison before the switch, and what it says in words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

import msgspec
import pytest

from stream.encoder.fake import FakeEncoder
from stream.reembed import make
from stream.reembed import report as reports
from stream.reembed.report import Report, report, table, words
from stream.store.items import Items
from stream.store.rows import ItemRow
from stream.store.table import Table
from stream.wire.decode import Item
from tests.reembed.world import NEW_DIMENSION, Turned, World

pytestmark = pytest.mark.integration


async def test_a_model_that_sees_the_same_is_the_same(world: World) -> None:
    mover = await world.mover(Turned())
    await mover.copy()
    found = await report(mover)

    assert found.overlap > 0.99
    assert found.compared == 19
    assert (found.items, found.users, found.ranked, found.asked) == (20, 12, 19, 12)
    assert found.held_out >= 6
    assert found.new.quality.ndcg == pytest.approx(found.old.quality.ndcg, abs=1e-6)
    assert found.dropped == 0
    assert any("the same within chance" in line for line in words(found))
    assert any("believe the neighbours" in line for line in words(found))


async def test_what_users_like_is_no_part_of_the_sample(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deleted item is not ranked; items beyond the sample are, but not compared."""
    await world.act("user-1", 19)  # deleted
    mover = await world.mover()
    assert (await report(mover)).ranked == 19

    pages = mover.source.items.pages

    async def first(_: int) -> AsyncIterator[list[ItemRow]]:
        async for page in pages(5):
            yield page
            return

    monkeypatch.setattr(mover.source.items, "pages", first)
    found = await report(mover)
    assert found.compared <= 5 < found.ranked


async def test_items_are_asked_for_in_slices(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    original = Table.load

    async def load(self: Items, names: Iterable[str], **given: bool) -> dict[str, ItemRow]:
        some = list(names)
        asked.append(len(some))
        return await original(self, some, **given)

    async def nothing(_: int) -> AsyncIterator[list[ItemRow]]:
        for _ in ():
            yield []

    mover = await world.mover()
    monkeypatch.setattr(Table, "load", load)
    monkeypatch.setattr(mover.source.items, "pages", nothing)
    for module in (make, reports):
        monkeypatch.setattr(module, "REQUEST", 3)
    await report(mover)
    assert max(asked) == 3


async def test_before_anything_is_copied_it_compares_all_the_same(world: World) -> None:
    found = await report(await world.mover())

    assert (found.items, found.users) == (0, 0)
    assert 0 < found.overlap < 1
    assert found.held_out > 0
    assert (found.old.dimension, found.new.dimension) == (8, NEW_DIMENSION)


async def test_it_reads_back_as_json_and_as_a_table(world: World) -> None:
    found = await report(await world.mover())
    again = msgspec.json.decode(msgspec.json.encode(found), type=Report)

    assert again == found
    head, *rows = table(found)
    assert head == ("", f"old {found.old.encoder}", f"new {found.new.encoder}")
    assert [row[0] for row in rows] == ["dimension", "HR@10", "NDCG@10", "MRR"]


async def test_what_goes_and_whose_vectors_are_not_carried_over_is_said(world: World) -> None:
    (vector,) = await FakeEncoder(8).encode(["something"])
    await world.change(
        Item("own", "its own vector", vectors={"text": tuple(vector.tolist())}), revision=2
    )
    await world.change(Item("lost", "soon without a trace"), revision=3)
    await world.act("user-x", 0)
    row = (await world.store.items.load(["lost"]))["lost"]
    await like_and_lose(world, row.item_id)
    found = await report(await world.mover())

    assert found.producers == 1
    assert found.dropped == 1
    said = " ".join(words(found))
    assert "1 items brought a vector of their producer" in said
    assert f"1 of {found.interests} interests of these users go" in said


async def like_and_lose(world: World, item_id: str) -> None:
    """Somebody likes an item that then goes from the store altogether."""
    await world.like("user-y", item_id)
    points = await world.store.items.stamps()
    rows = {r.item_id: p for p in points for r in await world.store.items.fetch([p])}
    await world.store.items.points.delete([rows[item_id]])


async def test_without_users_nothing_is_said_of_quality(world: World) -> None:
    stamps = await world.store.users.table.stamps()
    await world.store.users.table.points.delete(list(stamps))
    found = await report(await world.mover())

    assert found.held_out == 0
    assert any("nothing is known of the quality" in line for line in words(found))
