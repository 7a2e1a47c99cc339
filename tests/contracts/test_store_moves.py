"""What a move between encoders asks of a store: doors, aliases all at once, stamps; over either."""

from __future__ import annotations

import contextlib

import grpc
import numpy as np
import pytest

from stream.errors import Misconfigured, Unavailable
from stream.settings import Settings
from stream.store import names
from stream.store.collections import (
    Store,
    aliases,
    change_aliases,
    ensure_collections,
    open_store,
    tables,
)
from stream.store.moves import (
    ENCODER_FACT,
    MOVE_FACT,
    EncoderId,
    Move,
    Stage,
    as_value,
    standing,
)
from stream.store.rows import UserRow
from tests.contracts.conftest import DIMENSION
from tests.contracts.test_store_segments import assert_same, model
from tests.support.rows import item_row, neighbour_row, unit_rows, user_row

pytestmark = pytest.mark.integration

OURS, OTHER = EncoderId("e1", DIMENSION), EncoderId("e2", 2 * DIMENSION)


async def saved(store: Store, row: UserRow, read_etag: int | None = None) -> bool:
    return bool(await store.users.save([row], {row.user_id: read_etag}))


def beside(store: Store, settings: Settings) -> Store:
    """The same tables by the collections' own names."""
    return tables(store.client, settings, OURS, store.meta, names.collection)


async def test_a_store_has_its_aliases_for_readers_and_for_its_workers(
    store: Store, store_settings: Settings
) -> None:
    found = await aliases(store.client)
    wanted = names.aliases(store_settings.namespace, "e1")

    assert wanted.items() <= found.items()
    assert len(wanted) == 2 * len(names.PARTS)


async def test_behind_shut_doors_nobody_reads_or_writes(
    store: Store, store_settings: Settings
) -> None:
    row, later = user_row("a"), user_row("a")
    assert await saved(store, row)
    doors = names.doors(store_settings.namespace, "e1")
    await change_aliases(store.client, gone=doors)
    try:
        for call in (store.users.load(["a"]), saved(store, later, row.etag)):
            with pytest.raises(grpc.aio.AioRpcError) as refusal:
                await call
            assert refusal.value.code() is grpc.StatusCode.NOT_FOUND
        kept = await beside(store, store_settings).users.load(["a"])
        assert kept["a"].etag == row.etag
    finally:
        await change_aliases(store.client, made=names.aliases(store_settings.namespace, "e1"))
    assert await saved(store, later, row.etag)


async def test_an_alias_of_no_collection_is_refused_and_the_rest_can_be_mended(
    store: Store, store_settings: Settings
) -> None:
    """A server keeps what it did before the one it refuses, so the whole must be repeatable."""
    namespace = store_settings.namespace
    before = await aliases(store.client)
    made = {names.readers(namespace, "users"): f"{namespace}_nowhere"}

    with pytest.raises(grpc.aio.AioRpcError):
        await change_aliases(store.client, gone=names.doors(namespace, "e1"), made=made)
    await change_aliases(store.client, made=names.aliases(namespace, "e1"))
    assert await aliases(store.client) == before


async def test_aliases_that_are_not_there_may_be_taken_away(store: Store) -> None:
    before = await aliases(store.client)
    await change_aliases(store.client, gone=["nobody-has-heard-of-it"])
    assert await aliases(store.client) == before


async def test_an_alias_moves_from_one_encoder_to_the_other(fresh_settings: Settings) -> None:
    store = await open_store(fresh_settings, dimension=DIMENSION, encoder_hash="e1")
    namespace = fresh_settings.namespace
    await ensure_collections(store.client, namespace, OTHER)
    await change_aliases(
        store.client, gone=names.doors(namespace, "e1"), made=names.aliases(namespace, "e2")
    )
    found = await aliases(store.client)
    await store.close()

    assert {a: t for a, t in found.items() if a.startswith(namespace)} == names.aliases(
        namespace, "e2"
    )


