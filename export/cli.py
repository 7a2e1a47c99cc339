"""The command line of the exporter. torch is imported only when an export really starts."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from export.folder import CARRIED
from export.options import OPSETS, Dtype, Options, Pooling
from export.sentiment_command import sentiment_head
from export.sequence.command import sequence
from export.source import PrefixesFrom
from stream.encoder.manifest import MANIFEST, Manifest
from stream.errors import InterestreamError, Misconfigured
from stream.settings import load

CPU = "CPUExecutionProvider"  # as the manifest names it

app = typer.Typer(name="interestream-export", add_completion=False, pretty_exceptions_enable=False)


@app.callback(
    invoke_without_command=True,
    epilog="Example: interestream-export --model all-MiniLM-L6-v2 --out models/minilm --dtype int8",
)
def model(
    context: typer.Context,
    name_or_folder: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="DIR|NAME",
            help="folder of a transformers model, all-MiniLM-L6-v2 (its pinned weights are "
            "fetched), or a name in the local transformers cache; nothing else is downloaded",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="the folder to make, for INTERESTREAM_MODEL_DIR"),
    ] = None,
    pooling: Annotated[
        Pooling | None,
        typer.Option(
            help="token vectors to one; needed where the model has no 1_Pooling/config.json: cls "
            "for BGE, arctic-embed and mxbai, mean for E5 and MiniLM"
        ),
    ] = None,
    normalize: Annotated[bool, typer.Option(help="L2 norm in the graph")] = True,
    dtype: Annotated[
        Dtype, typer.Option(help="of the weights: int8 for the CPU, fp16 for a GPU")
    ] = Dtype.FP32,
    opset: Annotated[
        int, typer.Option(help=f"of ONNX, {OPSETS[0]} to {OPSETS[-1]}", metavar="N")
    ] = 17,
    max_tokens: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="longer texts are cut; else as sentence_bert_config.json or tokenizer_config.json "
            "says, else all that the model has positions for",
        ),
    ] = None,
    query_prefix: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help='in front of what is searched for; else as the model\'s prompts say, "query: " '
            "where its name has the word e5, else nothing",
        ),
    ] = None,
    passage_prefix: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help='in front of what is found; likewise, "passage: "'),
    ] = None,
    name: Annotated[str | None, typer.Option(help="in the manifest, for people")] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="replace a model at --out; a sentiment folder in it is kept"),
    ] = False,
) -> None:
    """Turn a BERT-family encoder into the ONNX folder that the worker runs.

    Pooling and the L2 norm are in the graph. The result is compared with torch over a fixed set of
    texts; below the bound (cosine at worst: fp32 0.9999, fp16 0.999, int8 0.98) the export fails.
    Nothing half-written is left behind.
    """
    if context.invoked_subcommand is not None:
        return
    if name_or_folder is None or out is None:
        raise typer.BadParameter("--model and --out are needed; --help shows an example")
    _export(
        Options(
            model=name_or_folder,
            out=out,
            pooling=pooling,
            normalize=normalize,
            dtype=dtype,
            opset=opset,
            max_tokens=max_tokens,
            query_prefix=query_prefix,
            passage_prefix=passage_prefix,
            name=name,
            force=force,
            cache_dir=load().cache_dir,
        )
    )


def _export(options: Options) -> None:
    from rich.console import Console

    from export import extra

    extra.require()
    from export.build import build
    from export.progress import shown

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: nothing is left behind
    with shown(Console(stderr=True)) as reports:
        found = build(options, reports)
    typer.echo(
        f"{options.out}: {options.dtype}, cosine with torch at least {found.cosine_min:.5f} "
        f"(bound {found.bound}), mean {found.cosine_mean:.5f}, rank agreement "
        f"{found.rank_agreement:.3f} over {found.texts} texts"
    )
    content = (options.out / MANIFEST).read_bytes()
    chosen, *warnings = _remarks(msgspec.json.decode(content))
    typer.echo(chosen)
    if (options.out / CARRIED).is_dir():
        warnings.append(_of_the_head(msgspec.json.decode(content, type=Manifest)))
    for warning in warnings:
        typer.secho(warning, err=True, fg="yellow")


def _remarks(manifest: dict[str, Any]) -> list[str]:
    """What parity does not tell, as torch was told the same; then what to look at, a line each."""
    prefixes = manifest["prefixes"]
    shown = [f'{role} prefix "{text}"' for role, text in prefixes.items() if text]
    lines = [
        f"pooling {manifest['pooling']}, at most {manifest['max_tokens']} tokens, "
        f"{', '.join(shown) or 'no prefixes'}"
    ]
    if manifest["source"]["prefixes_from"] == PrefixesFrom.NOBODY:
        lines.append(
            "neither the model's files nor its name say whether it wants prefixes: look them up "
            'where it was published and give --query-prefix and --passage-prefix (E5: "query: ", '
            '"passage: "; "" for none)'
        )
    if manifest["dtype"] == Dtype.FP16 and manifest["parity"]["provider"] == CPU:
        lines.append(
            "compared on the CPU, in float32 arithmetic: try it on the GPU before you trust it"
        )
    return lines


def _of_the_head(manifest: Manifest) -> str:
    return (
        f"the {CARRIED} folder was carried over from the model that was replaced: train it again "
        "(interestream-export sentiment-head), unless its head.json names this encoder, "
        f"{manifest.hash}"
    )


app.command("sentiment-head")(sentiment_head)
app.command("sequence")(sequence)


def main() -> None:
    """Entry point: errors that name their remedy are shown without a stack trace, exit code 2."""
    try:
        app()
    except InterestreamError as error:
        typer.secho(f"interestream-export: {error}", err=True, fg="red")
        sys.exit(2 if isinstance(error, Misconfigured) else 1)


if __name__ == "__main__":
    main()
