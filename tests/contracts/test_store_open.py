"""Opening a store: made once, checked ever after, refused with the remedy; over either store."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from qdrant_client import AsyncQdrantClient, models
from qdrant_client import grpc as pb

from stream.errors import Misconfigured, Unavailable
from stream.settings import Settings
from stream.store.client import Points, open_client
from stream.store.collections import Store, open_store, server_version
from stream.store.probe import probe_conditional_writes
from tests.contracts.conftest import DIMENSION
from tests.support.rows import user_row

pytestmark = pytest.mark.integration


async def test_workers_that_start_together_share_one_store(fresh_settings: Settings) -> None:
    opened = await asyncio.gather(
        *(open_store(fresh_settings, dimension=DIMENSION, encoder_hash="e1") for _ in range(3))
    )
    try:
        await opened[0].users.save([user_row("a")], {"a": None})
        assert [await store.users.count() for store in opened] == [1, 1, 1]
    finally:
        for store in opened:
            await store.close()


async def test_what_was_stored_is_there_at_the_next_start(
    store: Store, store_settings: Settings
) -> None:
    await store.users.save([user_row("a")], {"a": None})

    again = await open_store(store_settings, dimension=DIMENSION, encoder_hash="e1")
    try:
        assert set(await again.users.load(["a"])) == {"a"}
    finally:
        await again.close()


@pytest.mark.parametrize(("dimension", "encoder"), [(DIMENSION, "e2"), (DIMENSION * 2, "e1")])
async def test_another_encoder_is_refused_with_the_remedy(
    store: Store, store_settings: Settings, dimension: int, encoder: str
) -> None:
    with pytest.raises(Misconfigured, match="INTERESTREAM_MODEL_DIR back"):
        await open_store(store_settings, dimension=dimension, encoder_hash=encoder)


async def test_of_two_encoders_that_start_together_one_is_refused(
    fresh_settings: Settings,
) -> None:
    opened = await asyncio.gather(
        *(open_store(fresh_settings, dimension=DIMENSION, encoder_hash=e) for e in ("e1", "e2")),
        return_exceptions=True,
    )
    stores = [each for each in opened if isinstance(each, Store)]
    for store in stores:
        await store.close()

    assert len(stores) == 1
    assert sum(isinstance(each, Misconfigured) for each in opened) == 1


async def test_a_foreign_collection_of_the_same_name_is_refused(
    fresh_settings: Settings,
) -> None:
    client = open_client(fresh_settings)
    vectors = {"text": models.VectorParams(size=3, distance=models.Distance.DOT)}
    await client.create_collection(f"{fresh_settings.namespace}_items_e1", vectors)
    await client.close()

    with pytest.raises(Misconfigured, match=r"'3 Dot'.*'8 Cosine'.*delete the collection"):
        await open_store(fresh_settings, dimension=DIMENSION, encoder_hash="e1")


async def test_an_alias_that_points_elsewhere_is_refused(fresh_settings: Settings) -> None:
    prefix = fresh_settings.namespace
    client = open_client(fresh_settings)
    vectors = {"text": models.VectorParams(size=3, distance=models.Distance.DOT)}
    await client.create_collection(f"{prefix}_other", vectors)
    create = models.CreateAlias(alias_name=f"{prefix}_items", collection_name=f"{prefix}_other")
    await client.update_collection_aliases([models.CreateAliasOperation(create_alias=create)])
    await client.close()

    with pytest.raises(Misconfigured, match="undo the move"):
        await open_store(fresh_settings, dimension=DIMENSION, encoder_hash="e1")


async def test_the_probe_leaves_nothing_behind(store: Store, store_settings: Settings) -> None:
    meta = Points(store.client, f"{store_settings.namespace}_meta", timeout_s=20)
    before = await meta.count()

    await probe_conditional_writes(meta, await server_version(store.client))
    assert await meta.count() == before


class Older(Points):
    """A server from before a feature: it ignores the fields it does not know."""

    def __init__(self, client: AsyncQdrantClient, collection: str, **ignored: Any) -> None:
        super().__init__(client, collection, timeout_s=20)
        self._ignored = ignored

    async def upsert(self, points: Any, mode: Any, condition: Any = None) -> None:
        mode = self._ignored.get("mode", mode)
        condition = self._ignored.get("condition", condition)
        await super().upsert(points, mode, condition)


@pytest.mark.parametrize(
    "ignored", [{"mode": pb.UpdateMode.Upsert}, {"condition": None}], ids=["mode", "condition"]
)
async def test_a_server_that_ignores_conditions_is_refused(
    store: Store, store_settings: Settings, ignored: dict[str, Any]
) -> None:
    older = Older(store.client, f"{store_settings.namespace}_meta", **ignored)

    with pytest.raises(Misconfigured, match=r"Qdrant 1\.15\.0 .*use Qdrant 1\.17 or newer"):
        await probe_conditional_writes(older, "1.15.0")


async def test_the_version_is_that_of_the_server(store: Store) -> None:
    major, minor, _ = (await server_version(store.client)).split(".", 2)
    assert (int(major), int(minor)) >= (1, 17)


async def test_without_a_server_opening_is_unavailable(store_settings: Settings) -> None:
    nowhere = store_settings.model_copy(update={"qdrant_grpc_port": 1})

    with pytest.raises(Unavailable, match="qdrant"):
        await open_store(nowhere, dimension=DIMENSION, encoder_hash="e1")


async def test_a_call_under_which_the_connection_is_closed_is_unavailable(
    store: Store,
) -> None:
    """The client reports it like the cancellation of the waiting task, which it is not."""
    waiting = asyncio.create_task(store.users.load(["a"]))
    await asyncio.sleep(0)  # the call is on its way
    await store.client.close()

    with pytest.raises(Unavailable):
        await waiting
