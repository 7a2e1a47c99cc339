"""The proxy does to a connection what it is told, while it is told, and nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from stream.embedded.process import LOOPBACK, free_ports
from tests.faults.proxy import Conditions, Proxy

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
GONE = (ConnectionResetError, BrokenPipeError)


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """The port of a server that sends back what it gets."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(65_536):
                writer.write(chunk)
                await writer.drain()
        except GONE:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, LOOPBACK, 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
def proxy(echo: int) -> Iterator[Proxy]:
    with Proxy(echo) as running:
        yield running


async def connect(proxy: Proxy) -> Connection:
    return await asyncio.open_connection(LOOPBACK, proxy.port)


async def said(connection: Connection, text: bytes) -> bytes:
    """What comes back for `text`; raises IncompleteReadError where less does before an end."""
    reader, writer = connection
    writer.write(text)
    await writer.drain()
    return await reader.readexactly(len(text))


async def hang_up(*connections: Connection) -> None:
    for _, writer in connections:
        writer.transport.abort()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def eventually(proxy: Proxy, open_: int) -> None:
    async with asyncio.timeout(5):
        while proxy.open != open_:  # noqa: ASYNC110  # it lives on another thread
            await asyncio.sleep(0)


async def test_a_good_line_passes_everything_both_ways(proxy: Proxy) -> None:
    one, two = await connect(proxy), await connect(proxy)
    long = bytes(range(256)) * 8192  # 2 MB: many chunks

    assert list(await asyncio.gather(said(one, long), said(two, b"short"))) == [long, b"short"]
    async with asyncio.timeout(5):  # counted just after it was passed on
        while proxy.counts.answered != len(long) + 5:  # noqa: ASYNC110  # on another thread
            await asyncio.sleep(0)
    assert proxy.counts.accepted == 2
    await hang_up(one, two)


async def test_an_end_passes_and_leaves_nothing_open(proxy: Proxy) -> None:
    """Half closed by the client: the answer still comes, then the end."""
    reader, writer = await connect(proxy)
    writer.write(b"last words")
    writer.write_eof()

    assert await reader.read() == b"last words"
    writer.close()
    await eventually(proxy, 0)
    assert proxy.counts.resets == 0


async def test_latency_delays_each_way_but_does_not_narrow(proxy: Proxy) -> None:
    connection = await connect(proxy)
    proxy.become(Conditions(latency_s=0.02))
    started = time.monotonic()

    assert await said(connection, b"x" * 500_000) == b"x" * 500_000
    assert time.monotonic() - started >= 0.04
    await hang_up(connection)


async def test_a_narrow_line_takes_the_time_of_its_bytes(proxy: Proxy) -> None:
    connection = await connect(proxy)
    proxy.become(Conditions(bytes_per_s=100_000))
    started = time.monotonic()

    assert await said(connection, b"x" * 10_000) == b"x" * 10_000
    assert time.monotonic() - started >= 0.1 - 0.05  # the last slice is not waited for
    await hang_up(connection)


async def test_what_a_slow_line_holds_comes_when_it_gets_well(proxy: Proxy) -> None:
    connection = await connect(proxy)
    proxy.become(Conditions(latency_s=3600))
    answer = asyncio.create_task(said(connection, b"hello"))
    await nothing_within(answer)
    proxy.heal()

    assert await answer == b"hello"
    await hang_up(connection)


async def test_a_paused_line_keeps_what_was_sent(proxy: Proxy) -> None:
    connection = await connect(proxy)
    proxy.become(Conditions(paused=True))
    answer = asyncio.create_task(said(connection, b"hello"))
    await nothing_within(answer)
    proxy.heal()

    assert await answer == b"hello"
    await hang_up(connection)


