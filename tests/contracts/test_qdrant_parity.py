"""The embedded store answers as the Qdrant server does, through an unmodified client."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from qdrant_client import AsyncQdrantClient

from tests.support.qdrant_cases import CASES, Case
from tests.support.stores import Place

pytestmark = pytest.mark.integration


@pytest.fixture
async def embedded(embedded_qdrant: Place) -> AsyncIterator[AsyncQdrantClient]:
    client = embedded_qdrant.client()
    yield client
    await client.close()


@pytest.fixture
async def server(qdrant_server: Place) -> AsyncIterator[AsyncQdrantClient]:
    client = qdrant_server.client()
    yield client
    await client.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_the_same_calls_get_the_same_answers(
    case: Case, embedded: AsyncQdrantClient, server: AsyncQdrantClient
) -> None:
    name = case.__name__

    expected = await case(server, name)

    assert await case(embedded, name) == expected
