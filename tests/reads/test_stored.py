"""The same answers from a real store and replica as from what stands in for them."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import msgspec
import pytest

from stream.core.allowed import EVERYTHING, Filters
from stream.reads.lookalikes import Asked
from stream.reads.reads import ReadFrom, Reads
from stream.settings import load
from stream.store.candidates import Candidates
from stream.store.codec import pack
from stream.store.collections import Store, open_store
from stream.store.replica import Replica
from stream.store.rows import fresh_etag
from stream.store.shelf import Shelf
from tests.core.samples import NOW
from tests.reads.world import DIMENSION, FORGOTTEN, ODD, TUNING, World, catalogue, profiles
from tests.support.rows import item_row, neighbour_row
from tests.support.stores import Place

pytestmark = pytest.mark.integration

FANS = ["space fan 0", "crime fan 4", ODD]


@pytest.fixture
async def store(embedded_qdrant: Place) -> AsyncIterator[Store]:
    """The planted world."""
    settings = load(
        namespace=f"t{secrets.token_hex(4)}",
        qdrant_url=embedded_qdrant.http_url,
        qdrant_grpc_port=embedded_qdrant.grpc_port,
    )
    opened = await open_store(settings, dimension=DIMENSION, encoder_hash="e1")
    rows = [pack(profile, fresh_etag(), TUNING, now=NOW) for profile in profiles()]
    assert len(await opened.users.save(rows, {row.user_id: None for row in rows})) == len(rows)
    items = [
        item_row(
            entry.item_id,
            title=entry.title,
            vector=entry.vector,
            categories=entry.categories,
            domain=entry.domain,
            lang=entry.lang,
            deleted_at=NOW if entry.deleted else None,
        )
        for entry in catalogue().entries
    ]
    await opened.items.save(items, {row.item_id: None for row in items})
    learned = [
        neighbour_row(
            item_id,
            count=row.count,
            hotness=row.hotness,
            at=row.at,
            pairs=(row.others, row.weights),
        )
        for item_id, row in catalogue().learned.items()
    ]
    await opened.neighbours.save(learned, {row.item_id: None for row in learned})
    yield opened
    await opened.close()


async def reads_over(store: Store, max_items: int) -> Reads:
    """As a worker has them; of more items than `max_items` its catalogue is light."""
    shelf = Shelf(store.items, store.neighbours, size=100)
    replica = Replica(
        store, dimension=DIMENSION, poll_s=1, overlap_s=1, max_items=max_items, shelf=shelf
    )
    await replica.refresh()
    here = World()
    sources = ReadFrom(
        users=store.users,
        items=store.items,
        catalogue=lambda: replica.catalogue,
        candidates=Candidates(lambda: replica.catalogue, store.items, shelf, TUNING),
        segments=lambda: here.model,
        clock=lambda: here.now,
    )
    return Reads(sources, TUNING)


@pytest.mark.parametrize("max_items", [1000, 5], ids=["whole", "light"])
async def test_answers_are_those_of_the_stand_in(store: Store, max_items: int) -> None:
    ours, expected = await reads_over(store, max_items), World().reads
    for user in (*FANS, FORGOTTEN, "nobody"):
        assert await ours.user(user) == await expected.user(user)
        assert await ours.explain(user, lang="zh") == await expected.explain(user, lang="zh")
        for asked in (Asked(n=100), Asked(page=2, n=3), Asked(n=100, segment="s1", since=NOW)):
            assert rounded(await ours.lookalikes(user, asked)) == rounded(
                await expected.lookalikes(user, asked)
            )
    assert await ours.neighbours("space-0", n=9) == await expected.neighbours("space-0", n=9)
    assert rounded(await ours.segments()) == rounded(await expected.segments())
    asked = Asked(n=100)
    assert rounded(await ours.lookalikes_of_segment("s1", asked)) == rounded(
        await expected.lookalikes_of_segment("s1", asked)
    )
    members = await ours.users_of("s0", n=4, after=None)
    assert members == await expected.users_of("s0", n=4, after=None)


def rounded(answer: msgspec.Struct | None) -> object:
    """Stores keep unit vectors with errors of their own in the last digits."""

    def round_all(value: object) -> object:
        if isinstance(value, float):
            return round(value, 4)
        if isinstance(value, dict):
            return {name: round_all(each) for name, each in value.items()}
        return [round_all(each) for each in value] if isinstance(value, list) else value

    return round_all(msgspec.to_builtins(answer))


@pytest.mark.parametrize("filters", [EVERYTHING, Filters(domain="film", lang="de")])
async def test_lists_are_those_of_the_stand_in(store: Store, filters: Filters) -> None:
    """But for what is drawn by lot, which depends on the order of the catalogue."""
    ours, light, expected = await reads_over(store, 1000), await reads_over(store, 5), World().reads

    async def best(reads: Reads, user: str) -> list[tuple[str, float]]:
        found = await reads.recommendations(user, n=5, filters=filters)
        assert found is not None
        sure = [(i.item_id, round(i.score, 4)) for i in found.items if i.propensity == 1]
        assert len(sure) >= 3
        return sure

    for user in FANS:
        assert await best(ours, user) == await best(expected, user)
        assert await best(light, user) == await best(expected, user)
