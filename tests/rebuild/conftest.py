"""A store for each test; its collections are made once and emptied, which is faster."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from stream.settings import Settings
from stream.store import names
from stream.store.client import open_client
from stream.store.collections import aliases, change_aliases, collections_of
from tests.contracts.conftest import empty
from tests.rebuild.world import World, settings_at
from tests.support.stores import Place


@pytest.fixture(scope="module")
def shared_settings(embedded_qdrant: Place) -> Settings:
    return settings_at(embedded_qdrant)


@pytest.fixture
async def world(shared_settings: Settings) -> AsyncIterator[World]:
    await empty(shared_settings)
    client, namespace = open_client(shared_settings), shared_settings.namespace
    ours = [name for name in await aliases(client) if name.startswith(namespace)]
    await change_aliases(client, gone=ours)
    for name in await collections_of(client):
        if name.startswith(f"{namespace}_{names.USERS}_") and "_r" in name:
            await client.delete_collection(name)
    await client.close()
    opened = await World(shared_settings).open()
    yield opened
    await opened.close()
