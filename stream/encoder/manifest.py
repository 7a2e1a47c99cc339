"""What identifies a model folder: model.onnx, its external data if any, tokenizer.json.

The exporter writes `manifest.json` beside them; a folder without it is refused, because nothing
else says what the files are, how token vectors become one, and whether anything was changed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from stream.errors import Misconfigured

MODEL = "model.onnx"
EXTERNAL = ("model.onnx.data", "model.onnx_data")  # in the order in which they are hashed
TOKENIZER = "tokenizer.json"
MANIFEST = "manifest.json"
FORMAT = 1
EXPORT = "export it with `interestream-export --model … --out …`"

_Positive = Annotated[int, msgspec.Meta(ge=1)]
_Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Prefixes(msgspec.Struct, frozen=True):
    """What a model was trained to see in front of a text; "": nothing."""

    query: str = ""
    passage: str = ""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A model's identity.

    name              for people; not part of the hash
    dimension         length of a vector
    max_tokens        the most tokens the model takes in a text
    pooling           how token vectors become one, in the graph or, where it does not, by us
    model_sha256      of model.onnx and its external data, in this order
    tokenizer_sha256  of tokenizer.json
    dtype             of the weights; vectors are float32 in any case
    prefixes          what goes in front of a text, by its role
    format            of manifest.json
    """

    name: str
    dimension: _Positive
    max_tokens: _Positive
    pooling: Literal["mean", "cls"]
    model_sha256: _Sha256
    tokenizer_sha256: _Sha256
    dtype: Literal["fp32", "int8", "fp16"] = "fp32"
    prefixes: Prefixes = Prefixes()
    format: int = FORMAT

    @property
    def hash(self) -> str:
        """8 hex digits that name collections: vectors of two encoders never meet."""
        parts = [self.model_sha256, self.tokenizer_sha256, self.pooling, str(self.dimension)]
        if self.prefixes != Prefixes():
            parts.append(msgspec.json.encode(self.prefixes).decode())
        return hashlib.sha256("/".join(parts).encode()).hexdigest()[:8]


def again(folder: Path | str) -> str:
    """What to do about a model folder that is damaged."""
    default = f"where it is the default model, remove {folder} and run again to fetch it anew"
    return f"{EXPORT}, or, {default}"


def read(model_dir: Path) -> Manifest:
    """The manifest of a folder, its hashes checked against the files. Reads every byte: some
    tenths of a second for 90 MB.

    Raises Misconfigured if a file is missing or damaged, or does not match manifest.json.
    """
    _require(model_dir)
    return _checked(_decoded(model_dir / MANIFEST), model_dir)


def model_sha256(model_dir: Path) -> str:
    """Of model.onnx and, after it, its external data."""
    external = (model_dir / name for name in EXTERNAL)
    return _sha256(model_dir / MODEL, *(path for path in external if path.is_file()))


def tokenizer_sha256(model_dir: Path) -> str:
    return _sha256(model_dir / TOKENIZER)


def _require(model_dir: Path) -> None:
    if not model_dir.is_dir():
        raise Misconfigured(
            f"model folder {model_dir} does not exist: set INTERESTREAM_MODEL_DIR to a folder "
            f"with {MODEL}, {TOKENIZER} and {MANIFEST}"
        )
    for name in (MODEL, TOKENIZER, MANIFEST):
        path = model_dir / name
        if not path.is_file() or path.stat().st_size == 0:
            raise Misconfigured(
                f"{path} is missing or empty: {again(model_dir)}, or set "
                "INTERESTREAM_MODEL_DIR to a complete folder"
            )


class _Format(msgspec.Struct, frozen=True):
    format: int = FORMAT


def _decoded(path: Path) -> Manifest:
    content = path.read_bytes()
    try:
        found = msgspec.json.decode(content, type=_Format).format
        if found == FORMAT:
            return msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path} cannot be read ({error}): {again(path.parent)}") from error
    raise Misconfigured(
        f"{path} has format {found}, this version of interestream reads {FORMAT}: update "
        f"interestream, or take the model and {EXPORT} of this version"
    )


def _checked(manifest: Manifest, model_dir: Path) -> Manifest:
    found = (model_sha256(model_dir), tokenizer_sha256(model_dir))
    declared = (manifest.model_sha256, manifest.tokenizer_sha256)
    for name, is_, should in zip((MODEL, TOKENIZER), found, declared, strict=True):
        if is_ != should:
            raise Misconfigured(
                f"{model_dir / name} has sha256 {is_[:12]}…, {MANIFEST} says {should[:12]}…: the "
                f"folder is damaged or mixed from two models; {again(model_dir)}"
            )
    return manifest


def _sha256(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
