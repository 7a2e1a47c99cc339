"""The options of `interestream segments`; what takes time to import waits until it runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from stream.commands.terminal import AsJson, complain, put, writable
from stream.settings import load

METHODS_BAR = "methods"

app = typer.Typer(help="Groups of users, and decisions about them.", no_args_is_help=True)

Version = Annotated[
    int | None, typer.Argument(help="of the model that is held; without it the one that is now")
]


@app.command("list", epilog="Example: interestream segments list --fits 20")
def list_segments(
    fits: Annotated[int, typer.Option(min=0, max=100, help="the last so many fits")] = 5,
    as_json: AsJson = False,
) -> None:
    """List the segments in force, a model that waits for a decision, and the last fits.

    `same` is the adjusted Rand index between the segments before and after: 1 is no change.
    """
    from stream.commands import segments

    found = asyncio.run(segments.overview(load()))
    if as_json:
        _put_json(segments.as_json(found, fits=fits))
        return
    put(segments.tell(found, fits=fits))


@app.command("show", epilog="Example: interestream segments show 5f0c1d2e")
def show_segment(
    segment: Annotated[str, typer.Argument(metavar="SEGMENT", help="its id, also of one gone by")],
    as_json: AsJson = False,
) -> None:
    """Tell of one segment: what is special about it, typical items and users, its neighbours, and
    what became of it in the last fits."""
    from stream.commands import segments_show

    found = asyncio.run(segments_show.shown(load(), segment))
    if as_json:
        _put_json(found)
        return
    put(segments_show.tell(found))


@app.command("report", epilog="Example: interestream segments report --out segments.html")
def report_segments(
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="also a page (.html) or a picture (.png)", callback=writable
        ),
    ] = None,
    users: Annotated[
        int, typer.Option(min=10, max=20_000, help="users looked at; time grows with their square")
    ] = 5000,
    as_json: AsJson = False,
) -> None:
    """Report on the segments in force: sizes and figures over time, who went where, and what
    DBSCAN, HDBSCAN and Gaussian mixtures make of the same users.

    The page also has a map of the users. The picture needs matplotlib.
    """
    from stream.commands import bars
    from stream.commands import segments_report as reporting
    from stream.segment_report.report import report
    from stream.segment_report.rivals import METHODS

    reporting.check(out)
    sampled = asyncio.run(reporting.sampled(load(), users))
    with bars.shown(complain, (METHODS_BAR,), "compare") as tells:
        if sampled.model is not None:
            tells.begins(METHODS_BAR, len(METHODS))
        found = report(sampled, lambda: tells.advances(METHODS_BAR, 1))
    if as_json:
        _put_json(found)
    else:
        put(reporting.tell(found))
    if out is not None:
        reporting.write(found, out)
        complain(f"written: {out}")


@app.command("refit", epilog="Example: interestream segments refit --wait-s 120")
def refit_segments(
    wait_s: Annotated[float, typer.Option(min=0, help="how long to wait for the answer")] = 60,
) -> None:
    """Have the worker that leads fit a new model now. Exit code 1: none came of it."""
    from stream.commands import segments

    answer = asyncio.run(segments.refit(load(), wait_s, typer.echo))
    typer.echo(f"model {answer.version}: {answer.outcome}")


@app.command("accept", epilog="Example: interestream segments accept")
def accept_segments(version: Version = None) -> None:
    """Put the model that is held in force; users are moved at once."""
    from stream.commands import segments

    typer.echo(f"model {asyncio.run(segments.decide(load(), version, yes=True))} is in force")


@app.command("reject", epilog="Example: interestream segments reject")
def reject_segments(version: Version = None) -> None:
    """Drop the model that is held; segments stay as they are."""
    from stream.commands import segments

    typer.echo(f"model {asyncio.run(segments.decide(load(), version, yes=False))} is dropped")


def _put_json(answer: object) -> None:
    import msgspec

    typer.echo(msgspec.json.format(msgspec.json.encode(answer)))
