"""A TCP proxy on loopback whose connections go bad on demand: slow, narrow, cut, dead, refused."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import struct
import threading
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from stream.embedded.process import LOOPBACK

READ_BYTES = 65_536
HELD_CHUNKS = 64  # a direction: what waits in the proxy is bounded by 4 MB, then its sender waits
SLICE_S = 0.05  # a narrow line passes what it lets through in this time, then rests
ANSWER_S = 10.0
RESET = struct.pack("ii", 1, 0)  # linger for 0 s: closing sends RST


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the line does; the defaults are a good one. They hold for open connections too.

    latency_s          added to each direction
    bytes_per_s        each direction of each connection
    reset_after_bytes  of answers, on each connection, counted from now on: then it is reset
    mute               connections are accepted, what is sent is swallowed, nothing is answered;
                       a connection that lost bytes so is reset when the line gets well
    paused             nothing passes and nothing is lost: what was sent arrives afterwards
    refused            open connections are reset, new ones refused
    """

    latency_s: float = 0.0
    bytes_per_s: float = math.inf
    reset_after_bytes: float = math.inf
    mute: bool = False
    paused: bool = False
    refused: bool = False


WELL = Conditions()


@dataclass
class Counts:
    """What the proxy has seen since it was started. `answered`: bytes from upstream passed on."""

    accepted: int = 0
    resets: int = 0
    answered: int = 0


@dataclass(eq=False)
class Pair:
    """A client's connection and the one that was opened for it."""

    client: asyncio.StreamWriter
    upstream: asyncio.StreamWriter | None = None
    answered: int = 0  # bytes since the conditions changed
    lossy: bool = False
    dead: bool = False
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def writers(self) -> list[asyncio.StreamWriter]:
        return [one for one in (self.client, self.upstream) if one is not None]

    def reset(self) -> None:
        """Both ends see a reset, not an end."""
        for writer in self.writers():
            raw = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()


