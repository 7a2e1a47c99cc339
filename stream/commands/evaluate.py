"""`interestream evaluate DATA…`: how good the recommendations are on recorded events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from threadpoolctl import threadpool_limits

from stream.core.catalogue import Catalogue
from stream.core.parts import PARTS
from stream.core.tuning import Tuning
from stream.encoder import manifest
from stream.encoder.contract import Lane, Rows
from stream.encoder.encoder import Encoder
from stream.errors import Misconfigured
from stream.evaluate import protocol
from stream.evaluate.curves import curves
from stream.evaluate.dataset import Dataset
from stream.evaluate.engine import Engine, entries
from stream.evaluate.page import page
from stream.evaluate.picture import drawing, save
from stream.evaluate.play import PartsAt, Player, Variant
from stream.evaluate.protocol import Plan
from stream.evaluate.ranked import Ranked
from stream.evaluate.segmented import Segmented
from stream.evaluate.sources import read
from stream.evaluate.summary import ABLATED, OURS, settings_of, summary
from stream.evaluate.tables import columns
from stream.evaluate.timeline import open_timeline
from stream.evaluate.vectors import vectors
from stream.models import model_folder, open_encoder
from stream.observe import Contents, event_kinds, texts_of
from stream.observe import read as read_texts
from stream.sentiment import Sentiment, open_sentiment
from stream.settings import Settings
from stream.wire.inputs import Event

PREQUENTIAL, TIME_SPLIT, LEAVE_ONE_OUT = "prequential", "time-split", "leave-one-out"
ENCODED_AT_ONCE = 512

#: What makes lists of scores, and the value at which it does nothing.
LIST_MAKING: dict[str, Any] = {"diversity": 0.0, "calibration": 0.0, "exploration_places": 0}


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked.

    first, every  of the prequential protocol
    split         share of the events before the moment of the time split
    frozen        nothing is learned after that moment
    limit         take the oldest events only
    flush_events  events between two moments at which signals become visible
    sequence      folders of sequence models, each in force from the moment on that it was trained
                  until; empty: the one of the settings
    """

    data: Sequence[str]
    protocol: str = PREQUENTIAL
    first: int = 20_000
    every: int = 10
    split: float = 0.8
    frozen: bool = False
    limit: int | None = None
    flush_events: int = 50
    columns: str = ""
    ablate: bool = False
    sequence: Sequence[Path] = ()


# without repr: at its end `asyncio.run` has signal.signal() format the result, for seconds
@dataclass(frozen=True, slots=True, repr=False)
class Prepared:
    """A data set with all that is encoded of it."""

    data: Dataset
    catalogue: Catalogue
    contents: Contents


def evaluate(
    settings: Settings, options: Options, console: Console
) -> tuple[dict[str, Any], Ranked]:
    """The figures, and the rankings that they are of.

    Raises Misconfigured where the data cannot be read or leaves nothing to rank.
    """
    data = read(options.data, columns(options.columns), settings).first(options.limit)
    for line in data.refused[:3]:
        console.print(f"[yellow]not read:[/] {line}", highlight=False)
    if len(data.refused) > 3:
        console.print(f"[yellow]not read:[/] {len(data.refused) - 3:,} more")
    with console.status(f"vectors of {len(data.items):,} items"):
        prepared = asyncio.run(prepare(settings, data))
    tuning = settings.tuning()
    with bar(console, len(data.events)) as advances, threadpool_limits(1, user_api="blas"):
        ranked = played(prepared, settings, tuning, options, advances)
    if not len(ranked):
        raise Misconfigured(
            f"none of {len(data.events):,} events is to be ranked: lower --first "
            f"({options.first:,}) or --split ({options.split:g})"
        )
    return result(prepared.data, ranked, tuning, options), ranked


def played(
    prepared: Prepared,
    settings: Settings,
    tuning: Tuning,
    options: Options,
    advances: Callable[[int], None] = lambda _: None,
) -> Ranked:
    """One run over the data. The same options give the same rankings, whatever the tuning."""
    kinds = event_kinds(settings)
    segments = Segmented(settings, tuning) if tuning.crowd_part else None
    engine = Engine(prepared.catalogue, kinds, tuning, prepared.contents, segments)
    player = Player(
        engine,
        variants(tuning, ablate=options.ablate),
        flush_events=options.flush_events,
        advances=advances,
        parts=parts_at(settings, options),
    )
    events = prepared.data.events
    return player.play(events, plan(prepared.data, options))


def parts_at(settings: Settings, options: Options) -> PartsAt:
    """The parts in force at any time.

    Raises Misconfigured where a sequence model cannot be used, or is given and has no weight.
    """
    own = settings.sequence_model_dir
    folders = options.sequence or (() if own is None else (own,))
    if settings.sequence_part:
        return open_timeline(folders).parts
    if options.sequence:
        raise Misconfigured(
            "--sequence names a model and INTERESTREAM_SEQUENCE_PART is 0, so it would change "
            "nothing: set a weight, for instance 0.2"
        )
    return lambda _: PARTS


def plan(data: Dataset, options: Options) -> Plan:
    """Which events are ranked and learned."""
    if options.protocol == LEAVE_ONE_OUT:
        return protocol.leave_one_out(data.events)
    if options.protocol == TIME_SPLIT:
        return protocol.time_split(
            data.events, share=options.split, every=options.every, learning=not options.frozen
        )
    return protocol.prequential(data.events, first=options.first, every=options.every)


def variants(tuning: Tuning, *, ablate: bool) -> list[Variant]:
    """The emitted list, the order of scores, and the emitted list without each part in turn."""
    found = [Variant(OURS, tuning), Variant(f"{OURS} (score)", tuning, by_score=True)]
    parts: dict[str, Any] = {
        name: 0.0 for name in Tuning.__dataclass_fields__ if name.endswith("_part")
    }
    for name, off in (parts | LIST_MAKING).items() if ablate else ():
        if getattr(tuning, name) != off:
            without = replace(tuning, **{name: off})
            found.append(Variant(f"{ABLATED}{name.removesuffix('_part')}", without))
    return found


def result(data: Dataset, ranked: Ranked, tuning: Tuning, options: Options) -> dict[str, Any]:
    """What `--json` writes."""
    chosen = plan(data, options)
    return {
        "data": data.name,
        "protocol": chosen.name,
        "events": len(ranked),
        "learned": ranked.learned,
        "repeats": ranked.repeats,
        "users": len(set(ranked.users)),
        "items": ranked.items,
        "list_size": ranked.list_size,
        "seconds": round(ranked.seconds, 2),
        "events_per_s": round(ranked.learned / ranked.seconds, 1),
        **summary(ranked, data.groups),
        "settings": settings_of(tuning) | _asked(options),
    }


def _asked(options: Options) -> dict[str, Any]:
    common: dict[str, Any] = {"flush_events": options.flush_events, "limit": options.limit}
    if options.sequence:
        common["sequence"] = [folder.name for folder in options.sequence]
    own: dict[str, dict[str, Any]] = {
        PREQUENTIAL: {"first": options.first, "every": options.every},
        TIME_SPLIT: {
            "split": options.split,
            "every": options.every,
            "frozen": options.frozen,
        },
        LEAVE_ONE_OUT: {},
    }
    return common | own[options.protocol]


def check_report(path: Path) -> None:
    """Refuse now what could not be written at the end of a long run. Raises Misconfigured."""
    if path.suffix == ".png":
        drawing()
    elif path.suffix != ".html":
        raise Misconfigured(f"--report is {path}: name a file that ends in .html or .png")


def report(found: Mapping[str, Any], ranked: Ranked, path: Path) -> None:
    """Write the page or, where the name ends in .png, the picture of the curves."""
    if path.suffix == ".png":
        save(curves(ranked), found, path)
        return
    path.write_text(page(found, curves(ranked)), encoding="utf-8")


async def prepare(settings: Settings, data: Dataset) -> Prepared:
    """Encode what the data's items and events say; items' vectors are kept for the next time.

    The model is only opened where there is something to encode.
    """
    folder = await asyncio.to_thread(model_folder, settings)
    own = manifest.read(folder)
    async with _Lazy(settings, folder) as lazy:
        found = await vectors(
            data.items,
            lazy.items,
            encoder=f"{own.hash} {settings.max_tokens}",
            cache_dir=settings.cache_dir,
        )
        catalogue = Catalogue(own.dimension, entries(data.items, found))
        kinds = event_kinds(settings)
        known = [event for event in data.events if event.type in kinds]
        contents = await _contents(settings, known, catalogue, lazy, folder)
    return Prepared(data, catalogue, contents)


async def _contents(
    settings: Settings, events: Sequence[Event], catalogue: Catalogue, lazy: _Lazy, folder: Path
) -> Contents:
    """What the worker would have read of the events' own texts, a chunk at a time."""
    kinds = event_kinds(settings)
    found = Contents({}, {}, {})
    sentiment: Sentiment | None = None
    for start in range(0, len(events), settings.chunk_records):
        texts = texts_of(events[start : start + settings.chunk_records], kinds, catalogue)
        if not texts:
            continue
        encoder = await lazy.encoder()
        if sentiment is None:
            sentiment = await open_sentiment(settings, encoder.manifest, folder)
        more = await read_texts(texts, encoder, sentiment)
        found = Contents(
            {**found.own, **more.own},
            {**found.titles, **more.titles},
            {**found.sentiments, **more.sentiments},
        )
    return found


class _Lazy:
    """The encoder, opened when it is first asked."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._encoder: Encoder | None = None

    async def __aenter__(self) -> _Lazy:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._encoder is not None:
            await self._encoder.close()

    async def encoder(self) -> Encoder:
        if self._encoder is None:
            self._encoder = await open_encoder(self._settings, folder=self._folder)
        return self._encoder

    async def items(self, texts: Sequence[str]) -> Rows:
        encoder = await self.encoder()
        parts = [
            await encoder.encode(list(texts[start : start + ENCODED_AT_ONCE]), lane=Lane.ITEMS)
            for start in range(0, len(texts), ENCODED_AT_ONCE)
        ]
        return np.concatenate(parts)


@contextmanager
def bar(console: Console, total: int) -> Iterator[Callable[[int], None]]:
    """A bar over the events, where a person is watching."""
    if not console.is_terminal:
        yield lambda _: None
        return
    shown = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,}"))
    with Progress(*shown, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("events", total=total)
        yield lambda by: progress.advance(task, by)
