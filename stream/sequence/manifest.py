"""What identifies a sequence model's folder: the network, the items' vectors, their ids.

`interestream-export sequence` writes `sequence.json` beside them. A folder without it is refused:
nothing else says what the numbers mean, and whether anything was changed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import msgspec

from stream.errors import Misconfigured

NETWORK, VECTORS, IDS = "sequence.onnx", "vectors.npy", "ids.json"
MANIFEST = "sequence.json"
INPUT, OUTPUT = "items", "state"
FORMAT = 1
EXPORT = (
    "make it with `interestream-export sequence DATA --out FOLDER`, or set "
    "INTERESTREAM_SEQUENCE_PART to 0"
)

_Positive = Annotated[int, msgspec.Meta(ge=1)]
_Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A model's identity.

    length         items of a history that the network reads, the newest ones
    dimension      of a state and of an item's vector
    items          that it has learned; their numbers are 1 to `items`, 0 stands for none
    midpoint       product of state and vector at which an item gets 0.5
    spread         how much more of it takes that to 0.73
    trained_until  time of the newest event that it has learned, seconds
    trained_on     uses of items that it has learned
    """

    length: _Positive
    dimension: _Positive
    items: _Positive
    midpoint: float
    spread: Annotated[float, msgspec.Meta(gt=0)]
    trained_until: float
    trained_on: int
    network_sha256: _Sha256
    vectors_sha256: _Sha256
    ids_sha256: _Sha256
    format: int = FORMAT

    @property
    def hash(self) -> str:
        """8 hex digits that name the model in the ranker's version."""
        parts = (
            *(self.network_sha256, self.vectors_sha256, self.ids_sha256),
            *(repr(self.midpoint), repr(self.spread), str(self.length)),
        )
        return hashlib.sha256("/".join(parts).encode()).hexdigest()[:8]


def read(folder: Path) -> tuple[Manifest, dict[str, bytes]]:
    """The manifest of a folder and the content of its files, checked against it.

    Raises Misconfigured if a file is missing or damaged, or does not match the manifest.
    """
    manifest = _decoded(folder / MANIFEST, _content(folder, MANIFEST))
    declared = {
        NETWORK: manifest.network_sha256,
        VECTORS: manifest.vectors_sha256,
        IDS: manifest.ids_sha256,
    }
    files = {name: _content(folder, name) for name in declared}
    for name, content in files.items():
        found = hashlib.sha256(content).hexdigest()
        if found != declared[name]:
            raise Misconfigured(
                f"{folder / name} has sha256 {found[:12]}…, {MANIFEST} says "
                f"{declared[name][:12]}…: the folder is damaged or mixed from two models; {EXPORT}"
            )
    return manifest, files


def _content(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise Misconfigured(
            f"{folder / name} cannot be read ({error.strerror}): set "
            f"INTERESTREAM_SEQUENCE_MODEL_DIR to a sequence model's folder; {EXPORT}"
        ) from error


class _Format(msgspec.Struct, frozen=True):
    format: int = FORMAT


def _decoded(path: Path, content: bytes) -> Manifest:
    try:
        found = msgspec.json.decode(content, type=_Format).format
        if found == FORMAT:
            return msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path} cannot be read ({error}): {EXPORT}") from error
    raise Misconfigured(
        f"{path} has format {found}, this version of interestream reads {FORMAT}: update "
        f"interestream, or {EXPORT}"
    )
