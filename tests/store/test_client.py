"""Which failures of a call are an outage, and which are a bug."""

from __future__ import annotations

import asyncio
import warnings

import grpc
import pytest
from grpc.aio import AioRpcError, Metadata
from pydantic import SecretStr
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse

from stream.errors import Unavailable
from stream.settings import load
from stream.store.client import open_client, outages
from stream.store.rows import fresh_etag

OUTAGES = [
    "UNAVAILABLE",
    "CANCELLED",
    "DEADLINE_EXCEEDED",
    "RESOURCE_EXHAUSTED",
    "ABORTED",
    "INTERNAL",
    "UNKNOWN",
]


def rpc_error(code: grpc.StatusCode) -> AioRpcError:
    return AioRpcError(code, Metadata(), Metadata(), "details")


@pytest.mark.parametrize("name", OUTAGES)
def test_a_server_that_is_away_is_unavailable(name: str) -> None:
    with pytest.raises(Unavailable, match=f"qdrant: {name}: details") as caught, outages():
        raise rpc_error(grpc.StatusCode[name])

    assert caught.value.part == "qdrant"


@pytest.mark.parametrize("code", [c for c in grpc.StatusCode if c.name not in OUTAGES])
def test_any_other_status_is_a_bug(code: grpc.StatusCode) -> None:
    with pytest.raises(AioRpcError), outages():
        raise rpc_error(code)


@pytest.mark.parametrize(
    "error", [ResourceExhaustedResponse("slow down", 3), ConnectionResetError()]
)
def test_a_lost_or_refused_connection_is_unavailable(error: Exception) -> None:
    with pytest.raises(Unavailable, match="qdrant"), outages():
        raise error


async def test_a_call_cancelled_under_its_waiter_is_unavailable() -> None:
    call: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    call.cancel()

    with pytest.raises(Unavailable), outages():
        await call


async def test_the_cancellation_of_the_waiting_task_passes() -> None:
    """A worker that drains cancels its tasks: that must not look like an outage to wait out."""

    async def wait() -> None:
        with outages():
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_api_key_over_plain_grpc_makes_no_warning() -> None:
    settings = load(qdrant_url="http://127.0.0.1:1", qdrant_api_key=SecretStr("s3cret"))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        client = open_client(settings)
    await client.close()


def test_etags_are_positive_62_bit_integers_and_never_repeat() -> None:
    etags = {fresh_etag() for _ in range(10_000)}

    assert len(etags) == 10_000
    assert min(etags) > 0
    assert max(etags) < 2**62
