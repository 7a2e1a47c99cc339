"""The options of `interestream simulate`; what takes time to import waits until it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stream.commands.terminal import put
from stream.settings import load


def simulate(
    users: Annotated[int, typer.Option(help="bots included")] = 1000,
    items: Annotated[int, typer.Option(help="at least two for each category")] = 500,
    days: Annotated[int, typer.Option(help="from the first event to the last, 3650 at most")] = 30,
    seed: Annotated[int, typer.Option(help="the same seed and options give the same bytes")] = 0,
    out: Annotated[Path, typer.Option(help="folder for the files; made if it is missing")] = Path(
        "world"
    ),
    groups: Annotated[int, typer.Option(help="of users with similar tastes")] = 6,
    categories: Annotated[int, typer.Option(help="of items, 2 to 24")] = 12,
    events_per_day: Annotated[
        float, typer.Option(help="of an average user outside quiet spans, impressions included")
    ] = 6.0,
    drifting: Annotated[float, typer.Option(help="share of users whose taste changes once")] = 0.1,
    bots: Annotated[
        float,
        typer.Option(help="share of users who click on anything, fast; each is as busy as 20"),
    ] = 0.01,
    births: Annotated[
        float, typer.Option(help="share of items that are published during the days")
    ] = 0.3,
    deaths: Annotated[float, typer.Option(help="share of items that go during the days")] = 0.2,
    bursts: Annotated[
        int, typer.Option(help="of six hours each: all are busier, mostly about one item")
    ] = 1,
    quiet: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIRST:AFTER",
            help="days without any event, from 0, the last one not included, such as 30:60; "
            "may be repeated",
        ),
    ] = None,
    list_size: Annotated[int, typer.Option(help="items on the front page, 1 to 100")] = 10,
    position_bias: Annotated[
        float, typer.Option(help="place r of a list is looked at with probability r^-THIS; 0: none")
    ] = 0.7,
    concentration: Annotated[
        float, typer.Option(help="how close users are to their group; the larger, the closer")
    ] = 60.0,
    vectors: Annotated[
        int | None,
        typer.Option(
            metavar="DIMENSION",
            help="items bring vectors of so many numbers; left out: the encoder reads their texts",
        ),
    ] = None,
    start: Annotated[
        str,
        typer.Option(
            help="of the first day; services skip what is older than INTERESTREAM_MAX_AGE_DAYS"
        ),
    ] = "2025-01-01T00:00:00Z",
    ends_now: Annotated[
        bool,
        typer.Option(
            "--ends-now", help="the last day ends now, whatever --start says; as --live does"
        ),
    ] = False,
    live: Annotated[
        bool,
        typer.Option(
            "--live",
            help="send it to the topics as it happens, and show people the lists that come back",
        ),
    ] = False,
    speed: Annotated[
        float, typer.Option(help="of --live: seconds of the world a second; 1: real time")
    ] = 3600.0,
    force: Annotated[
        bool, typer.Option("--force", help="write over an earlier world in the folder")
    ] = False,
) -> None:
    """Make a world with known truth: items, users with planted tastes, and what they do.

    Writes items.jsonl, events.jsonl and withdrawn.jsonl as `evaluate` and `produce` read them,
    and truth.json, which they must not see; docs/simulate.md tells what people do.
    """
    import time

    from rich.console import Console

    from stream.commands import simulate as simulating
    from stream.evaluate.simulate import DAY_S, Plan

    plan = Plan(
        users=users,
        items=items,
        days=days,
        seed=seed,
        groups=groups,
        categories=categories,
        events_per_day=events_per_day,
        start=int(time.time()) - days * DAY_S if ends_now else simulating.moment(start),
        drifting=drifting,
        bots=bots,
        births=births,
        deaths=deaths,
        bursts=bursts,
        quiet=simulating.spans(quiet or ()),
        list_size=list_size,
        position_bias=position_bias,
        concentration=concentration,
        dimension=vectors,
    )
    console = Console(stderr=True)
    if live:
        put(simulating.live(plan, out, load(), console, speed=speed, force=force))
    else:
        put(simulating.simulate(plan, out, console, force=force))
