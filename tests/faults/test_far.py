"""A line that is slow, but whole, is a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.settings import load
from stream.store.client import open_client
from stream.store.collections import server_version
from tests.faults.proxy import Conditions, Proxy
from tests.support import stores

pytestmark = pytest.mark.integration


async def test_a_store_that_is_far_away_can_be_connected_to(tmp_path: Path) -> None:
    """Each attempt to connect was given half a second at most, and a connection that was lost on a
    slow line, or to a busy server, never came again."""
    with stores.embedded(tmp_path / "qdrant") as place, Proxy(place.grpc_port) as line:
        line.become(Conditions(latency_s=0.6))
        client = open_client(load(qdrant_url=place.http_url, qdrant_grpc_port=line.port))
        try:
            assert await server_version(client)
        finally:
            await client.close()
