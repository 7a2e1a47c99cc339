"""The options of `interestream tune`; what takes time to import waits until it runs."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from stream.commands.terminal import JsonFile, writable
from stream.settings import load


def tune(
    data: Annotated[list[str], typer.Argument(help="as `evaluate` reads it")],
    window: Annotated[str, typer.Option(help="events that are searched on")] = "20000:40000",
    holdout: Annotated[
        str | None, typer.Option(help="events that judge the result; as long, right after")
    ] = None,
    trials: Annotated[int, typer.Option(min=1, help="the present settings are the first")] = 40,
    time_limit: Annotated[
        float | None, typer.Option(min=0, help="seconds; a trial that runs is finished")
    ] = None,
    seed: Annotated[int, typer.Option(help="of what is tried")] = 0,
    every: Annotated[int, typer.Option(min=1, help="each so-many-th event is ranked")] = 10,
    metric: Annotated[str, typer.Option(help="ndcg@K, hr@K or mrr of the lists")] = "ndcg@10",
    only: Annotated[str, typer.Option(help="settings, e.g. neighbour_scale,hotness_part")] = "",
    half_lives: Annotated[
        bool, typer.Option("--half-lives", help="search those too; needs weeks of each user")
    ] = False,
    min_coverage: Annotated[
        float | None, typer.Option(min=0, max=1, help="least coverage; searches diversity too")
    ] = None,
    max_kl: Annotated[
        float | None, typer.Option(min=0, help="most divergence; searches calibration too")
    ] = None,
    flush_events: Annotated[int, typer.Option(min=1, help="as of `evaluate`")] = 50,
    columns: Annotated[str, typer.Option(help="as of `evaluate`")] = "",
    study: Annotated[
        Path | None, typer.Option(help="SQLite file of trials, to go on from", callback=writable)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="settings file to write", callback=writable)
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="write what the hold-out does not confirm, too")
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Search ranking settings that find more on recorded events, and ask other events if they do.

    The file keeps the present values where the hold-out does not confirm; docs/tune.md tells more.
    """
    import shlex

    from rich.console import Console

    from stream.commands import tune as tuning
    from stream.commands.tuning import settings_file, show

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: keeps the best so far
    options = tuning.Options(
        data=tuple(data),
        window=window,
        holdout=holdout,
        trials=trials,
        time_limit_s=time_limit,
        seed=seed,
        every=every,
        metric=metric,
        only=only,
        half_lives=half_lives,
        min_coverage=min_coverage,
        max_kl=max_kl,
        flush_events=flush_events,
        columns=columns,
        study=study,
        force=force,
        command=shlex.join(["interestream", *sys.argv[1:]]),
    )
    found = tuning.tune(load(), options, Console(stderr=True))
    show(found, Console(width=None if sys.stdout.isatty() else 120))
    if out is not None:
        tuning.check(found)
        out.write_text(settings_file(found), encoding="utf-8")
    if json_file is not None:
        json_file.write_text(json.dumps(tuning.as_json(found), indent=2) + "\n")
