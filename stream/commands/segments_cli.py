"""The options of `interestream segments`; what takes time to import waits until it runs."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from stream.commands.terminal import AsJson, put
from stream.settings import load

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
        import msgspec

        typer.echo(msgspec.json.format(msgspec.json.encode(segments.as_json(found, fits=fits))))
        return
    put(segments.tell(found, fits=fits))


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
