"""An open store for the contract suites."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import pytest
from qdrant_client import models

from stream.settings import Settings
from stream.settings import load as load_settings
from stream.store.client import open_client
from stream.store.collections import Store, open_store
from tests.support.stores import Place

DIMENSION = 8


def settings_at(place: Place, namespace: str) -> Settings:
    return load_settings(
        namespace=namespace,
        qdrant_url=place.http_url,
        qdrant_grpc_port=place.grpc_port,
        qdrant_timeout_s=20,
    )


@pytest.fixture
def fresh_settings(qdrant: Place) -> Settings:
    """Names a store that does not exist yet."""
    return settings_at(qdrant, f"t{secrets.token_hex(4)}")


@pytest.fixture(scope="session")
def shared_namespace() -> str:
    return f"shared{secrets.token_hex(4)}"


@pytest.fixture
def store_settings(qdrant: Place, shared_namespace: str) -> Settings:
    """Names the store that the fixture `store` opens."""
    return settings_at(qdrant, shared_namespace)


@pytest.fixture
async def store(store_settings: Settings) -> AsyncIterator[Store]:
    """An empty store. Its collections are made once and emptied: making them takes a second."""
    await empty(store_settings)
    opened = await open_store(store_settings, dimension=DIMENSION, encoder_hash="e1")
    yield opened
    await opened.close()


async def empty(settings: Settings) -> None:
    client = open_client(settings)
    for collection in (await client.get_collections()).collections:
        if collection.name.startswith(f"{settings.namespace}_"):
            everything = models.FilterSelector(filter=models.Filter())
            await client.delete(collection.name, everything, wait=True)
    await client.close()
