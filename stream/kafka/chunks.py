"""A Faust app whose agents receive chunks: consecutive records of one partition, as one event."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import faust
import structlog
from faust.exceptions import ImproperlyConfigured
from faust.transport.drivers import aiokafka as driver

from stream.kafka.consumer import ChunkConsumer
from stream.kafka.deliveries import Chunk, TopicPartition
from stream.kafka.security import faust_credentials, servers
from stream.kafka.topics import record_limit
from stream.settings import Settings

log = structlog.get_logger(__name__)

# Waiting out an outage downstream must not make a worker leave the group; hanging is what the
# watchdog is for.
MAX_POLL_INTERVAL_S = 6 * 3600.0
# How long an answer may take before the connection is made anew: Faust's 90 s is how long a worker
# would wait on one that was dropped without a word. A longer rebalance is asked for again.
REQUEST_S = 20.0
# Partitions that are added, or a topic that is made again, are read so late at most: Kafka's own
# five minutes is how long their events would wait.
METADATA_MS = 10_000
LEAVE_GRACE_S = 5.0  # after the drain: commit and leave the group


class ChunkTopic(faust.Topic):
    """A topic delivered in chunks of at most `chunk_records`; keys and values stay bytes."""

    def __init__(self, app: Any, *, chunk_records: int, **kwargs: Any) -> None:
        self.chunk_records = chunk_records
        super().__init__(app, **kwargs)
        if self.pattern:
            raise ImproperlyConfigured("a chunked topic needs a name, not a pattern")

    def _clone_args(self) -> Any:
        """Faust clones the topic for each agent: the clone has to know the size as well."""
        return {**super()._clone_args(), "chunk_records": self.chunk_records}

    def _compile_decode(self) -> None:
        """The stock decoder takes bytes; a chunk goes to the agent as it is."""
        create_event = self.app.create_event

        async def decode(message: Any, *, propagate: bool = False) -> Any:
            return create_event(None, message.value, None, message)

        self.decode = decode  # type: ignore[method-assign]  # Faust compiles it per topic


class ChunkTransport(driver.Transport):
    Consumer = ChunkConsumer


class Sink(Protocol):
    """Takes the chunks of one agent: see stream.kafka.partitions.Lanes."""

    @property
    def held(self) -> int: ...
    def hand_over(self, chunk: Chunk) -> None: ...
    def assigned(self, tps: frozenset[TopicPartition]) -> None: ...
    def revoked(self, tps: frozenset[TopicPartition]) -> None: ...
    async def drain(self) -> None: ...
    async def close(self) -> None: ...


class ChunkApp(faust.App):
    """A Faust app of chunked agents, run by `start()` and `stop()` inside a loop of ours."""

    fetch_max_wait_ms: int = 500
    #: Seconds for the chunks in hand on the way out; the process ends `LEAVE_GRACE_S` later.
    shutdown_s: float = 15.0
    #: Called, in another thread, when stop() does not end; replaced in tests.
    exit_hard: Callable[[int], Any] = staticmethod(os._exit)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._sinks: list[Sink] = []
        self._before_leaving: list[Callable[[], Awaitable[None]]] = []
        self._sizes: dict[str, int] = {}
        self._failure: BaseException | None = None
        self._failed = asyncio.Event()
        #: How often the group gave this worker its partitions: more than once means a rebalance.
        self.assignments = 0
        super().__init__(*args, **kwargs)

    # --- wiring

    def feed(self, topic: str, sink: Sink, *, chunk_records: int) -> None:
        """Send the chunks of `topic` to `sink`; call before `start()`. One sink a topic."""
        if topic in self._sizes:
            raise ImproperlyConfigured(f"{topic} has an agent already")
        self._sizes[topic] = chunk_records
        self._sinks.append(sink)
        source = ChunkTopic(self, topics=[topic], chunk_records=chunk_records)

        async def dispatch(stream: Any) -> None:
            stream.enable_acks = False
            async for event in stream.events():
                sink.hand_over(event.value)
            await asyncio.Event().wait()  # a loop that ends is restarted over the same records

        self.agent(source, name=f"chunks-of-{topic}")(dispatch)

    def before_leaving(self, step: Callable[[], Awaitable[None]]) -> None:
        """Run `step` in `stop()`: chunks in hand are done and can still be acknowledged."""
        self._before_leaving.append(step)

    @property
    def held(self) -> int:
        """Records that were fetched and are not done with; back-pressure bounds them."""
        return sum(sink.held for sink in self._sinks)

    # --- what the consumer tells

    def chunk_sizes(self) -> dict[str, int]:
        return self._sizes

    def assigned(self, tps: frozenset[TopicPartition]) -> None:
        self.assignments += 1
        for sink in self._sinks:
            sink.assigned(tps)

    def revoked(self, tps: frozenset[TopicPartition]) -> None:
        for sink in self._sinks:
            sink.revoked(tps)

    # --- life

    async def wait_failed(self) -> BaseException:
        """Return what crashed the app; the process then exits with 1, without a clean stop."""
        await self._failed.wait()
        assert self._failure is not None
        return self._failure

    def _crash(self, reason: BaseException) -> None:
        """Nothing exits on a crash outside Faust's own Worker; called from its threads as well."""
        super()._crash(reason)
        if self._failure is None:
            self._failure = reason
            self.loop.call_soon_threadsafe(self._failed.set)

    async def stop(self) -> None:
        """Finish the chunks in hand, commit, leave the group.

        While the broker is away the commit never ends: the process exits hard then, with 1. What
        was not committed is delivered again.
        """
        timer = threading.Timer(self.shutdown_s + LEAVE_GRACE_S, self.exit_hard, (1,))
        timer.daemon = True
        timer.start()
        try:
            await self._finish_chunks()
            await super().stop()
        finally:
            timer.cancel()

    async def _finish_chunks(self) -> None:
        try:
            if self.should_stop:
                return
            self.consumer.stop_flow()
            async with asyncio.timeout(self.shutdown_s):
                await asyncio.gather(*(sink.drain() for sink in self._sinks))
                for step in self._before_leaving:
                    await step()
        except TimeoutError:
            log.warning("chunks in hand were not finished in time", shutdown_s=self.shutdown_s)
        finally:
            await asyncio.gather(*(sink.close() for sink in self._sinks))

    def _create_directories(self) -> None:
        """There are no tables: stock Faust would leave empty folders where it was started."""

    def _new_transport(self) -> Any:
        """The only way in for another consumer class: the transport is chosen by URL scheme."""
        return ChunkTransport(self.conf.broker_consumer, self)


def build_app(settings: Settings) -> ChunkApp:
    """The app of one worker, without agents: `serve` adds them. Its group is the namespace."""
    app = ChunkApp(
        settings.namespace,
        broker=";".join(f"kafka://{server}" for server in servers(settings)),
        broker_credentials=faust_credentials(settings),
        broker_session_timeout=settings.session_timeout_s,
        broker_request_timeout=max(REQUEST_S, settings.session_timeout_s),
        broker_heartbeat_interval=settings.heartbeat_interval_s,
        broker_commit_interval=0.5,
        broker_max_poll_interval=MAX_POLL_INTERVAL_S,
        broker_max_poll_records=4 * settings.chunk_records,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=record_limit(settings),
        consumer_metadata_max_age_ms=METADATA_MS,
        stream_wait_empty=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=settings.topic_partitions,
        web_enabled=False,
    )
    app.fetch_max_wait_ms = settings.fetch_max_wait_ms
    app.shutdown_s = settings.shutdown_s
    return app