async def test_an_answer_is_cut_in_its_middle_by_a_reset(proxy: Proxy) -> None:
    """The client has the first bytes of the answer, upstream has all of the request."""
    old = await connect(proxy)
    assert await said(old, b"x" * 1000) == b"x" * 1000
    proxy.become(Conditions(reset_after_bytes=400))
    new = await connect(proxy)

    for reader, writer in (old, new):
        writer.write(b"x" * 1000)
        await writer.drain()
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1000)
    assert proxy.counts.answered == 1000 + 2 * 400
    assert proxy.counts.resets == 2
    await hang_up(old, new)


async def test_answers_shorter_than_the_cut_pass(proxy: Proxy) -> None:
    connection = await connect(proxy)
    proxy.become(Conditions(reset_after_bytes=400))

    assert await said(connection, b"x" * 399) == b"x" * 399
    await hang_up(connection)


async def test_a_mute_line_accepts_swallows_and_resets_when_it_gets_well(proxy: Proxy) -> None:
    old, idle = await connect(proxy), await connect(proxy)
    assert await said(old, b"before") == b"before"
    assert await said(idle, b"before") == b"before"
    proxy.become(Conditions(mute=True))
    new = await connect(proxy)
    for connection in (old, new):
        await nothing_within(asyncio.create_task(said(connection, b"anyone?")), cancel=True)
    proxy.heal()

    for connection in (old, new):
        with pytest.raises(GONE):
            await said(connection, b"still there?")
    assert await said(idle, b"after") == b"after", "it lost nothing"
    await hang_up(old, idle, new)


async def test_a_refusing_line_resets_and_refuses_and_listens_again_at_its_port(
    proxy: Proxy,
) -> None:
    old, port = await connect(proxy), proxy.port
    assert await said(old, b"before") == b"before"
    proxy.become(Conditions(refused=True))

    with pytest.raises(ConnectionResetError):
        await old[0].read()
    with pytest.raises(ConnectionRefusedError):
        await connect(proxy)
    proxy.heal()
    new = await connect(proxy)
    assert await said(new, b"after") == b"after"
    assert proxy.port == port
    await hang_up(old, new)


async def test_one_blow_resets_what_is_open_and_no_more(proxy: Proxy) -> None:
    old = await connect(proxy)
    assert await said(old, b"before") == b"before"
    proxy.reset_all()

    with pytest.raises(ConnectionResetError):
        await old[0].read()
    new = await connect(proxy)
    assert await said(new, b"after") == b"after"
    await hang_up(old, new)


async def test_without_an_upstream_connections_are_reset() -> None:
    """The client may hear of it while it connects or when it reads."""
    (nobody,) = free_ports(1)

    async def read(proxy: Proxy) -> None:
        reader, writer = await connect(proxy)
        try:
            await reader.read()
        finally:
            await hang_up((reader, writer))

    with Proxy(nobody) as proxy, pytest.raises(ConnectionResetError):
        await read(proxy)


async def test_a_stopped_proxy_leaves_nothing_behind(echo: int) -> None:
    proxy = Proxy(echo).start()
    port, connection = proxy.port, await connect(proxy)
    assert await said(connection, b"before") == b"before"
    proxy.stop()

    with pytest.raises(GONE):
        assert await said(connection, b"after")
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(LOOPBACK, port)
    await hang_up(connection)


async def nothing_within(answer: asyncio.Task[bytes], *, cancel: bool = False) -> None:
    """Some hundredths of a second pass without an answer; a good line gives it in a thousandth."""
    done, _ = await asyncio.wait({answer}, timeout=0.03)
    assert not done
    if cancel:
        answer.cancel()
        await asyncio.gather(answer, return_exceptions=True)


async def test_a_forgotten_connection_is_silent_for_ever_and_a_new_one_is_good(
    proxy: Proxy,
) -> None:
    old = await connect(proxy)
    assert await said(old, b"before") == b"before"
    proxy.forget_all()
    answer = asyncio.create_task(said(old, b"swallowed"))
    new = await connect(proxy)
    assert await said(new, b"hello") == b"hello"
    proxy.heal()
    assert await said(new, b"again") == b"again"

    assert not answer.done()
    assert (proxy.open, proxy.counts.resets) == (2, 0)
    answer.cancel()
    await hang_up(old, new)
