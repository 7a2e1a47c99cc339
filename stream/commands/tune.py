"""`interestream tune DATA…`: ranking settings by what they find on recorded events."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from threadpoolctl import threadpool_limits

from stream.commands.evaluate import Prepared, prepare
from stream.commands.tuning import Watched
from stream.core.tuning import Tuning
from stream.errors import Misconfigured
from stream.evaluate.dataset import Dataset
from stream.evaluate.engine import Engine
from stream.evaluate.goal import Figures, Goal, goal
from stream.evaluate.recorded import Recorder, Window
from stream.evaluate.sources import read
from stream.evaluate.space import Allowed, Number, Space, space
from stream.evaluate.tables import columns
from stream.evaluate.verdict import Verdict, verdict
from stream.observe import event_kinds
from stream.settings import Settings, load

if TYPE_CHECKING:
    from stream.evaluate.search import Ask, Found


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked.

    window, holdout  FIRST:END, events by number; no hold-out: as long as the window, after it
    only             settings by name; none: the usual ones
    study            SQLite file to keep the trials in, and to go on from
    force            write the found values though the hold-out does not confirm them
    command          as it was typed, for the file
    """

    data: Sequence[str]
    window: str = "20000:40000"
    holdout: str | None = None
    trials: int = 40
    time_limit_s: float | None = None
    seed: int = 0
    every: int = 10
    metric: str = "ndcg@10"
    only: str = ""
    half_lives: bool = False
    min_coverage: float | None = None
    max_kl: float | None = None
    flush_events: int = 50
    columns: str = ""
    study: Path | None = None
    force: bool = False
    command: str = "interestream tune"


@dataclass(frozen=True, slots=True)
class Tuned:
    """What came of it.

    values   what the settings file says: the found ones, or the present ones where they stay
    verdict  of the hold-out; None where nothing better was found, so that it was not looked at
    changed  whether the values are not the present ones
    """

    data: Dataset
    digest: str
    window: Window
    holdout: Window
    goal: Goal
    options: Options
    found: Found
    verdict: Verdict | None
    values: dict[str, Number]
    changed: bool
    at: datetime
    version: str


def tune(settings: Settings, options: Options, console: Console) -> Tuned:
    """Search on the window, and ask the hold-out once, at the end.

    Raises Misconfigured where something cannot be searched, before anything is read or encoded
    if possible.
    """
    check_optuna()
    present = settings.tuning()
    wanted = goal(options.metric, settings.list_size, options.min_coverage, options.max_kl)
    window, holdout = windows(options)
    _searched(present, options, fresh=True)  # names that cannot be searched are told at once
    data = read(options.data, columns(options.columns), settings)
    _check_length(data, window, holdout)
    data = data.first(holdout.end)
    dimensions = _searched(present, options, fresh=any(item.published_at for item in data.items))
    with console.status(f"vectors of {len(data.items):,} items"):
        prepared = asyncio.run(prepare(settings, data))
    digest = _digest(data)
    with threadpool_limits(1, user_api="blas"), Watched(console, wanted, options.trials) as bars:
        recorder = _recorder(prepared, settings, options, bars)
        ask = _ask(present, dimensions, wanted, options, f"{digest} {window}")
        found = _search(recorder, ask, window, bars)
        said = _holdout(recorder, found, ask, holdout, bars)
    accepted = said is not None and (said.confirmed or options.force)
    chosen = found.best if accepted else found.present
    return Tuned(
        data,
        digest,
        window,
        holdout,
        wanted,
        options,
        found,
        said,
        dict(chosen.values),
        changed=chosen is not found.present,
        at=datetime.now(UTC),
        version=version("interestream"),
    )


def check_optuna() -> None:
    """Raises Misconfigured where the extra is not installed."""
    if find_spec("optuna") is None:
        raise Misconfigured(
            "tune needs Optuna, which is not here: pip install 'interestream[tune]'"
        )


# --- what was asked


def windows(options: Options) -> tuple[Window, Window]:
    """The window and the hold-out. Raises Misconfigured where they are none, or meet."""
    first, end = _span("--window", options.window)
    if options.holdout is None:
        held, last = end, 2 * end - first
    else:
        held, last = _span("--holdout", options.holdout)
    if held < end:
        raise Misconfigured(
            f"--holdout starts at event {held:,}, before --window ends ({end:,}): it must come "
            "after all that is searched on"
        )
    return Window(first, end, options.every), Window(held, last, options.every)


