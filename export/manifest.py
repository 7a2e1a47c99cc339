"""manifest.json: what the exported folder is, where it came from, how near it is to torch."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from export.options import Options
from export.parity import Parity
from export.run import provider
from export.source import Source
from stream.encoder import manifest as worker

PACKAGES = ("torch", "transformers", "onnx", "onnxruntime")
WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
DIGITS = 6


def write(
    folder: Path,
    source: Source,
    options: Options,
    found: Parity,
    dimension: int,
    tuning_cosine_min: float | None = None,
) -> None:
    """Write the manifest beside model and tokenizer, and read it as the worker will.

    found              over texts by which nothing was chosen
    tuning_cosine_min  of the worst tuning text, where something was chosen by them

    Raises Misconfigured if the worker would refuse the folder.
    """
    content = describe(folder, source, options, found, dimension)
    if tuning_cosine_min is not None:
        content["parity"]["tuning_cosine_min"] = round(tuning_cosine_min, DIGITS)
    encoded = msgspec.json.format(msgspec.json.encode(content))
    (folder / worker.MANIFEST).write_bytes(encoded + b"\n")
    worker.read(folder)


def describe(
    folder: Path, source: Source, options: Options, found: Parity, dimension: int
) -> dict[str, Any]:
    """The manifest's fields; the first nine are the worker's, the others are for people."""
    return {
        "format": worker.FORMAT,
        "name": source.name,
        "dimension": dimension,
        "max_tokens": source.max_tokens,
        "pooling": source.pooling,
        "dtype": options.dtype,
        "prefixes": {"query": source.query, "passage": source.passage},
        "model_sha256": worker.model_sha256(folder),
        "tokenizer_sha256": worker.tokenizer_sha256(folder),
        "normalize": options.normalize,
        "opset": options.opset,
        "source": {
            "model": source.label,
            "model_type": source.family,
            "prefixes_from": source.prefixes_from,
            "weights_sha256": weights_sha256(source.folder),
        },
        "versions": {package: version(package) for package in PACKAGES},
        "parity": {**_figures(found), "provider": provider(folder / worker.MODEL)},
    }


def _figures(found: Parity) -> dict[str, Any]:
    names = ("texts", "cosine_min", "cosine_mean", "rank_agreement", "bound")
    return {name: round(value, DIGITS) for name, value in asdict(found).items() if name in names}


def weights_sha256(folder: Path) -> dict[str, str]:
    """Of each weights file by its name."""
    found = sorted(path for pattern in WEIGHTS for path in folder.glob(pattern))
    return {path.name: _sha256(path) for path in found}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
