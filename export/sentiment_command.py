"""`interestream-export sentiment-head`: from a CSV file to a head's folder, with progress."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def sentiment_head(
    data: Annotated[Path, typer.Argument(help="CSV in UTF-8 whose first line names the columns")],
    model_dir: Annotated[
        Path, typer.Option("--model", metavar="DIR", help="the worker's model folder")
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="the folder to make; MODEL/sentiment is found")
    ],
    text_column: Annotated[str, typer.Option(help="column of the texts")] = "text",
    label_column: Annotated[
        str, typer.Option(help="column of pos or neg, 0 or 1, numbers in [-1, 1], or ratings")
    ] = "label",
    rating_max: Annotated[
        float | None, typer.Option(min=1, help="labels are ratings; the top of their scale")
    ] = None,
    held_out: Annotated[
        float, typer.Option(min=0.05, max=0.5, help="share kept to count the accuracy on")
    ] = 0.2,
    seed: Annotated[int, typer.Option(help="picks that share")] = 0,
) -> None:
    """Train a reader of sentiment on a model's own vectors, from labelled texts."""
    from rich.console import Console

    from export import extra
    from export.labelled import read_labelled
    from export.progress import shown
    from export.sentiment_head import make_head
    from stream.settings import load

    extra.require(("onnx", "onnxruntime", "skl2onnx"))
    found = read_labelled(
        data, text_column=text_column, label_column=label_column, rating_max=rating_max
    )
    typer.echo(
        f"{len(found.texts)} texts, {sum(found.positive)} of them praise; left out: "
        f"{found.neutral} neutral, {found.blank} blank, {found.repeated} repeated, "
        f"{found.contradictory} on both sides"
    )
    with shown(Console(stderr=True)) as reports:
        head = make_head(
            found,
            model_dir,
            out,
            settings=load(),
            reports=reports,
            held_out=held_out,
            seed=seed,
        )
    typer.echo(
        f"{out}: right for {head.accuracy:.3f} of {head.held_out} held-out texts (always saying "
        f"the larger class: {head.baseline:.3f}), trained on {head.trained_on}"
    )
