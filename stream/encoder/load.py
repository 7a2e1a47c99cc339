"""From a model folder to the parts of an encoder."""

from __future__ import annotations

from pathlib import Path

from stream.encoder import manifest as manifests
from stream.encoder.manifest import Manifest
from stream.encoder.providers import Opened, Wanted, open_sessions
from stream.encoder.tokens import Tokenizer
from stream.errors import Misconfigured


def load(model_dir: Path, wanted: Wanted) -> tuple[Manifest, Tokenizer, Opened]:
    """Everything a folder holds, its parts checked against each other; blocks for a second.

    Raises Misconfigured if a file is damaged or a limit does not fit.
    """
    manifest = manifests.read(model_dir)
    if wanted.max_tokens > manifest.max_tokens:
        raise Misconfigured(
            f"INTERESTREAM_MAX_TOKENS is {wanted.max_tokens}, {manifest.name} takes at most "
            f"{manifest.max_tokens}: lower it"
        )
    path = model_dir / manifests.TOKENIZER
    tokenizer = Tokenizer.from_file(path, max_tokens=wanted.max_tokens)
    opened = open_sessions(model_dir, manifest, wanted)
    if opened.graph.dimension != manifest.dimension:
        raise Misconfigured(
            f"{model_dir / manifests.MODEL} gives vectors of {opened.graph.dimension}, its "
            f"manifest says {manifest.dimension}: {manifests.AGAIN}"
        )
    return manifest, tokenizer, opened
