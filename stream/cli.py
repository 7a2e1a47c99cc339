"""The command line. Each command imports what it needs when it runs, so `--help` is instant."""

from __future__ import annotations

import json
import os
import signal
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from stream.commands import letters_cli, segments_cli
from stream.commands.backup_cli import restore, snapshot
from stream.commands.evaluate_cli import evaluate
from stream.commands.lookalike_cli import lookalike
from stream.commands.rebuild_cli import rebuild, verify
from stream.commands.reembed_cli import reembed
from stream.commands.simulate_cli import simulate
from stream.commands.terminal import AsJson, JsonFile, complain, put
from stream.commands.tune_cli import tune
from stream.errors import InterestreamError, Misconfigured, Unavailable
from stream.settings import load

#: What to do where a part is away; `interestream doctor` tells more.
REMEDIES = {
    "kafka": "start the broker, or set INTERESTREAM_KAFKA_URL; `interestream doctor` checks it",
    "qdrant": "start Qdrant, or set INTERESTREAM_QDRANT_URL and INTERESTREAM_QDRANT_GRPC_PORT; "
    "`interestream doctor` checks it",
    "encoder": "start the worker again",
}

app = typer.Typer(
    name="interestream",
    help="A live picture of what every user is interested in: Kafka events in, "
    "fresh recommendations out. Settings are INTERESTREAM_* variables; `doctor` shows them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

topics = typer.Typer(help="The deployment's topics on the broker.", no_args_is_help=True)
app.add_typer(topics, name="topics")
app.add_typer(letters_cli.app, name="dead-letters")
app.add_typer(segments_cli.app, name="segments")


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"interestream {version('interestream')}")
        raise typer.Exit


@app.callback()
def interestream(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="show it and exit")
    ] = False,
) -> None:
    pass


@app.command(epilog="Example: interestream demo --events 20000 --json demo.json")
def demo(
    events: Annotated[int, typer.Option(min=100, help="ratings in all, oldest first")] = 100_000,
    live: Annotated[int, typer.Option(min=0, help="of these, sent at --rate at the end")] = 5000,
    rate: Annotated[float, typer.Option(min=1, help="live ratings a second")] = 200.0,
    json_file: JsonFile = None,
    keep: Annotated[bool, typer.Option("--keep", help="leave it running until Ctrl-C")] = False,
) -> None:
    """The main job on MovieLens-100K, with an embedded broker and store: nothing else is needed."""
    import tempfile

    from rich.console import Console

    from stream.demo import report
    from stream.demo.run import Options, Outcome, run

    console = Console(soft_wrap=not sys.stdout.isatty())
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: nothing is left behind

    def finished(outcome: Outcome) -> None:
        report.show(outcome, console)
        if json_file is not None:
            json_file.write_text(json.dumps(report.as_json(outcome), indent=2) + "\n")
        report.check(outcome)

    with tempfile.TemporaryDirectory(prefix="interestream-demo-") as folder:
        run(Options(events, live, rate, keep), console, Path(folder), finished)


@app.command(epilog="Example: INTERESTREAM_KAFKA_URL=kafka:9092 interestream worker")
def worker(
    accept_empty: Annotated[
        bool,
        typer.Option("--accept-empty", help="start though `users` is empty and offsets are not"),
    ] = False,
) -> None:
    """Run one worker against INTERESTREAM_KAFKA_URL and INTERESTREAM_QDRANT_URL."""
    # Before gRPC is imported: it would start its threads again in every child that is forked, and
    # now and then a fit died of that before it became a program of its own.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    from stream.app import Worker
    from stream.logs import configure
    from stream.serving import serve_until_signal

    settings = load(accept_empty=True) if accept_empty else load()
    configure(settings.log_level)
    raise typer.Exit(serve_until_signal(Worker(settings).run))


@app.command(epilog="Example: interestream doctor --json")
def doctor(as_json: AsJson = False) -> None:
    """Show the effective settings, and check broker, topics, store, model and clock.

    Exit code 1 if a check failed; each comes with its remedy.
    """
    import asyncio

    from stream.commands import doctor as doctors

    settings = load()
    findings = asyncio.run(doctors.examine(settings, os.environ))
    if as_json:
        typer.echo(json.dumps(doctors.as_json(settings, findings), indent=2))
    else:
        put(doctors.report(settings, findings))
    raise typer.Exit(0 if doctors.healthy(findings) else 1)


@app.command(epilog="Example: interestream up --data-dir /var/lib/interestream --port 9092")
def up(
    data_dir: Annotated[
        Path | None,
        typer.Option(help="where the store's data and the logs go [INTERESTREAM_DATA_DIR]"),
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65533, help="of the broker; the store takes the two after it; 0: free ones"
        ),
    ] = 0,
) -> None:
    """Run an embedded broker and store and a worker until Ctrl-C.

    The store's data survives, the broker's does not.
    """
    from stream.commands import up as embedded

    settings = load()
    embedded.up(settings, (data_dir or settings.data_dir).resolve(), port, typer.echo)


@topics.command("create", epilog="Example: interestream topics create")
def topics_create() -> None:
    """Create the topics that are missing; those that are there stay as they are."""
    from stream.commands.topics import create

    put(create(load()))


@topics.command("list", epilog="Example: interestream topics list")
def topics_list() -> None:
    """List the topics of the namespace with their partitions."""
    from stream.commands.topics import listed

    put(listed(load()))


class Input(StrEnum):
    """What `produce` takes."""

    ITEMS = "items"
    EVENTS = "events"


@app.command(epilog="Example: interestream produce events events.jsonl")
def produce(
    kind: Annotated[Input, typer.Argument(help="what the lines are: items or events")],
    file: Annotated[str, typer.Argument(help="JSON lines, one message each; - reads stdin")],
    check: Annotated[bool, typer.Option("--check", help="only validate, send nothing")] = False,
    as_is: Annotated[
        bool, typer.Option("--as-is", help="send also what the service will refuse")
    ] = False,
) -> None:
    """Send JSON lines, each confirmed by the broker; the key is the item_id or the user_id.

    What the service would refuse is reported with its line and the reason,
    and not sent; the exit code is 1 then.
    """
    from stream.commands import files, lines
    from stream.commands import produce as producing

    settings = load()
    with files.opened(file) as source, files.progress(file) as passing:
        found = passing(lines.read(source, lines.Kind(kind), settings))
        if check:
            tally = producing.check(found, complain)
        else:
            topic = settings.topic(kind)
            tally = producing.send(found, topic, settings, complain, as_is=as_is)
    typer.echo(tally.summary(checked_only=check))
    raise typer.Exit(0 if tally.ok else 1)


@app.command(epilog="Example: interestream tail recommendations --user user-17")
def tail(
    topic: Annotated[str, typer.Argument(help="items, events, recommendations, … or a full name")],
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="with the records that are there already")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="end after so many records")] = None,
    user: Annotated[str | None, typer.Option(help="only records of this user")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="values as JSON lines")] = False,
) -> None:
    """Follow a topic, a line a record, until Ctrl-C."""
    from contextlib import closing
    from itertools import islice

    from stream.commands import oneline
    from stream.commands.tail import follow, reader_left
    from stream.commands.topics import full_name

    settings = load()
    name = full_name(settings, topic)
    kind = name.removeprefix(settings.topic(""))
    try:
        following = follow(
            settings, name, from_beginning=from_beginning, done=lambda: reader_left(sys.stdout)
        )
        with closing(following) as records:
            ours = (r for r in records if user is None or oneline.is_about(r, user))
            for record in islice(ours, limit):
                typer.echo(oneline.raw(record) if as_json else oneline.pretty(kind, record))
    except KeyboardInterrupt:
        return
    except BrokenPipeError:
        # The reader has left. Python would complain at exit when it flushes what is left.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@app.command(epilog="Example: interestream explain user-17")
def explain(
    user: Annotated[str, typer.Argument(help="the user's id")], as_json: AsJson = False
) -> None:
    """Show what is known of a user, with its evidence, and why the list is what it is."""
    import asyncio

    from stream.commands.explain import explained

    settings = load()
    seen = asyncio.run(explained(settings, user))
    if seen is None:
        complain(
            f"user {user!r} is not in namespace {settings.namespace!r}: no event of theirs was "
            "applied yet; check the id (`interestream tail events` shows ids)"
        )
        raise typer.Exit(1)
    if as_json:
        import msgspec

        typer.echo(msgspec.json.format(msgspec.json.encode(seen)))
        return
    from stream.commands.story import tell

    put(tell(seen))


@app.command(epilog="Example: interestream forget user-17")
def forget(
    users: Annotated[list[str], typer.Argument(help="the users' ids")],
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask for users to be forgotten, and return when the broker has the requests.

    A worker removes the profile at once, and sends a receipt after
    INTERESTREAM_FORGET_CONFIRM_S: `interestream tail receipts --user USER` shows it.
    """
    import time
    from dataclasses import asdict

    from stream.commands.forget import ask

    settings = load()
    if not yes:
        typer.confirm(
            f"forget {len(set(users))} user{'s' * (len(set(users)) > 1)} for good?", abort=True
        )
    for request in ask(users, settings, time.time()):
        line = f"{request.user_id}: asked for by event {request.event_id}"
        typer.echo(json.dumps(asdict(request)) if as_json else line)


# what has many options stands in files of its own
app.command(
    epilog="Example: interestream evaluate ml-100k --json quality.json --report quality.html"
)(evaluate)
app.command(epilog="Example: interestream lookalike user-17 --active-since 2026-01-31")(lookalike)
app.command(epilog="Example: interestream tune ml-100k --trials 40 --out tuned.env")(tune)
app.command(
    epilog="Example: interestream simulate --users 1000 --days 60 --quiet 20:40 --out world"
)(simulate)
app.command(epilog="Example: interestream rebuild --from earliest --dry-run")(rebuild)
app.command(epilog="Example: interestream verify --sample 500 --json certificate.json")(verify)
app.command(epilog="Example: interestream reembed --model models/multilingual-e5-small --switch")(
    reembed
)
app.command(epilog="Example: interestream snapshot /backups/monday")(snapshot)
app.command(epilog="Example: interestream restore /backups/monday --dry-run")(restore)


def main() -> None:
    """Entry point: errors that name their remedy are shown without a stack trace, exit code 2."""
    try:
        app()
    except InterestreamError as error:
        remedy = f"\n{REMEDIES.get(error.part, '')}" if isinstance(error, Unavailable) else ""
        typer.secho(f"interestream: {error}{remedy}", err=True, fg="red")
        sys.exit(2 if isinstance(error, Misconfigured) else 1)


if __name__ == "__main__":
    main()