def _span(option: str, text: str) -> tuple[int, int]:
    first, _, end = text.partition(":")
    if not (first.isdigit() and end.isdigit() and int(first) < int(end)):
        raise Misconfigured(f"{option} is {text!r}: write FIRST:END, such as 20000:40000")
    return int(first), int(end)


def _check_length(data: Dataset, window: Window, holdout: Window) -> None:
    count = len(data.events)
    if count < holdout.end:
        third = count // 3
        raise Misconfigured(
            f"{data.name} has {count:,} events and the hold-out ends at {holdout.end:,}: give "
            f"--window and --holdout within, such as --window {third}:{2 * third} "
            f"--holdout {2 * third}:{count}"
        )


def _searched(present: Tuning, options: Options, *, fresh: bool) -> Space:
    names = [name.strip() for name in options.only.split(",") if name.strip()]
    allowed = Allowed(
        coverage=options.min_coverage is not None,
        divergence=options.max_kl is not None,
        half_lives=options.half_lives,
        fresh=fresh,
    )
    return space(present, names, allowed)


def _digest(data: Dataset) -> str:
    """Of all that is read: items and events, in order."""
    digest = blake2b(digest_size=16)
    for one in (*data.items, *data.events):
        digest.update(msgspec.json.encode(one) + b"\n")
    return digest.hexdigest()


def _ask(present: Tuning, dimensions: Space, wanted: Goal, options: Options, identity: str) -> Ask:
    from stream.evaluate.search import Ask

    # what may differ between two calls that go on from each other: how long, and the seed
    code = version("interestream")
    same = (code, identity, present, dimensions, wanted, options.flush_events)
    name = blake2b(repr(same).encode(), digest_size=8).hexdigest()
    return Ask(
        present,
        dimensions,
        wanted,
        trials=options.trials,
        time_limit_s=options.time_limit_s,
        seed=options.seed,
        study=options.study,
        identity=f"tune {name}",
    )


# --- the work


def _recorder(prepared: Prepared, settings: Settings, options: Options, bars: Watched) -> Recorder:
    kinds = event_kinds(settings)

    def engine(tuning: Tuning) -> Engine:
        return Engine(prepared.catalogue, kinds, tuning, prepared.contents)

    return Recorder(
        prepared.data.events,
        engine,
        flush_events=options.flush_events,
        advances=bars.passed,
    )


def _search(recorder: Recorder, ask: Ask, window: Window, bars: Watched) -> Found:
    from stream.evaluate.search import search

    def measure(tuning: Tuning) -> Figures:
        bars.begins(window.end)
        ranked = recorder.rankings(tuning, window)
        if not len(ranked):
            raise Misconfigured(
                f"none of the events {window.first:,} to {window.end:,} is to be ranked: lower "
                f"--every ({window.every}) or move --window"
            )
        return ask.goal.figures(ranked)

    return search(measure, ask, bars.tried)


def _holdout(
    recorder: Recorder, found: Found, ask: Ask, holdout: Window, bars: Watched
) -> Verdict | None:
    if found.best.values == found.present.values:
        return None
    bars.holds_out(holdout.end)
    values: dict[str, Any] = dict(found.best.values)
    before = recorder.rankings(ask.present, holdout)
    after = recorder.rankings(replace(ask.present, **values), holdout)
    if not len(after):
        raise Misconfigured(
            f"none of the events {holdout.first:,} to {holdout.end:,} is to be ranked: lower "
            f"--every ({holdout.every}) or move --holdout"
        )
    return verdict(ask.goal, before, after, feasible=found.present.holds)


def check(tuned: Tuned) -> Settings:
    """The settings as they will be with the file. Raises Misconfigured where one does not fit."""
    return load(**tuned.values)


def as_json(tuned: Tuned) -> dict[str, Any]:
    """Everything, for `--json`: each trial with its values and figures."""
    found, said = tuned.found, tuned.verdict
    return {
        "data": tuned.data.name,
        "digest": tuned.digest,
        "command": tuned.options.command,
        "at": tuned.at.isoformat(timespec="seconds"),
        "version": tuned.version,
        "metric": tuned.goal.name,
        "bounds": {"min_coverage": tuned.goal.min_coverage, "max_kl": tuned.goal.max_kl},
        "window": asdict(tuned.window),
        "holdout": asdict(tuned.holdout),
        "seed": tuned.options.seed,
        "flush_events": tuned.options.flush_events,
        "interrupted": found.interrupted,
        "present": asdict(found.present),
        "best": asdict(found.best),
        "verdict": None if said is None else asdict(said),
        "changed": tuned.changed,
        "values": tuned.values,
        "importance": dict(found.importance),
        "trials": [asdict(trial) for trial in found.trials],
    }