async def test_stamps_and_heads_tell_what_was_written_last(store: Store) -> None:
    await saved(store, user_row("a", etag=5, updated_at=1000))
    await store.items.save([item_row("i", etag=6, revision=20)], {"i": None})
    await store.neighbours.save([neighbour_row("i", etag=7, revision=30)], {"i": None})

    for table, name, etag, stamp in (
        (store.users.table, "a", 5, 1000),
        (store.items, "i", 6, 20),
        (store.neighbours, "i", 7, 30),
    ):
        assert list((await table.stamps()).values()) == [stamp]
        heads = await table.heads([name, "nobody"])
        assert {n: (h.etag, h.stamp) for n, h in heads.items()} == {name: (etag, stamp)}


async def test_members_are_those_who_have_a_segment_and_a_taste(store: Store) -> None:
    taste = unit_rows(1, DIMENSION, seed=3)[0]
    for row in (
        user_row("a", segment="s1", taste=taste),
        user_row("b", segment=None),
        user_row("c", segment="s1", taste=None),
    ):
        await saved(store, row)

    ((segment, found),) = [one async for page in store.users.members() for one in page]
    assert segment == "s1"
    assert np.allclose(found, taste, atol=1e-6)


async def test_a_segment_model_replaces_all_there_are(store: Store) -> None:
    await store.segments.save(model(3))
    await store.segments.replace(model(4, count=5))
    await store.segments.replace(model(4, count=2))

    assert await store.segments.load(3) is None
    assert_same(await store.segments.load(4), model(4, count=2))


@pytest.mark.parametrize(
    ("stage", "ours", "theirs"),
    [
        (Stage.COPYING, "works", "waits"),
        (Stage.LEAVING, "waits", "waits"),
        (Stage.SWITCHING, "waits", "waits"),
        (Stage.ENDED, "works", "is refused"),
    ],
)
async def test_who_may_open_a_store_while_it_moves(
    store: Store, store_settings: Settings, stage: Stage, ours: str, theirs: str
) -> None:
    move = Move(OURS, OTHER, "another model", stage)
    assert await store.meta.put(MOVE_FACT, as_value(move), None)

    assert await fate(store_settings, OURS) == ours
    assert await fate(store_settings, OTHER) == theirs
    assert await fate(store_settings, EncoderId("e3", DIMENSION)) == "is refused"


async def fate(settings: Settings, encoder: EncoderId) -> str:
    with contextlib.suppress(Unavailable):
        try:
            opened = await open_store(
                settings, dimension=encoder.dimension, encoder_hash=encoder.hash
            )
        except Misconfigured:
            return "is refused"
        await opened.close()
        return "works"
    return "waits"


async def test_a_worker_that_waits_makes_no_collections(
    store: Store, store_settings: Settings
) -> None:
    new = EncoderId("e9", 3)
    move = Move(OURS, new, "another model", Stage.COPYING)
    assert await store.meta.put(MOVE_FACT, as_value(move), None)

    assert await fate(store_settings, new) == "waits"
    found = [c.name for c in (await store.client.get_collections()).collections]
    assert names.encoders(store_settings.namespace, found) == {"e1"}


async def test_doors_that_were_shut_while_a_worker_started_stay_shut(
    store: Store, store_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looked before the move was closed, and made its aliases after the doors were shut."""
    doors = names.doors(store_settings.namespace, "e1")
    move = Move(OURS, OTHER, "another model", Stage.LEAVING)
    original = ensure_collections

    async def meanwhile(*given: object) -> None:
        await original(*given)  # type: ignore[arg-type]
        assert await store.meta.put(MOVE_FACT, as_value(move), None)
        await change_aliases(store.client, gone=doors)

    try:
        with monkeypatch.context() as patched:
            patched.setattr("stream.store.collections.ensure_collections", meanwhile)
            assert await fate(store_settings, OURS) == "waits"
        assert not set(doors) & (await aliases(store.client)).keys()
    finally:
        await change_aliases(store.client, made=names.aliases(store_settings.namespace, "e1"))


async def test_the_facts_say_what_stands(store: Store) -> None:
    before = await standing(store.meta)
    assert (before.encoder, before.move) == (OURS, None)

    move = Move(OURS, OTHER, "another model", Stage.COPYING)
    await store.meta.put(MOVE_FACT, as_value(move), None)
    now = await standing(store.meta)
    assert now.move == move
    fact = await store.meta.get(ENCODER_FACT)
    assert fact is not None
    assert fact.value == {"hash": "e1", "dimension": DIMENSION}
