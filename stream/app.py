"""The composition root: the only place that wires the parts of a worker together.

items ───► ItemsAgent ──► items            (Qdrant)
events ──► Commit ──────► users, and recommendations, segments, signals, dead-letters (Kafka)
signals ─► SignalsAgent ► neighbours
           Replica ◄───── items, neighbours
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, TypeVar

import structlog
from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential
from threadpoolctl import threadpool_limits

from stream.agents.items import ItemsAgent
from stream.agents.leader import Leader
from stream.agents.signals import SignalsAgent
from stream.bugs import BugBudget
from stream.commit import Commit, Parts
from stream.encoder.encoder import Encoder
from stream.errors import Misconfigured, Unavailable
from stream.kafka.admin import Admin, ensure_topics, wait_for_broker
from stream.kafka.chunks import ChunkApp, build_app
from stream.kafka.partitions import Handler, serve
from stream.kafka.patience import Patience
from stream.kafka.publisher import Publisher
from stream.kafka.sources import Sources
from stream.lag import LagWatch
from stream.models import model_folder
from stream.render import Renderer
from stream.settings import Settings
from stream.store.collections import Store, open_store
from stream.store.replica import Replica
from stream.store.segment_keeper import SegmentKeeper
from stream.web.health import Health
from stream.web.metrics import Metrics
from stream.web.server import WebServer

log = structlog.get_logger(__name__)

T = TypeVar("T")

BROKER_WAIT_S = 600.0


class Worker:
    """One worker process: `run` starts it, works until told to stop, and ends it cleanly."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.health = Health()
        self.metrics = Metrics()
        self.web = WebServer(
            self.health, self.metrics, bind=settings.web_bind, port=settings.web_port
        )

    async def run(self, stop: asyncio.Event) -> int:
        """Work until `stop` is set; the process's exit code.

        0 after a clean stop, 1 after a crash: then nothing in hand was acknowledged, and what was
        not acknowledged comes again. Raises Misconfigured where something does not fit.
        """
        # Scoring is many small products: BLAS threads that wait for each other beside the encoder's
        # made one 20 times slower on 2 cores.
        with threadpool_limits(1, user_api="blas"):
            return await self._run(stop)

    async def _run(self, stop: asyncio.Event) -> int:
        async with AsyncExitStack() as stack:
            await self.web.start()
            stack.push_async_callback(self.web.stop)
            app, background = await self._wire(stack)
            tasks = [asyncio.create_task(each) for each in background]
            stack.push_async_callback(_cancel, tasks)
            await app.start()
            self.health.started()
            log.info("ready", web=self.web.url, pid=os.getpid())
            failure = await _first(stop, app, tasks)
            self.health.stopping()
            if failure is not None:
                log.error("crashed", reason=repr(failure), exc_info=failure)
                os._exit(1)  # a clean stop would wait for what can no longer be acknowledged
            await app.stop()
            log.info("stopped")
        return 0

    async def _wire(
        self, stack: AsyncExitStack
    ) -> tuple[ChunkApp, list[Coroutine[Any, Any, None]]]:
        settings, tuning = self.settings, self.settings.tuning()
        encoder = await Encoder.open(
            await asyncio.to_thread(model_folder, settings),
            sessions=settings.encoder_sessions,
            batch_tokens=settings.batch_tokens,
            max_tokens=settings.max_tokens,
            cache_bytes=settings.encoder_cache_bytes,
            queue_texts=settings.encoder_queue_texts,
            on_batch=self.metrics.batch,
        )
        stack.push_async_callback(encoder.close)
        await asyncio.to_thread(wait_for_broker, settings, BROKER_WAIT_S)
        await _retried(partial(asyncio.to_thread, ensure_topics, settings))
        store = await self._store(encoder)
        stack.push_async_callback(store.close)
        await self._refuse_empty(store)
        publisher = Publisher(settings)
        await _retried(publisher.start)
        stack.push_async_callback(publisher.stop)
        replica = Replica(
            store,
            dimension=encoder.dimension,
            poll_s=settings.replica_poll_s,
            overlap_s=settings.replica_overlap_s,
        )
        await _retried(replica.refresh)
        self.metrics.watch("catalogue_age_seconds", "Age of the replica", lambda: replica.age_s)
        self.metrics.watch(
            "catalogue_items", "Items in the replica", lambda: len(replica.catalogue)
        )
        renderer = Renderer(settings, encoder=encoder.manifest.hash)
        patience = Patience(self.health)
        bugs = BugBudget(store.meta, settings.max_bug_records_per_hour)
        keeper = SegmentKeeper(store)
        leader = Leader(
            settings,
            tuning,
            store=store,
            catalogue=lambda: replica.catalogue,
            publisher=publisher,
            renderer=renderer,
        )
        commit = Commit(
            settings,
            tuning,
            Parts(
                encoder=encoder,
                users=store.users,
                items=store.items,
                publisher=publisher,
                patience=patience,
                renderer=renderer,
                bugs=bugs,
                catalogue=lambda: replica.catalogue,
                segments=lambda: keeper.model,
            ),
            on_done=partial(self.metrics.done, "events"),
        )
        items = ItemsAgent(
            settings,
            encoder=encoder,
            items=store.items,
            publisher=publisher,
            patience=patience,
            bugs=bugs,
            on_done=partial(self.metrics.done, "items"),
        )
        signals = SignalsAgent(
            settings,
            neighbours=store.neighbours,
            publisher=publisher,
            patience=patience,
            bugs=bugs,
            on_done=partial(self.metrics.done, "signals"),
            half_life_s=tuning.hotness_half_life_s,
        )
        app = build_app(settings)
        sources = Sources(settings)
        handlers: dict[str, Handler] = {"events": commit, "items": items, "signals": signals}
        for topic, handler in handlers.items():
            serve(
                app,
                settings.topic(topic),
                handler,
                settings=settings,
                sources=sources,
                health=self.health,
            )
        app.before_leaving(signals.flush)
        lag = LagWatch(app, settings, self.metrics)
        background = [replica.run(), keeper.run(), leader.run(), signals.run(), lag.run()]
        return app, background

    async def _store(self, encoder: Encoder) -> Store:
        opening = partial(
            open_store,
            self.settings,
            dimension=encoder.dimension,
            encoder_hash=encoder.manifest.hash,
        )
        return await _retried(opening)

    async def _refuse_empty(self, store: Store) -> None:
        """Old offsets on an empty store would skip what the store has lost."""
        if self.settings.accept_empty or await store.users.count():
            return
        events = self.settings.topic("events")

        def committed() -> int:
            with Admin(self.settings) as admin:
                offsets = admin.committed(self.settings.namespace)
            return sum(offset for tp, offset in offsets.items() if tp.topic == events)

        # a broker just started still makes the topic that holds the offsets
        done = await _retried(partial(asyncio.to_thread, committed))
        if done:
            raise Misconfigured(
                f"no user is stored, but the group has acknowledged {done} records of {events}: "
                "restore the store or reset the group's offsets; if the profiles are really to "
                "start from nothing, pass --accept-empty (INTERESTREAM_ACCEPT_EMPTY=true)"
            )


async def _retried(step: Callable[[], Awaitable[T]]) -> T:
    """The result of `step`, tried again while a part is away: a worker may start first."""

    def tell(state: Any) -> None:
        log.warning("waiting", reason=str(state.outcome.exception()))

    retrying = AsyncRetrying(
        retry=retry_if_exception_type(Unavailable),
        wait=wait_random_exponential(multiplier=0.1, max=5),
        before_sleep=tell,
    )
    return await retrying(step)


async def _first(
    stop: asyncio.Event, app: ChunkApp, tasks: list[asyncio.Task[None]]
) -> BaseException | None:
    """Wait for the end: None when told to stop, else what crashed."""
    stopping = asyncio.create_task(stop.wait())
    failing = asyncio.create_task(app.wait_failed())
    done, _ = await asyncio.wait([stopping, failing, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for waiting in (stopping, failing):
        waiting.cancel()
    if stopping in done:
        return None
    if failing in done:
        return failing.result()
    (ended, *_) = done
    return ended.exception() or RuntimeError(f"{ended.get_name()} ended by itself")


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
