"""The options of `interestream snapshot` and `restore`."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Annotated

import typer

from stream.commands.terminal import AsJson, complain, put
from stream.settings import load


def snapshot(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="new or empty; it comes to hold the snapshot")
    ],
    export: Annotated[
        bool,
        typer.Option(
            "--export",
            help="points instead of the Qdrant server's own snapshots: for another version of "
            "Qdrant, or the embedded store",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Save what is stored, with the offsets that belong to it, beside running workers.

    The manifest is written last: a folder without it holds no snapshot.
    """
    from stream.commands import backup

    settings = load()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: says where it ended
    manifest = backup.snapshot(settings, folder, complain, export=export)
    if as_json:
        import msgspec

        typer.echo(msgspec.json.format(msgspec.json.encode(manifest)))
        return
    put(backup.summary(manifest))


def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="holds the snapshot")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="show the plan, change nothing")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="give up collections that hold something")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    evict: Annotated[
        bool,
        typer.Option(
            "--evict",
            help="put out the group's members, known to be gone; the embedded broker lists them "
            "for ever",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Go back to a snapshot: store, aliases, and the group's offsets. Workers must be stopped.

    A restore that was cut short is ended by the same command; workers wait for it.
    Exit code 2 if something stands in the way: nothing was changed then.
    """
    from stream.backup.plan import Options as Asked
    from stream.commands import backup

    settings = load()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: says where it ended

    def confirm(question: str) -> None:
        if not yes:
            typer.confirm(question, abort=True, err=True)

    options = backup.Options(Asked(replace, evict), dry_run)
    say = complain if as_json else typer.echo
    plan = backup.restore(settings, folder.resolve(), options, confirm, say)
    if as_json:
        typer.echo(json.dumps(backup.as_json(plan, done=not dry_run), indent=2))
    elif not dry_run:
        typer.echo("restored; start the workers")
    raise typer.Exit(2 if plan.obstacles else 0)
