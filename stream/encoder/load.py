"""From a model folder to the parts of an encoder."""

from __future__ import annotations

from pathlib import Path

from stream.encoder import manifest as manifests
from stream.encoder.manifest import Manifest
from stream.encoder.sessions import Session, open_sessions
from stream.encoder.tokens import Tokenizer
from stream.errors import Misconfigured


def load(
    model_dir: Path, sessions: int, max_tokens: int
) -> tuple[Manifest, Tokenizer, list[Session]]:
    """Everything a folder holds, its parts checked against each other; blocks for a second.

    sessions    how many, ≥ 1
    max_tokens  longer texts are cut here

    Raises Misconfigured if a file is damaged or a limit does not fit.
    """
    manifest = manifests.read(model_dir)
    if max_tokens > manifest.max_tokens:
        raise Misconfigured(
            f"INTERESTREAM_MAX_TOKENS is {max_tokens}, {manifest.name} takes at most "
            f"{manifest.max_tokens}: lower it"
        )
    tokenizer = Tokenizer.from_file(model_dir / manifests.TOKENIZER, max_tokens=max_tokens)
    opened = open_sessions(model_dir / manifests.MODEL, sessions)
    if opened[0].dimension != manifest.dimension:
        raise Misconfigured(
            f"{model_dir / manifests.MODEL} gives vectors of {opened[0].dimension}, its manifest "
            f"says {manifest.dimension}: export the model again"
        )
    return manifest, tokenizer, opened
