"""The demo: films and ratings in, recommendations out, on this machine, from one command.

1. history  all ratings but the last ones at full speed, for throughput
2. live     the last ones at a rate, for latency and for how good the lists are
"""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from stream.commands.segments import Overview, overview
from stream.demo import movielens, observe
from stream.demo.audience import Audience
from stream.demo.observe import Counters
from stream.demo.plan import Plan, event_id, plan
from stream.demo.producer import Producer
from stream.demo.score import Quality, moments, quality
from stream.embedded.archives import model_dir, movielens_dir
from stream.embedded.stack import Stack
from stream.errors import Failed
from stream.settings import load

SETTLE_S = 300.0
POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Options:
    """events, live: numbers of ratings; rate: live ratings a second."""

    events: int = 100_000
    live: int = 5000
    rate: float = 200.0
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the demo measured. Times in seconds; latencies from sending to arrival, seconds.

    segments  as they are at the end
    """

    plan: Plan
    films: list[movielens.Film]
    audience: Audience
    counters: Counters
    sent: int
    first_list_s: float
    items_s: float
    history_s: float
    history_events: int
    history_updates: int
    live_s: float
    latencies_s: list[float]
    quality: Quality | None
    segments: Overview


def run(
    options: Options, console: Console, data_dir: Path, finished: Callable[[Outcome], None]
) -> None:
    """Run the demo and tell `finished` what it measured; with `keep` it then stays until Ctrl-C.

    Raises Failed where the worker dies or stops making progress.
    """
    started = time.time()
    cache_dir = load().cache_dir.resolve()
    console.print(
        "[bold]interestream demo[/] · fetching model and data where they are not here yet"
    )
    models = load().model_dir or model_dir(cache_dir)
    folder = movielens_dir(cache_dir)
    films = movielens.films(folder)
    ratings = movielens.ratings(folder)[: options.events]
    extra = {
        "INTERESTREAM_MODEL_DIR": str(models),
        "INTERESTREAM_NAMESPACE": "demo",
        "INTERESTREAM_SEGMENTS_REFIT_S": "30",  # the first fit knows the first users alone
        "INTERESTREAM_SIGNALS_FLUSH_S": "1",
    }
    with Stack(data_dir, extra=extra) as stack:
        stack.start_worker()
        settings = stack.settings()
        console.print(
            f"broker {stack.broker.url} · store {stack.store.http_url} · "
            f"worker http://127.0.0.1:{stack.web_port} · logs {data_dir / 'logs'}"
        )
        audience = Audience(settings)
        audience.start()
        todo = plan(ratings, live=options.live, now=time.time())
        with _progress(console) as progress:
            outcome = _play(todo, films, options, stack, audience, progress, started)
        audience.stop()
        finished(outcome)
        if options.keep:
            keep(stack, console)


def _play(
    todo: Plan,
    films: list[movielens.Film],
    options: Options,
    stack: Stack,
    audience: Audience,
    progress: Progress,
    started: float,
) -> Outcome:
    def counters() -> Counters:
        try:
            return observe.read(stack.web_port)
        except OSError as error:
            raise Failed(f"the worker does not answer{stack.worker_tail()}") from error

    producer = Producer(stack.settings(), lambda: counters().events)
    items_started = time.time()
    task = progress.add_task("items", total=len(films))
    producer.items(films)
    _until(
        lambda: counters().items, len(films), stack, lambda n: progress.update(task, completed=n)
    )
    items_s = time.time() - items_started

    history_started = time.time()
    task = progress.add_task("history", total=len(todo.history))
    told = partial(_advance, progress, task)
    producer.burst(todo.history, told)
    _until(lambda: counters().events, producer.sent, stack, told)
    history_s = time.time() - history_started
    after_history = counters()

    live_started = time.time()
    task = progress.add_task("live", total=len(todo.live))
    producer.paced(todo.live, options.rate, lambda n: progress.update(task, completed=n))
    _until(lambda: counters().events, producer.sent, stack, lambda n: None)
    progress.update(task, completed=len(todo.live))
    live_s = time.time() - live_started
    producer.close()
    last = counters()
    _until(lambda: len(audience.received), last.lists, stack, lambda n: None)

    first_live = len(todo.ratings) - len(todo.live)
    received = list(audience.received.values())
    return Outcome(
        plan=todo,
        films=films,
        audience=audience,
        counters=last,
        sent=producer.sent,
        first_list_s=min((one.at for one in received), default=time.time()) - started,
        items_s=items_s,
        history_s=history_s,
        history_events=after_history.events,
        history_updates=after_history.user_updates,
        live_s=live_s,
        latencies_s=_latencies(audience, producer, first_live, len(todo.ratings)),
        quality=quality(moments(received, todo.ratings, first_live), todo.ratings),
        segments=asyncio.run(overview(stack.settings())),
    )


def _advance(progress: Progress, task: TaskID, completed: int) -> None:
    progress.update(task, completed=completed)


def _latencies(audience: Audience, producer: Producer, first: int, end: int) -> list[float]:
    """From sending a live rating to the arrival of the list it caused, as an outsider sees it."""
    places = {event_id(place): place for place in range(first, end)}
    found = []
    for one in audience.received.values():
        causes = [places[cause] for cause in one.message.caused_by if cause in places]
        if causes:
            found.append(one.at - producer.sent_at[max(causes)])
    return found


def percentiles_ms(latencies_s: list[float]) -> dict[str, float]:
    """p50 and p99 in milliseconds; empty where nothing was measured."""
    if not latencies_s:
        return {}
    p50, p99 = np.percentile(latencies_s, [50, 99]) * 1000
    return {"p50": round(float(p50), 1), "p99": round(float(p99), 1)}


def _until(
    value: Callable[[], int], wanted: int, stack: Stack, told: Callable[[int], object]
) -> None:
    """Wait until `value()` reaches `wanted`; an end without progress is an error, not a wait."""
    moved, before = time.monotonic(), -1
    while (now := value()) < wanted:
        told(now)
        if not stack.worker_running:
            raise Failed(f"the worker ended{stack.worker_tail()}")
        if now != before:
            moved, before = time.monotonic(), now
        if time.monotonic() - moved > SETTLE_S:
            raise Failed(
                f"no progress for {SETTLE_S:.0f} s at {now} of {wanted}{stack.worker_tail()}"
            )
        time.sleep(POLL_S)
    told(now)


def keep(stack: Stack, console: Console) -> None:
    """Stay up until Ctrl-C, with what a second terminal needs."""
    console.print("\n[bold]Still running.[/] In another terminal:")
    for name, value in stack.env.items():
        console.print(f"  export {name}={shlex.quote(value)}", highlight=False, soft_wrap=True)
    console.print("  interestream tail recommendations")
    console.print("Ctrl-C ends it.")
    try:
        while stack.worker_running:
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        return
    raise Failed(f"the worker ended{stack.worker_tail()}")


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:>8}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )
