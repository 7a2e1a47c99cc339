"""The command line. Each command imports what it needs when it runs, so `--help` is instant."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

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
dead_letters = typer.Typer(help="Records that were refused.", no_args_is_help=True)
app.add_typer(topics, name="topics")
app.add_typer(dead_letters, name="dead-letters")


def _writable(path: Path | None) -> Path | None:
    """Refuse a file that cannot be written now, not at the end of a long run."""
    if path is not None and not os.access(path if path.exists() else path.parent, os.W_OK):
        raise typer.BadParameter(f"{path} cannot be written: choose a file in a folder of yours")
    return path


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"interestream {version('interestream')}")
        raise typer.Exit


JsonFile = Annotated[
    Path | None,
    typer.Option("--json", help="write the summary here as JSON", callback=_writable),
]
AsJson = Annotated[bool, typer.Option("--json", help="as JSON, for programs")]
Reason = Annotated[str | None, typer.Option(help="only letters of this reason code")]


class EvaluationProtocol(StrEnum):
    """Which events `evaluate` ranks."""

    PREQUENTIAL = "prequential"
    TIME_SPLIT = "time-split"
    LEAVE_ONE_OUT = "leave-one-out"


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
            json_file.write_text(json.dumps(report.summary(outcome), indent=2) + "\n")
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
        _print(doctors.report(settings, findings))
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

    _print(create(load()))


@topics.command("list", epilog="Example: interestream topics list")
def topics_list() -> None:
    """List the topics of the namespace with their partitions."""
    from stream.commands.topics import listed

    _print(listed(load()))


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
            tally = producing.check(found, _complain)
        else:
            topic = settings.topic(kind)
            tally = producing.send(found, topic, settings, _complain, as_is=as_is)
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
        _complain(
            f"user {user!r} is not in namespace {settings.namespace!r}: no event of theirs was "
            "applied yet; check the id (`interestream tail events` shows ids)"
        )
        raise typer.Exit(1)
    if as_json:
        import msgspec

        typer.echo(msgspec.json.format(msgspec.json.encode(seen)))
        return
    from stream.commands.story import tell

    _print(tell(seen))


@app.command(
    epilog="Example: interestream evaluate ml-100k --json quality.json --report quality.html"
)
def evaluate(
    data: Annotated[
        list[str],
        typer.Argument(
            help="ml-100k, folders with .inter and .item files, or files: .csv .tsv .parquet .jsonl"
        ),
    ],
    protocol: Annotated[
        EvaluationProtocol,
        typer.Option(help="rank events as they come, after one moment, or each user's last"),
    ] = EvaluationProtocol.PREQUENTIAL,
    first: Annotated[
        int, typer.Option(min=0, help="events that are only learned (prequential)")
    ] = 20_000,
    every: Annotated[int, typer.Option(min=1, help="of the others each so-many-th is ranked")] = 10,
    split: Annotated[
        float,
        typer.Option(min=0.01, max=0.99, help="share of events before the moment (time-split)"),
    ] = 0.8,
    frozen: Annotated[
        bool, typer.Option("--frozen", help="learn nothing after that moment (time-split)")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="the oldest so many events")] = None,
    flush_events: Annotated[
        int, typer.Option(min=1, help="events until what they say about items becomes visible")
    ] = 50,
    columns: Annotated[
        str, typer.Option(help="of a table: user=uid,item=iid,at=ts,rating=stars,title=name")
    ] = "",
    ablate: Annotated[
        bool, typer.Option("--ablate", help="also without each part in turn, and what it is worth")
    ] = False,
    json_file: JsonFile = None,
    report: Annotated[
        Path | None,
        typer.Option(help="a page (.html) or a picture (.png) over time", callback=_writable),
    ] = None,
) -> None:
    """How good the recommendations are on recorded events, beside simple methods.

    Each ranked event is looked up in its user's list before it is learned; docs/evaluate.md tells
    the protocols and the figures.
    """
    from rich.console import Console

    from stream.commands import evaluate as evaluation
    from stream.evaluate.report import show

    if report is not None:
        evaluation.check_report(report)
    options = evaluation.Options(
        data=tuple(data),
        protocol=protocol.value,
        first=first,
        every=every,
        split=split,
        frozen=frozen,
        limit=limit,
        flush_events=flush_events,
        columns=columns,
        ablate=ablate,
    )
    found, ranked = evaluation.evaluate(load(), options, Console(stderr=True))
    show(found, Console(width=None if sys.stdout.isatty() else 120))
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=2) + "\n")
    if report is not None:
        evaluation.report(found, ranked, report)


@app.command(epilog="Example: interestream tune ml-100k --trials 40 --out tuned.env")
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
        Path | None, typer.Option(help="SQLite file of trials, to go on from", callback=_writable)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="settings file to write", callback=_writable)
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


@app.command(epilog="Example: interestream reembed --model models/multilingual-e5-small --switch")
def reembed(
    model: Annotated[
        Path | None, typer.Option(help="folder of the new model; without it: show what stands")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="write the comparison here as JSON", callback=_writable),
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
        _print(moves.status(settings))


@dead_letters.command("list", epilog="Example: interestream dead-letters list --reason in_future")
def dead_letters_list(
    reason: Reason = None,
    limit: Annotated[int, typer.Option(min=1, help="the newest so many")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines, for programs")] = False,
) -> None:
    """List refused records with the reason, oldest first."""
    from stream.commands import letters

    found = letters.found(load(), reason=reason)
    for letter in found[-limit:]:
        _print([json.dumps(letters.row(letter))] if as_json else letters.lines(letter))
    if not as_json:
        typer.echo(f"{len(found)} dead letters, {min(limit, len(found))} shown")


@dead_letters.command(
    "replay", epilog="Example: interestream dead-letters replay --reason bug --dry-run"
)
def dead_letters_replay(
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
        _complain(f"{len(found) - len(whole)} were cut to fit and cannot be sent again")
    if not whole:
        _complain("no dead letter to send: `interestream dead-letters list` shows all")
        raise typer.Exit(1)
    if dry_run:
        for letter in found:
            if letter.whole:
                _print(letters.lines(letter))
        typer.echo(f"records that would be sent again: {len(whole)}")
        return
    if not yes:
        typer.confirm(f"send {len(whole)} records again?", abort=True)
    sent = replay(settings, wanted=lambda letter: letter.key in whole)
    typer.echo(f"{sent} records sent again and confirmed")


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)


def _complain(line: str) -> None:
    typer.echo(line, err=True)


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