class Proxy:
    """Passes connections at `port` on to `upstream`, a port on loopback; a context manager.

    It runs on a thread of its own, so that the caller may block; every method may be called from
    any thread but that one. Upstream may be absent: a client then finds its connection reset.
    """

    def __init__(self, upstream: int) -> None:
        self.counts = Counts()
        self._upstream = upstream
        self._conditions = WELL
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._place = socket.socket()
        self._server: asyncio.Server | None = None
        self._pairs: set[Pair] = set()
        self._changed = asyncio.Event()

    @property
    def port(self) -> int:
        """Where clients connect; known once started, the same under all conditions."""
        return int(self._place.getsockname()[1])

    @property
    def conditions(self) -> Conditions:
        return self._conditions

    @property
    def open(self) -> int:
        """Connections of clients at this moment."""
        return len(self._pairs)

    def start(self) -> Self:
        # Bound and never listening: while connections are refused nobody else gets the port.
        self._place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._place.bind((LOOPBACK, 0))
        self._thread.start()
        self._run(self._listen())
        return self

    def stop(self) -> None:
        """Reset what is open and give the port back."""
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ANSWER_S)
        self._loop.close()
        self._place.close()

    def become(self, conditions: Conditions) -> None:
        """Change the conditions; they hold when this returns."""
        self._run(self._become(conditions))

    def heal(self) -> None:
        """A good line again."""
        self.become(WELL)

    def reset_all(self) -> None:
        """Reset every open connection, once; the conditions stay."""
        self._run(self._reset_all())

    def forget_all(self) -> None:
        """From now on nothing passes on any connection that is open now, and nobody is told, as
        where something in between has lost its table of connections. New ones are good."""
        self._run(self._forget_all())

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self, step: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(step, self._loop).result(ANSWER_S)

    # --- on the proxy's own thread

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._accepted, LOOPBACK, self.port, reuse_port=True
        )

    async def _close(self) -> None:
        self._refuse()
        pairs = list(self._pairs)
        tasks = [task for pair in pairs for task in pair.tasks]
        await self._reset_all()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)

    def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _become(self, conditions: Conditions) -> None:
        self._conditions = conditions
        for pair in self._pairs:
            pair.answered = 0
        if conditions.refused:
            self._refuse()
            await self._reset_all()
        elif self._server is None:
            await self._listen()
        if not conditions.mute:
            self._reset([pair for pair in self._pairs if pair.lossy])
        self._changed.set()
        self._changed = asyncio.Event()

    async def _reset_all(self) -> None:
        self._reset(list(self._pairs))

    async def _forget_all(self) -> None:
        for pair in self._pairs:
            pair.dead = True

    def _reset(self, pairs: list[Pair]) -> None:
        for pair in pairs:
            self.counts.resets += 1
            pair.reset()
            for task in pair.tasks:
                task.cancel()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pair = Pair(writer)
        self._pairs.add(pair)
        self.counts.accepted += 1
        try:
            await self._serve(pair, reader)
        finally:
            self._pairs.discard(pair)
            for one in pair.writers():
                one.close()

    async def _serve(self, pair: Pair, reader: asyncio.StreamReader) -> None:
        try:
            answers, pair.upstream = await asyncio.open_connection(LOOPBACK, self._upstream)
        except OSError:
            pair.reset()
            return
        pair.tasks = [
            asyncio.create_task(self._pass(pair, reader, pair.upstream, answers=False)),
            asyncio.create_task(self._pass(pair, answers, pair.client, answers=True)),
        ]
        if self._conditions.refused:  # it came in while the door was being closed
            self._reset([pair])
        ends = await asyncio.gather(*pair.tasks, return_exceptions=True)
        if any(isinstance(end, OSError) for end in ends):
            pair.reset()

    async def _pass(
        self,
        pair: Pair,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        *,
        answers: bool,
    ) -> None:
        """One direction, to its end. Reading goes on while what was read is still under way."""
        held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(HELD_CHUNKS)
        reading = asyncio.create_task(_read(source, held, self))
        pair.tasks.append(reading)
        try:
            while True:
                due, chunk = await held.get()
                await self._rest(due - time.monotonic())
                if not chunk:
                    break
                await self._forward(pair, sink, chunk, answers=answers)
            await reading
            if sink.can_write_eof() and not (answers and pair.dead):
                sink.write_eof()
        except OSError:
            pair.reset()  # what broke on one side breaks on the other
            raise
        finally:
            reading.cancel()

    async def _forward(
        self, pair: Pair, sink: asyncio.StreamWriter, chunk: bytes, *, answers: bool
    ) -> None:
        while chunk:
            await self._until_it_flows()
            now = self._conditions
            if pair.dead:
                return
            if now.mute:
                pair.lossy = True
                return
            piece = chunk[: _allowed(now, pair, len(chunk), answers=answers)]
            chunk = chunk[len(piece) :]
            sink.write(piece)
            await sink.drain()
            if answers:
                self.counts.answered += len(piece)
                pair.answered += len(piece)
                if pair.answered >= now.reset_after_bytes:
                    self._reset([pair])
            await self._rest(len(piece) / now.bytes_per_s)

    async def _until_it_flows(self) -> None:
        while self._conditions.paused:
            await self._changed.wait()

    async def _rest(self, seconds: float) -> None:
        """Wait so long, or until the conditions change: a line that got well owes nothing."""
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), seconds)


async def _read(
    source: asyncio.StreamReader, held: asyncio.Queue[tuple[float, bytes]], proxy: Proxy
) -> None:
    """Everything that comes, each chunk with the moment at which it is due; b"" is the end."""
    chunk = b"-"
    while chunk:
        try:
            chunk = await source.read(READ_BYTES)
        except OSError:
            await held.put((0.0, b""))
            raise
        await held.put((time.monotonic() + proxy.conditions.latency_s, chunk))


def _allowed(now: Conditions, pair: Pair, size: int, *, answers: bool) -> int:
    """How many of `size` bytes may pass in one piece, at least 1."""
    most = min(float(size), now.bytes_per_s * SLICE_S)
    if answers:
        most = min(most, now.reset_after_bytes - pair.answered)
    return max(int(most), 1)
