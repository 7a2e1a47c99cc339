"""What an export is asked for, and the limits that can be checked without torch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from stream.errors import Misconfigured

OPSETS = range(17, 21)  # 17 is the first with LayerNormalization, 20 the last that TorchScript has


class Pooling(StrEnum):
    """How token vectors become one."""

    MEAN = "mean"
    CLS = "cls"


class Dtype(StrEnum):
    """Of the weights; vectors are float32 in any case."""

    FP32 = "fp32"
    INT8 = "int8"
    FP16 = "fp16"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One export; None stands for what the model's own files say.

    model       a folder, or the name of a model that is on this machine already
    out         the folder that is made
    pooling     must be given where the model's files do not say it
    max_tokens  the most tokens of a text, special ones included
    force       replace `out` if it is a model
    cache_dir   where the pinned model is unpacked
    """

    model: str
    out: Path
    pooling: Pooling | None = None
    normalize: bool = True
    dtype: Dtype = Dtype.FP32
    opset: int = 17
    max_tokens: int | None = None
    query_prefix: str | None = None
    passage_prefix: str | None = None
    name: str | None = None
    force: bool = False
    cache_dir: Path = Path(".cache")


def check(options: Options) -> None:
    """Raises Misconfigured for what no model could satisfy."""
    if options.opset not in OPSETS:
        raise Misconfigured(
            f"--opset is {options.opset}, the exporter writes {OPSETS[0]} to {OPSETS[-1]}: "
            "choose one of these"
        )
    if options.max_tokens is not None and options.max_tokens < 8:
        raise Misconfigured(f"--max-tokens is {options.max_tokens}, at least 8 make a text")
    model = Path(options.model)
    if model.is_dir() and options.out.resolve() == model.resolve():
        raise Misconfigured(
            f"--out {options.out} is the model's own folder, whose files would be lost: choose "
            "another --out"
        )
