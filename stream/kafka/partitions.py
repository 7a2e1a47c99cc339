"""One task a partition: sequential within it, concurrent across, cut by a time budget."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import structlog

from stream.errors import OwnershipLost
from stream.kafka.chunks import ChunkApp
from stream.kafka.deliveries import Chunk, Delivery, Owner, Record, TopicPartition
from stream.kafka.health import Health
from stream.kafka.pace import Pace, cut
from stream.kafka.patience import Patience
from stream.kafka.sources import Sources
from stream.settings import Settings

log = structlog.get_logger(__name__)

CHUNKS_AHEAD = 2  # ready beside the one in hand: more only grows what a crash delivers again
DOUBT_POLL_S = 0.05


class Handler(Protocol):
    """What becomes of the records of one topic."""

    async def apply(self, delivery: Delivery, records: Sequence[Record]) -> None:
        """Decode, fold, save and publish one sub-chunk of `delivery`, in the order of offsets."""

    async def finish(self, delivery: Delivery) -> None:
        """All of `delivery` was applied: acknowledge it, now or after a later flush.

        A delivery that is kept must be dropped when `revoked` names its partition.
        """

    def revoked(self, tps: frozenset[TopicPartition]) -> None:
        """Drop whatever is cached or kept for these partitions."""


class Flow(Owner, Protocol):
    """The consumer, as far as the lanes need it."""

    def hold_back(self, tp: TopicPartition) -> None:
        """Fetch nothing more of `tp` until `let_through`."""

    def let_through(self, tp: TopicPartition) -> None: ...


class SourceOf(Protocol):
    """stream.kafka.sources.Sources, as far as the lanes need it."""

    async def of(self, tp: TopicPartition) -> str: ...
    def forget(self) -> None: ...


class Lanes:
    """The sink of one agent: hands each chunk to its partition's task.

    flow   gives the consumer; asked when the first chunk comes, for Faust makes it late
    crash  told of an exception that is no OwnershipLost; the lane's task then stays where it is
    """

    def __init__(
        self,
        handler: Handler,
        *,
        flow: Callable[[], Flow],
        sources: SourceOf,
        health: Health,
        crash: Callable[[BaseException], Awaitable[None]],
        budget_s: float,
        watchdog_s: float,
    ) -> None:
        self.handler = handler
        self.flow = flow
        self.sources = sources
        self.health = health
        self.patience = Patience(health)
        self.crash = crash
        self.budget_s = budget_s
        self.watchdog_s = watchdog_s
        self._lanes: dict[TopicPartition, Lane] = {}
        self._watching: asyncio.Task[None] | None = None

    @property
    def held(self) -> int:
        """Records in hand and those that wait behind them."""
        return sum(lane.held for lane in self._lanes.values())

    def hand_over(self, chunk: Chunk) -> None:
        """Queue a chunk behind those of its partition; never waits."""
        lane = self._lanes.get(chunk.tp)
        if lane is None:
            lane = self._lanes[chunk.tp] = Lane(chunk.tp, self)
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(), name="watchdog")
        lane.put(chunk)

    def assigned(self, tps: frozenset[TopicPartition]) -> None:
        """Topics may have been made again while nobody looked: their ids are read anew."""
        self.sources.forget()

    def revoked(self, tps: frozenset[TopicPartition]) -> None:
        for tp in tps & self._lanes.keys():
            self._lanes[tp].clear()
        self.handler.revoked(tps)

    async def drain(self) -> None:
        """Finish the chunks in hand and take no others."""
        for lane in self._lanes.values():
            lane.refuse()
        for lane in self._lanes.values():
            await lane.idle()

    async def close(self) -> None:
        """End all tasks where they are; what they had in hand stays unacknowledged."""
        tasks = [lane.task for lane in self._lanes.values()]
        if self._watching is not None:
            tasks.append(self._watching)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self.watchdog_s / 4)
            for lane in self._lanes.values():
                lane.report_if_stuck()


class Lane:
    """The chunks of one partition, one after the other."""

    def __init__(self, tp: TopicPartition, lanes: Lanes) -> None:
        self._tp = tp
        self._lanes = lanes
        self._flow = lanes.flow()
        self._ready: deque[Chunk] = deque()
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._refusing = False
        self._pace = Pace(lanes.budget_s)
        self._in_hand: Delivery | None = None
        self._stuck = False
        self._newest_offset = -1
        self.task = asyncio.create_task(self._run(), name=f"lane {tp.topic}/{tp.partition}")

    @property
    def held(self) -> int:
        in_hand = self._in_hand
        waiting = sum(len(chunk.records) for chunk in self._ready)
        return waiting + (0 if in_hand is None else len(in_hand.records))

    def put(self, chunk: Chunk) -> None:
        if self._refusing:
            return
        self._ready.append(chunk)
        if len(self._ready) >= CHUNKS_AHEAD:
            self._flow.hold_back(self._tp)
        self._idle.clear()
        self._arrived.set()

    def clear(self) -> None:
        """Forget the chunks that wait; the one in hand notices by itself."""
        self._ready.clear()

    def refuse(self) -> None:
        """Take no more chunks, and forget those that wait."""
        self._refusing = True
        self.clear()

    async def idle(self) -> None:
        """Return when no chunk is in hand."""
        await self._idle.wait()

    def report_if_stuck(self) -> None:
        delivery = self._in_hand
        stuck = delivery is not None and delivery.progress.idle_s() > self._lanes.watchdog_s
        if stuck and not self._stuck:
            self._lanes.health.stuck(self.task.get_name())
        elif self._stuck and not stuck:
            self._lanes.health.unstuck(self.task.get_name())
        self._stuck = stuck

    async def _run(self) -> None:
        try:
            while True:
                await self._serve(await self._next())
        except Exception as error:  # noqa: BLE001  # a bug: the app stops, nothing is acknowledged
            self._in_hand = None
            await self._lanes.crash(error)

    async def _next(self) -> Chunk:
        while not self._ready:
            self._idle.set()
            self._arrived.clear()
            await self._arrived.wait()
        chunk = self._ready.popleft()
        if len(self._ready) < CHUNKS_AHEAD:
            self._flow.let_through(self._tp)
        return chunk

    async def _serve(self, chunk: Chunk) -> None:
        """Deliver `chunk`, anew from its first record while only heartbeats were missing."""
        if chunk.span.first <= self._newest_offset:
            self._lanes.sources.forget()
        while not await self._deliver(chunk):
            pass
        self._newest_offset = chunk.span.last

    async def _deliver(self, chunk: Chunk) -> bool:
        """True when the chunk is done with, for better or worse; False to deliver it again."""
        delivery = self._in_hand = self._delivery(chunk, source="")
        try:
            source = await self._lanes.patience(delivery, "kafka", self._source)
            delivery = self._in_hand = self._delivery(chunk, source=source)
            await self._work_through(delivery)
        except OwnershipLost as lost:
            if await self._returned(delivery):
                return False
            log.info("chunk dropped", reason=str(lost), first=delivery.first_offset)
        finally:
            self._in_hand = None
        return True

    async def _work_through(self, delivery: Delivery) -> None:
        for records in cut(delivery.records, self._pace):
            delivery.check_owned()
            started, waited_s = time.monotonic(), delivery.progress.waited_s()
            await self._lanes.handler.apply(delivery, records)
            waited_s = delivery.progress.waited_s() - waited_s
            self._pace.measured(len(records), time.monotonic() - started - waited_s)
        delivery.check_owned()
        await self._lanes.handler.finish(delivery)

    async def _returned(self, delivery: Delivery) -> bool:
        """Wait until heartbeats are answered again (True) or the partition was revoked (False)."""
        if _only_quiet(delivery):
            self._lanes.health.unavailable("kafka", "heartbeats are not answered")
            with delivery.progress.waiting():
                while _only_quiet(delivery):  # noqa: ASYNC110  # no event for time that passes
                    await asyncio.sleep(DOUBT_POLL_S)
            self._lanes.health.available("kafka")
        return not delivery.revoked

    async def _source(self) -> str:
        return await self._lanes.sources.of(self._tp)

    def _delivery(self, chunk: Chunk, *, source: str) -> Delivery:
        return Delivery(
            topic=chunk.tp.topic,
            partition=chunk.tp.partition,
            records=chunk.records,
            source=source,
            epoch=chunk.epoch,
            span=chunk.span,
            owner=self._flow,
        )


def _only_quiet(delivery: Delivery) -> bool:
    return delivery.doubtful and not delivery.revoked


def serve(
    app: ChunkApp,
    topic: str,
    handler: Handler,
    *,
    settings: Settings,
    sources: Sources,
    health: Health,
) -> Lanes:
    """Send the records of `topic` (its full name) through `handler`; call before `app.start()`."""

    async def crash(error: BaseException) -> None:
        await app.crash(error)

    lanes = Lanes(
        handler,
        flow=lambda: app.consumer,  # type: ignore[arg-type,return-value]  # ours: ChunkConsumer
        sources=sources,
        health=health,
        crash=crash,
        budget_s=settings.chunk_budget_ms / 1000,
        watchdog_s=settings.watchdog_s,
    )
    app.feed(topic, lanes, chunk_records=settings.chunk_records)
    return lanes
