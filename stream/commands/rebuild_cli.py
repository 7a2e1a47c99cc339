"""The options of `interestream rebuild` and `verify`; what takes time to import waits."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

from stream.commands.terminal import JsonFile
from stream.settings import load


def rebuild(
    since: Annotated[
        str,
        typer.Option(
            "--from",
            help="earliest, a time with offset, an offset, or one a partition: 0:120,1:98",
        ),
    ] = "earliest",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say what would be done, and do nothing")
    ] = False,
    wait_s: Annotated[
        float | None,
        typer.Option(min=0, help="for the workers to leave; unset: what a clean stop may take"),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="undo the rebuild if one has not left by then")
    ] = False,
    abort: Annotated[
        bool, typer.Option("--abort", help="undo a rebuild that has not come to its end")
    ] = False,
    drop_old: Annotated[
        bool, typer.Option("--drop-old", help="delete the profiles that a rebuild has replaced")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Make all profiles anew from their events, beside the live ones, and put them in force.

    Workers go on until the switch; docs/operations/rebuild.md tells the steps.
    """
    from stream.commands import rebuild as rebuilds

    settings = load()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: undoes what it did
    if sum((abort, drop_old, dry_run)) > 1:
        raise typer.BadParameter("--abort, --drop-old and --dry-run exclude each other: choose one")

    def confirm(question: str) -> None:
        if not yes:
            typer.confirm(question, abort=True)

    if abort:
        rebuilds.undo(settings, typer.echo)
    elif drop_old:
        rebuilds.drop_old(settings, confirm, typer.echo)
    else:
        options = rebuilds.Options(since, dry_run, wait_s, strict)
        rebuilds.rebuild(settings, options, confirm, typer.echo)


def verify(
    sample: Annotated[
        int, typer.Option(min=1, help="users to compare, chosen evenly, the same ones each time")
    ] = 1000,
    json_file: JsonFile = None,
) -> None:
    """Compare live profiles with what their events make of them, and print a certificate.

    Changes nothing, and workers go on. Exit code 1 where a profile differs without a reason, or
    nothing could be compared.
    """
    from stream.commands.rebuild import verify as verified

    raise typer.Exit(0 if verified(load(), sample, json_file, typer.echo) else 1)
