"""What identifies a model folder: model.onnx, its external data if any, tokenizer.json.

An exported model brings `manifest.json`, and its hashes must match the files. A folder without
one gets a manifest derived from its files.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from stream.encoder.sessions import describe
from stream.errors import Misconfigured

MODEL = "model.onnx"
TOKENIZER = "tokenizer.json"
MANIFEST = "manifest.json"
BERT_POSITIONS = 512  # what the BERT family takes where config.json does not say


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A model's identity.

    name              for people; not part of the hash
    dimension         length of a vector
    max_tokens        the most tokens the model takes in a text
    pooling           how token vectors become one: "mean" or "cls"; "graph" where the model does
                      it and no manifest.json says how
    model_sha256      of model.onnx and its external data, in this order
    tokenizer_sha256  of tokenizer.json
    """

    name: str
    dimension: int
    max_tokens: int
    pooling: str
    model_sha256: str
    tokenizer_sha256: str

    @property
    def hash(self) -> str:
        """8 hex digits that name collections: vectors of two encoders never meet."""
        parts = (self.model_sha256, self.tokenizer_sha256, self.pooling, str(self.dimension))
        return hashlib.sha256("/".join(parts).encode()).hexdigest()[:8]


def read(model_dir: Path) -> Manifest:
    """The manifest of a folder, its hashes checked against the files. Reads every byte: some
    tenths of a second for 90 MB.

    Raises Misconfigured if a file is missing or damaged, or does not match manifest.json.
    """
    _require(model_dir)
    declared = model_dir / MANIFEST
    if declared.is_file():
        return _checked(_decoded(declared), model_dir)
    return _derived(model_dir)


def _require(model_dir: Path) -> None:
    if not model_dir.is_dir():
        raise Misconfigured(
            f"model folder {model_dir} does not exist: set INTERESTREAM_MODEL_DIR to a folder "
            f"with {MODEL} and {TOKENIZER}"
        )
    for name in (MODEL, TOKENIZER):
        path = model_dir / name
        if not path.is_file() or path.stat().st_size == 0:
            raise Misconfigured(
                f"{path} is missing or empty: fetch or export the model again, or set "
                "INTERESTREAM_MODEL_DIR to a complete folder"
            )


def _decoded(path: Path) -> Manifest:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path} cannot be read ({error}): export the model again") from error


def _checked(manifest: Manifest, model_dir: Path) -> Manifest:
    found = (_model_sha256(model_dir), _sha256(model_dir / TOKENIZER))
    declared = (manifest.model_sha256, manifest.tokenizer_sha256)
    for name, is_, should in zip((MODEL, TOKENIZER), found, declared, strict=True):
        if is_ != should:
            raise Misconfigured(
                f"{model_dir / name} has sha256 {is_[:12]}…, {MANIFEST} says {should[:12]}…: the "
                "folder is damaged or mixed from two models; fetch or export the model again"
            )
    return manifest


def _derived(model_dir: Path) -> Manifest:
    graph = describe(model_dir / MODEL)
    return Manifest(
        name=model_dir.resolve().name,
        dimension=graph.dimension,
        max_tokens=_positions(model_dir / "config.json"),
        pooling="graph" if graph.pooled else "mean",
        model_sha256=_model_sha256(model_dir),
        tokenizer_sha256=_sha256(model_dir / TOKENIZER),
    )


class _Config(msgspec.Struct, frozen=True):
    max_position_embeddings: int = BERT_POSITIONS


def _positions(path: Path) -> int:
    if not path.is_file():
        return BERT_POSITIONS
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Config).max_position_embeddings
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path} cannot be read ({error}): fetch the model again") from error


def _model_sha256(model_dir: Path) -> str:
    # "model.onnx" sorts before "model.onnx.data" and "model.onnx_data"
    return _sha256(*sorted(model_dir.glob(f"{MODEL}*")))


def _sha256(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
