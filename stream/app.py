"""The composition root: the only place that wires the parts of a worker together.

items ───► ItemsAgent ──► items            (Qdrant)
events ──► Commit ──────► users, and recommendations, segments, signals, dead-letters (Kafka)
signals ─► SignalsAgent ► neighbours
           Replica ◄───── items, neighbours
           Reads ◄─────── users, and the replica (HTTP)
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import structlog
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    wait_random_exponential,
)
from threadpoolctl import threadpool_limits

from stream.agents.items import ItemsAgent
from stream.agents.leader import Leader
from stream.agents.signals import SignalsAgent
from stream.bugs import BugBudget
from stream.commit import Commit, Parts
from stream.core.sentences import DEFAULT_LANG
from stream.encoder.encoder import Encoder
from stream.errors import Misconfigured, Unavailable
from stream.kafka.admin import Admin, ensure_topics, partitions_of, wait_for_broker
from stream.kafka.chunks import ChunkApp, build_app
from stream.kafka.dead_letters import letters_of
from stream.kafka.partitions import Handler, serve
from stream.kafka.patience import Patience
from stream.kafka.publisher import Publisher
from stream.kafka.sources import Sources
from stream.lag import LagWatch
from stream.models import model_folder, open_encoder
from stream.reads.reads import ReadFrom, Reads
from stream.reembed.leaving import Leaving
from stream.render import Renderer
from stream.sentiment import Sentiment, open_sentiment
from stream.sequence import InForce, open_parts
from stream.settings import Settings
from stream.store.candidates import Candidates
from stream.store.collections import Store, open_store
from stream.store.moves import EncoderId
from stream.store.replica import Replica
from stream.store.segment_keeper import SegmentKeeper
from stream.store.shelf import Shelf
from stream.web.api import Api
from stream.web.health import Health
from stream.web.metrics import Metrics
from stream.web.server import WebServer

log = structlog.get_logger(__name__)

T = TypeVar("T")

BROKER_WAIT_S = 2.0  # a try; a thread cannot be interrupted, and a stop should not wait long


@dataclass(frozen=True, slots=True)
class Tools:
    """What a worker works with, open and connected."""

    encoder: Encoder
    sentiment: Sentiment
    store: Store
    publisher: Publisher
    replica: Replica
    candidates: Candidates
    in_force: InForce
    keeper: SegmentKeeper
    patience: Patience
    bugs: BugBudget
    renderer: Renderer


class Worker:
    """One worker process: `run` starts it, works until told to stop, and ends it cleanly."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.health = Health()
        self.metrics = Metrics()
        self.api = Api(at_once=settings.web_reads_at_once)
        self.web = WebServer(
            self.health, self.metrics, self.api, bind=settings.web_bind, port=settings.web_port
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
            tools = await _unless(stop, self._open(stack))
            if tools is None:
                log.info("stopped before it was ready")
                return 0
            return await self._serve(tools, stop, stack)

    async def _serve(self, tools: Tools, stop: asyncio.Event, stack: AsyncExitStack) -> int:
        signals = self._signals(tools)
        app = self._app({"events": self._commit(tools), "items": self._items(tools)}, signals)
        lag = LagWatch(app, self.settings, self.metrics)
        self._watch_flow(app)
        leader = self._leader(tools)
        text = "Version of the segment model that waits for accept or reject, 0: none; the leader's"
        self.metrics.watch("segments_held_version", text, lambda: leader.held)
        ours = EncoderId(tools.encoder.manifest.hash, tools.encoder.dimension)
        leaving = Leaving(tools.store.meta, ours, stop)
        loops = (
            *(tools.replica, tools.keeper, tools.in_force, leader),
            *(signals, lag, leaving),
        )
        tasks = [asyncio.create_task(each.run(), name=type(each).__name__) for each in loops]
        stack.push_async_callback(_cancel, tasks)
        await app.start()
        self.api.reads = self._reads(tools)
        self.health.started()
        log.info("ready", web=self.web.url, pid=os.getpid())
        failure = await _first(stop, app, tasks)
        self.health.stopping()
        self.api.reads = None
        if failure is not None:
            log.error("crashed", reason=repr(failure), exc_info=failure)
            os._exit(1)  # a clean stop would wait for what can no longer be acknowledged
        await app.stop()
        log.info("stopped")
        return 0

    async def _open(self, stack: AsyncExitStack) -> Tools:
        """Load the model and connect to everything; what is away is waited for."""
        settings = self.settings
        folder = await asyncio.to_thread(model_folder, settings)
        encoder = await open_encoder(settings, folder=folder, on_batch=self.metrics.batch)
        stack.push_async_callback(encoder.close)
        self._show(encoder)
        in_force = await open_parts(settings)
        sentiment = await open_sentiment(settings, encoder.manifest, folder)
        await self._patiently(wait_for_broker, settings, BROKER_WAIT_S)
        await self._patiently(ensure_topics, settings)
        store = await self._store(encoder)
        stack.push_async_callback(store.close)
        await self._refuse_empty(store)
        publisher = Publisher(settings)
        await self._retried(publisher.start)
        stack.push_async_callback(publisher.stop)
        shelf = Shelf(store.items, store.neighbours, size=settings.catalogue_cache_items)
        replica = Replica(
            store,
            dimension=encoder.dimension,
            poll_s=settings.replica_poll_s,
            overlap_s=settings.replica_overlap_s,
            max_items=settings.catalogue_max_items,
            shelf=shelf,
        )
        await self._retried(replica.refresh)
        candidates = Candidates(
            lambda: replica.catalogue, store.items, shelf, settings.tuning(), in_force.parts
        )
        await asyncio.to_thread(candidates.warm)
        self._watch(encoder, replica)
        return Tools(
            encoder=encoder,
            sentiment=sentiment,
            store=store,
            publisher=publisher,
            replica=replica,
            candidates=candidates,
            in_force=in_force,
            keeper=SegmentKeeper(store),
            patience=Patience(self.health),
            bugs=BugBudget(store.meta, settings.max_bug_records_per_hour),
            renderer=Renderer(
                settings,
                encoder=encoder.manifest.hash,
                signal_partitions=await self._patiently(partitions_of, settings, "signals"),
                parts=in_force.parts,
            ),
        )

    def _show(self, encoder: Encoder) -> None:
        runs, model = encoder.provider, encoder.manifest.name
        self.metrics.encoder(runs.name, runs.precision, model)
        log.info("encoder", provider=str(runs), model=model)

    def _watch(self, encoder: Encoder, replica: Replica) -> None:
        watch = self.metrics.watch
        watch("catalogue_age_seconds", "Age of the replica", lambda: replica.age_s)
        watch("catalogue_items", "Items in the replica", lambda: len(replica.catalogue))
        watch("encoder_cache_hits", "Texts known, since start", lambda: encoder.counts.cache_hits)
        watch("encoder_cache_misses", "Texts encoded", lambda: encoder.counts.cache_misses)
        watch("encoder_cut_texts", "Texts cut at max tokens", lambda: encoder.counts.cut_texts)
        watch("encoder_waiting_texts", "Texts that no session has begun", lambda: encoder.waits)

    def _watch_flow(self, app: ChunkApp) -> None:
        watch = self.metrics.watch
        watch("held_records", "Records fetched and not done with", lambda: app.held)
        watch("assignments", "Times that the group gave it partitions", lambda: app.assignments)
        watch("asyncio_tasks", "Tasks of the event loop", lambda: len(asyncio.all_tasks()))

    def _commit(self, tools: Tools) -> Commit:
        parts = Parts(
            encoder=tools.encoder,
            sentiment=tools.sentiment,
            users=tools.store.users,
            publisher=tools.publisher,
            patience=tools.patience,
            renderer=tools.renderer,
            bugs=tools.bugs,
            catalogue=lambda: tools.replica.catalogue,
            candidates=tools.candidates,
            segments=lambda: tools.keeper.model,
            scored_by=tools.in_force.parts,
        )
        on_done = partial(self.metrics.done, "events")
        return Commit(self.settings, self.settings.tuning(), parts, on_done)

    def _reads(self, tools: Tools) -> Reads:
        sources = ReadFrom(
            users=tools.store.users,
            items=tools.store.items,
            catalogue=lambda: tools.replica.catalogue,
            candidates=tools.candidates,
            segments=lambda: tools.keeper.model,
            scored_by=tools.in_force.parts,
        )
        lang = next(iter(self.settings.why_langs), DEFAULT_LANG)
        return Reads(sources, self.settings.tuning(), lang=lang)

    def _items(self, tools: Tools) -> ItemsAgent:
        return ItemsAgent(
            self.settings,
            encoder=tools.encoder,
            items=tools.store.items,
            publisher=tools.publisher,
            patience=tools.patience,
            bugs=tools.bugs,
            on_done=partial(self.metrics.done, "items"),
            encoder_quiet_s=lambda: tools.encoder.quiet_s,
        )

    def _signals(self, tools: Tools) -> SignalsAgent:
        return SignalsAgent(
            self.settings,
            neighbours=tools.store.neighbours,
            publisher=tools.publisher,
            patience=tools.patience,
            bugs=tools.bugs,
            on_done=partial(self.metrics.done, "signals"),
            tuning=self.settings.tuning(),
        )

    def _leader(self, tools: Tools) -> Leader:
        return Leader(
            self.settings,
            self.settings.tuning(),
            store=tools.store,
            catalogue=lambda: tools.replica.catalogue,
            nearest=tools.candidates.nearest,
            publisher=tools.publisher,
            renderer=tools.renderer,
            letters=partial(letters_of, self.settings),
        )

    def _app(self, handlers: dict[str, Handler], signals: SignalsAgent) -> ChunkApp:
        app = build_app(self.settings)
        sources = Sources(self.settings)
        for topic, handler in {**handlers, "signals": signals}.items():
            serve(
                app,
                self.settings.topic(topic),
                handler,
                settings=self.settings,
                sources=sources,
                health=self.health,
            )
        app.before_leaving(signals.flush)
        return app

    async def _store(self, encoder: Encoder) -> Store:
        opening = partial(
            open_store,
            self.settings,
            dimension=encoder.dimension,
            encoder_hash=encoder.manifest.hash,
        )
        return await self._retried(opening)

    async def _patiently(self, step: Callable[..., T], *given: Any) -> T:
        """The result of a blocking `step`, run in a thread and tried again while a part is away."""
        return await self._retried(partial(asyncio.to_thread, step, *given))

    async def _retried(self, step: Callable[[], Awaitable[T]]) -> T:
        """The result of `step`, tried again while a part is away: a worker may start first.

        step  a coroutine function or a partial of one; tenacity does not see through a lambda
        """

        def tell(state: RetryCallState) -> None:
            reason = str(state.outcome.exception()) if state.outcome else ""
            self.health.waits(reason)
            log.warning("waiting", reason=reason)

        retrying = AsyncRetrying(
            retry=retry_if_exception_type(Unavailable),
            wait=wait_random_exponential(multiplier=0.1, max=1),
            before_sleep=tell,
        )
        return await retrying(step)

    async def _refuse_empty(self, store: Store) -> None:
        """Old offsets on an empty store would skip what the store has lost."""
        if self.settings.accept_empty:
            return
        if await self._retried(store.users.count):
            return
        events = self.settings.topic("events")

        def committed() -> int:
            with Admin(self.settings) as admin:
                offsets = admin.committed(self.settings.namespace)
            return sum(offset for tp, offset in offsets.items() if tp.topic == events)

        # a broker just started still makes the topic that holds the offsets
        done = await self._patiently(committed)
        if done:
            raise Misconfigured(
                f"no user is stored, but the group has acknowledged {done} records of {events}: "
                "restore the store or reset the group's offsets; if the profiles are really to "
                "start from nothing, pass --accept-empty (INTERESTREAM_ACCEPT_EMPTY=true)"
            )


async def _unless(stop: asyncio.Event, step: Coroutine[Any, Any, T]) -> T | None:
    """The result of `step`; None, and `step` cancelled, where the stop comes first."""
    starting, stopping = asyncio.create_task(step), asyncio.create_task(stop.wait())
    await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if starting.done():
        return starting.result()
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    return None


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
