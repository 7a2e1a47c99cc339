"""Faust's consumer, changed to deliver chunks and to commit what was acknowledged by chunk.

Groups, rebalances, flow control, the commit loop and sensors are stock Faust. Every override of a
private hook says why it is there; the hooks are those of faust-streaming 0.15.3, hence the pin.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import structlog
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from stream.kafka.deliveries import Chunk, TopicPartition
from stream.kafka.fetch_wait import Fetched, FetchWait
from stream.kafka.spans import Spans

if TYPE_CHECKING:
    from stream.kafka.chunks import ChunkApp

log = structlog.get_logger(__name__)

FULL_POLL_S = 0.02  # while one partition is full the others are polled this briefly: see _getmany


class HeartbeatThread(driver.AIOKafkaConsumerThread):
    """The thread that fetches and sends heartbeats; remembers when one was last answered."""

    app: ChunkApp

    def __post_init__(self) -> None:
        super().__post_init__()
        self.confirmed_at = time.monotonic()
        self._fetch_wait = FetchWait(self.app.fetch_max_wait_ms)

    def _create_worker_consumer(self, transport: Any) -> Any:
        """Faust fixes the fetch wait at 1500 ms, which Tansu waits out even when data comes, and
        leaves the size of a fetch at 50 MB: Tansu does not go by that of a partition's share."""
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = self._fetch_wait.ms
        consumer._fetch_max_bytes = self.app.conf.consumer_max_fetch_size
        return consumer

    async def on_start(self) -> None:
        await super().on_start()
        coordinator: Any = self._ensure_consumer()._coordinator
        if hasattr(coordinator, "_do_heartbeat"):
            coordinator._do_heartbeat = self._noting(coordinator._do_heartbeat)

    def _noting(self, stock: Callable[[], Awaitable[bool]]) -> Callable[[], Awaitable[bool]]:
        """aiokafka keeps the time of its last good heartbeat in a local variable of its loop."""

        async def heartbeat() -> bool:
            # The time of sending: an answer may have lain in the socket of a stopped process.
            sent_at = time.monotonic()
            answered = await stock()
            if answered:
                self.confirmed_at = sent_at
            return answered

        return heartbeat

    def fetched(self, wanted: set[TP], came: Mapping[TP, Sequence[Any]]) -> None:
        """Take note of a fetch of the wanted partitions, for how long the next one may wait."""
        consumer: Any = self._ensure_consumer()
        owned = consumer._subscription.subscription
        if owned is None or owned.assignment is None:
            return
        found = {}
        for tp in wanted:
            state = owned.assignment.state_value(tp)
            if state is not None and state.has_valid_position and state.highwater is not None:
                records = len(came.get(tp, ()))
                found[TopicPartition(*tp)] = Fetched(records, state.position, state.highwater)
        before = self._fetch_wait.ms
        self._fetch_wait.after(found, time.monotonic())
        if self._fetch_wait.ms != before:
            consumer._fetcher._fetch_max_wait_ms = self._fetch_wait.ms
            log.info("fetches wait for another time", before_ms=before, ms=self._fetch_wait.ms)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Joining the group is as good as a heartbeat."""
        self.confirmed_at = time.monotonic()
        await super().on_partitions_assigned(assigned, generation_id)


class ChunkConsumer(driver.Consumer):
    """Delivers `Chunk`s, knows which partitions are its own, and commits acknowledged prefixes."""

    app: ChunkApp
    _thread: HeartbeatThread

    def __init__(
        self, transport: Any, callback: Callable[[Any], Awaitable[None]], *args: Any, **kwargs: Any
    ) -> None:
        self._spans: defaultdict[TopicPartition, Spans] = defaultdict(Spans)
        self._epochs: dict[TopicPartition, int] = {}
        self._epochs_given = 0
        self._full: set[TopicPartition] = set()
        self._room = asyncio.Event()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._deliver = callback
        super().__init__(transport, self._on_message, *args, **kwargs)

    def _new_consumer_thread(self) -> HeartbeatThread:
        return HeartbeatThread(self, loop=self.loop, beacon=self.beacon)

    # --- what a delivery asks its owner

    @property
    def session_timeout_s(self) -> float:
        return float(self.app.conf.broker_session_timeout)

    def epoch(self, tp: TopicPartition) -> int | None:
        return self._epochs.get(tp)

    def quiet_s(self) -> float:
        return time.monotonic() - self._thread.confirmed_at

    # --- back-pressure, by partition

    def hold_back(self, tp: TopicPartition) -> None:
        """Fetch nothing more of `tp` until `let_through`."""
        self._full.add(tp)

    def let_through(self, tp: TopicPartition) -> None:
        self._full.discard(tp)
        self._room.set()

    # --- fetching: lists of records become lists of chunks

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:
        """Cut what was fetched into chunks; leave full partitions out.

        Stock back-pressure sleeps for a second when every partition is full, and polls the others
        for a second when some are: a slow handler would run dry.
        """
        wanted = {tp for tp in active_partitions or () if TopicPartition(*tp) not in self._full}
        if not wanted:
            await self._wait_for_room(timeout)
            return {}
        fetched = await super()._getmany(wanted, FULL_POLL_S if self._full else timeout)
        self._thread.fetched(wanted, fetched or {})
        if not fetched:
            return fetched
        sizes = self.app.chunk_sizes()
        return {
            tp: self._chunks(tp, records, sizes[tp.topic]) if tp.topic in sizes else records
            for tp, records in fetched.items()
        }

    async def _wait_for_room(self, timeout: float) -> None:
        self._room.clear()
        try:
            await asyncio.wait_for(self._room.wait(), timeout)
        except TimeoutError:
            return

    def _chunks(self, tp: TP, records: list[Any], size: int) -> list[Chunk]:
        own = TopicPartition(tp.topic, tp.partition)
        if records[0].offset < (self._committed_offset[tp] or 0):
            self._begin_again(tp, records[0].offset)
        return [Chunk(own, records[i : i + size]) for i in range(0, len(records), size)]

    def _begin_again(self, tp: TP, offset: int) -> None:
        """Offsets below the committed one mean that the topic was made again or truncated.

        Stock Faust would drop the records until the old offsets are passed.
        """
        log.warning("offsets went back", topic=tp.topic, partition=tp.partition, offset=offset)
        self._read_offset[tp] = None
        self._committed_offset[tp] = None
        self._spans.pop(TopicPartition(tp.topic, tp.partition), None)

    def _to_message(self, tp: TP, record: Any) -> Any:
        """One message a chunk; its offset is that of the last record."""
        if type(record) is not Chunk:
            return super()._to_message(tp, record)
        message = super()._to_message(tp, record.records[-1])
        message.key, message.headers = None, None
        message.value = record  # type: ignore[assignment]  # carried through to the agent as it is
        return message

    async def _on_message(self, message: Any) -> None:
        if type(message.value) is Chunk:
            # Between perform_seek() and resume_flow() the queues are emptied: what is put there is
            # lost until the next restart.
            await self._flowing.wait()
            chunk = message.value
            epoch = self._epochs.get(chunk.tp)
            if epoch is None or message.generation_id != self.app.consumer_generation_id:
                return  # fetched before a rebalance: it is fetched again by whoever owns it now
            chunk.epoch = epoch
            self._spans[chunk.tp].deliver(chunk.span)
        await self._deliver(message)

    async def perform_seek(self) -> None:
        self._flowing.clear()
        await super().perform_seek()

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Stock aiokafka leaves a partition of which nothing was committed where it is: what was
        fetched and thrown away before, as amid a rebalance, would never come again."""
        committed = await super().seek_to_committed()
        if fresh := [tp for tp, offset in committed.items() if not offset]:
            await self._thread.seek_to_beginning(*fresh)
        return committed

    def resume_flow(self) -> None:
        super().resume_flow()
        self._flowing.set()

    # --- committing: the longest acknowledged prefix of delivered spans

    def ack(self, message: Any) -> bool:
        """Only `Delivery.ack` acknowledges a chunk.

        Stock Faust acknowledges in many places, among them every way out of an agent's loop.
        """
        if type(message.value) is Chunk:
            message.acked = True
            self._unacked_messages.discard(message)
            return False
        return super().ack(message)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Spans already cover holes in the offsets; seen as a gap, a chunk stalls the commit."""
        if tp.topic not in self.app.chunk_sizes():
            await super()._add_gap(tp, offset_from, offset_to)

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        yield from super()._filter_tps_with_pending_acks(topics)
        for tp in self._spans:
            if topics is None or tp in topics or tp.topic in topics:
                yield TP(tp.topic, tp.partition)

    def _new_offset(self, tp: TP) -> int | None:
        if tp.topic not in self.app.chunk_sizes():
            return super()._new_offset(tp)
        return self._spans[TopicPartition(tp.topic, tp.partition)].committable()

    # --- whose partitions they are

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Commit before giving up: stock Faust drops acknowledgements not yet committed here."""
        await self.commit()
        self._forget(revoked)
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self._epochs_given += 1
        self._epochs = {TopicPartition(*tp): self._epochs_given for tp in assigned}
        self.app.assigned(frozenset(self._epochs))
        await super().on_partitions_assigned(assigned, generation_id)

    async def on_stop(self) -> None:
        await super().on_stop()
        self._forget({TP(*tp) for tp in self._epochs})

    def _forget(self, revoked: set[TP]) -> None:
        gone = frozenset(TopicPartition(tp.topic, tp.partition) for tp in revoked)
        for tp in gone:
            self._epochs.pop(tp, None)
            self._spans.pop(tp, None)
            self._full.discard(tp)
        self._room.set()
        self.app.revoked(gone)
