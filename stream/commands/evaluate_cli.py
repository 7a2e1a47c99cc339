"""The options of `interestream evaluate`; what takes time to import waits until it runs."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from stream.commands.terminal import JsonFile, writable
from stream.settings import load


class Protocol(StrEnum):
    """Which events `evaluate` ranks."""

    PREQUENTIAL = "prequential"
    TIME_SPLIT = "time-split"
    LEAVE_ONE_OUT = "leave-one-out"


def evaluate(
    data: Annotated[
        list[str],
        typer.Argument(
            help="ml-100k, folders with .inter and .item files, or files: .csv .tsv .parquet .jsonl"
        ),
    ],
    protocol: Annotated[
        Protocol,
        typer.Option(help="rank events as they come, after one moment, or each user's last"),
    ] = Protocol.PREQUENTIAL,
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
    sequence: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="a sequence model, in force from the moment on that it was trained until; more "
            "than one follow each other; else INTERESTREAM_SEQUENCE_MODEL_DIR",
        ),
    ] = None,
    json_file: JsonFile = None,
    report: Annotated[
        Path | None,
        typer.Option(help="a page (.html) or a picture (.png) over time", callback=writable),
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
        sequence=tuple(sequence or ()),
    )
    given = {"sequence_model_dir": sequence[0]} if sequence else {}
    found, ranked = evaluation.evaluate(load(**given), options, Console(stderr=True))
    show(found, Console(width=None if sys.stdout.isatty() else 120))
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=2) + "\n")
    if report is not None:
        evaluation.report(found, ranked, report)
