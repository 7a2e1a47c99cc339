"""From a model folder to the parts of an encoder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from stream.encoder import manifest as manifests
from stream.encoder.batches import pad
from stream.encoder.manifest import Manifest
from stream.encoder.providers import Opened, Wanted, open_sessions
from stream.encoder.tokens import Tokenizer
from stream.errors import Misconfigured

SAMPLE = "a film about two friends"


def load(model_dir: Path, wanted: Wanted) -> tuple[Manifest, Tokenizer, Opened]:
    """Everything a folder holds, its parts checked against each other, and each session once run;
    blocks for a second. Texts are cut at the setting's limit, or where the model ends.

    Raises Misconfigured if a file is damaged or the model cannot be run.
    """
    manifest = manifests.read(model_dir)
    wanted = replace(wanted, max_tokens=min(wanted.max_tokens, manifest.max_tokens))
    path = model_dir / manifests.TOKENIZER
    tokenizer = Tokenizer.from_file(path, max_tokens=wanted.max_tokens)
    opened = open_sessions(model_dir, manifest, wanted)
    if opened.graph.dimension != manifest.dimension:
        raise Misconfigured(
            f"{model_dir / manifests.MODEL} gives vectors of {opened.graph.dimension}, its "
            f"manifest says {manifest.dimension}: {manifests.again(model_dir)}"
        )
    _try(opened, tokenizer, model_dir)
    return manifest, tokenizer, opened


def _try(opened: Opened, tokenizer: Tokenizer, model_dir: Path) -> None:
    """A model that loads may still fail to run, or give vectors that are not finite."""
    ids, mask = pad([tokenizer.encode([SAMPLE])[0].ids], tokenizer.pad_id, opened.shapes)
    for session in opened.sessions:
        try:
            session.run(ids, mask)
        except Exception as error:  # the bindings have no common class for their errors
            raise Misconfigured(
                f"{model_dir / manifests.MODEL} cannot be run on {opened.provider} ({error}): "
                f"{manifests.again(model_dir)}"
            ) from error
