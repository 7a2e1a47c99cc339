"""The options of `interestream dead-letters`; what takes time to import waits until it runs."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from stream.commands.terminal import complain, put
from stream.settings import load

app = typer.Typer(help="Records that were refused.", no_args_is_help=True)

Reason = Annotated[str | None, typer.Option(help="only letters of this reason code")]


@app.command("list", epilog="Example: interestream dead-letters list --reason in_future")
def list_letters(
    reason: Reason = None,
    limit: Annotated[int, typer.Option(min=1, help="the newest so many")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines, for programs")] = False,
) -> None:
    """List refused records with the reason, oldest first."""
    from stream.commands import letters

    found = letters.found(load(), reason=reason)
    for letter in found[-limit:]:
        put([json.dumps(letters.row(letter))] if as_json else letters.lines(letter))
    if not as_json:
        typer.echo(f"{len(found)} dead letters, {min(limit, len(found))} shown")


@app.command("replay", epilog="Example: interestream dead-letters replay --reason bug --dry-run")
def replay_letters(
    reason: Reason = None,
    key: Annotated[
        str | None, typer.Option(help="only this one: TOPIC/PARTITION/OFFSET as `list` shows it")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="only show what would be sent")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
) -> None:
    """Send the original records again and take their letters back.

    What was cut to fit cannot be sent again and stays.
    """
    from stream.commands import letters
    from stream.kafka.dead_letters import replay

    settings = load()
    found = letters.found(settings, reason=reason, key=key)
    whole = {letter.key for letter in found if letter.whole}
    if len(found) > len(whole):
        complain(f"{len(found) - len(whole)} were cut to fit and cannot be sent again")
    if not whole:
        complain("no dead letter to send: `interestream dead-letters list` shows all")
        raise typer.Exit(1)
    if dry_run:
        for letter in found:
            if letter.whole:
                put(letters.lines(letter))
        typer.echo(f"records that would be sent again: {len(whole)}")
        return
    if not yes:
        typer.confirm(f"send {len(whole)} records again?", abort=True)
    sent = replay(settings, wanted=lambda letter: letter.key in whole)
    typer.echo(f"{sent} records sent again and confirmed")
