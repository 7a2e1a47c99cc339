"""`interestream-export sequence`: from recorded events to a sequence model's folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer


def sequence(
    data: Annotated[
        list[str],
        typer.Argument(
            help="as for `interestream evaluate`: ml-100k, folders with .inter, or files: .csv "
            ".tsv .parquet .jsonl"
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(metavar="DIR", help="the folder to make; INTERESTREAM_SEQUENCE_MODEL_DIR"),
    ],
    until: Annotated[
        str | None,
        typer.Option(
            metavar="TIME|SHARE",
            help="learn only what comes before: 2026-01-31T00:00:00Z, or 0.8 of the events",
        ),
    ] = None,
    columns: Annotated[
        str, typer.Option(help="of a table: user=uid,item=iid,at=ts,rating=stars")
    ] = "",
    length: Annotated[
        int, typer.Option(min=1, max=50, help="items of a history that the model reads")
    ] = 20,
    layers: Annotated[int, typer.Option(min=1, max=8, help="of attention")] = 1,
    dimension: Annotated[
        int, typer.Option(min=4, max=1024, help="of an item's vector; even, for two heads")
    ] = 64,
    epochs_max: Annotated[
        int, typer.Option(min=1, help="the most; fewer where they serve the last uses better")
    ] = 100,
    seed: Annotated[int, typer.Option(help="of what is drawn")] = 0,
    force: Annotated[
        bool, typer.Option("--force", help="replace a model at --out; workers take the new one")
    ] = False,
) -> None:
    """Train a small sequence model (SASRec) on recorded events, as a part of the score.

    The last tenth of the uses says for how long to train; a model that is no better there than
    popularity is refused. docs/sequence.md tells when such a model is worth having.
    """
    from rich.console import Console

    from export import extra
    from export.progress import shown
    from stream.errors import Misconfigured
    from stream.evaluate.sources import read
    from stream.evaluate.tables import columns as column_map
    from stream.settings import load

    extra.require(("torch", "onnx", "onnxruntime"))
    if dimension % 2:
        raise Misconfigured(f"--dimension is {dimension}, an even number is needed")
    from export.sequence.build import SMALL, Options, build

    settings = load()
    found = read(data, column_map(columns), settings)
    shape = replace(
        SMALL, window=length, layers=layers, dims=dimension, epochs_max=epochs_max, seed=seed
    )
    asked = Options(out=out, until=until, shape=shape, force=force)
    with shown(Console(stderr=True)) as reports:
        made = build(found, asked, settings, reports)
    held_out = ", ".join(f"{name} {value:.4f}" for name, value in made["held_out"].items())
    typer.echo(
        f"{out}: {made['items']:,} items learned from {made['trained_on']:,} uses in "
        f"{made['training']['epochs']} epochs; on the last uses {held_out}; differs from torch by "
        f"at most {made['parity']['difference_max']:.1g}"
    )
