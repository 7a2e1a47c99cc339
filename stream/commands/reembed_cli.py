"""The options of `interestream reembed`; what takes time to import waits until it runs."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from stream.commands.terminal import put, writable
from stream.settings import load


def reembed(
    model: Annotated[
        Path | None, typer.Option(help="folder of the new model; without it: show what stands")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="write the comparison here as JSON", callback=writable),
    ] = None,
    report_only: Annotated[
        bool, typer.Option("--report-only", help="copy nothing, only compare old and new")
    ] = False,
    switch: Annotated[
        bool, typer.Option("--switch", help="copy what is left and put the model in force")
    ] = False,
    wait_s: Annotated[
        float | None,
        typer.Option(min=0, help="for the old workers to leave; unset: what a clean stop may take"),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="undo the switch if one has not left by then"),
    ] = False,
    abort: Annotated[
        bool, typer.Option("--abort", help="undo a move that has not come to its end")
    ] = False,
    drop: Annotated[
        str | None, typer.Option(help="delete the vectors of the encoder with this hash")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Change the model of a running deployment: copy, compare, switch, and the way back.

    Old workers keep serving until --switch; docs/reembed.md tells the steps.
    """
    from stream.commands import reembed as moves

    settings = load()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: says where it ended
    if sum((model is not None, abort, drop is not None)) > 1:
        raise typer.BadParameter("--model, --abort and --drop exclude each other: choose one")
    if model is None and (report or report_only or switch or strict):
        raise typer.BadParameter("--report, --report-only, --switch and --strict need --model DIR")
    if report_only and switch:
        raise typer.BadParameter("--report-only copies nothing and --switch does: choose one")
    if abort:
        moves.undo(settings, typer.echo)
    elif drop is not None:

        def confirm(question: str) -> None:
            if not yes:
                typer.confirm(question, abort=True)

        moves.drop(settings, drop, confirm, typer.echo)
    elif model is not None:
        options = moves.Options(model, report, report_only, switch, wait_s, strict)
        moves.reembed(settings, options, typer.echo)
    else:
        put(moves.status(settings))
