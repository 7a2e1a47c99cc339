"""Sentiment by a logistic head on the encoder's own vectors: any language that the encoder takes.

A folder of `head.onnx` and `head.json`, written by `interestream-export sentiment-head`. A head
fits the vectors of one encoder and of no other.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Self

import msgspec
import numpy as np
import onnxruntime as ort

from stream.encoder.contract import Rows
from stream.encoder.manifest import Manifest
from stream.errors import Misconfigured
from stream.sentiment.contract import Review

HEAD = "head.onnx"
HEAD_MANIFEST = "head.json"
INPUT, OUTPUT = "vector", "positive"
TRAIN = (
    "train one with `interestream-export sentiment-head` on this model, "
    "or set INTERESTREAM_SENTIMENT to vader or off"
)

_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class HeadManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What identifies a head, and how good it was found to be.

    encoder     hash of the manifest of the encoder that it was trained on
    dimension   of its input
    accuracy    share of the held-out texts that it got right
    baseline    share of the larger class in the held-out part
    trained_on  texts; held_out too
    """

    encoder: str
    dimension: Annotated[int, msgspec.Meta(ge=1)]
    accuracy: _Share
    baseline: _Share
    trained_on: int
    held_out: int
    head_sha256: str
    versions: dict[str, str] = {}  # msgspec copies an empty default


class Head:
    """Reads every language; open it with `Head.open`."""

    def __init__(self, session: Any, manifest: HeadManifest) -> None:
        self._session = session
        self.manifest = manifest

    @classmethod
    async def open(cls, folder: Path, encoder: Manifest) -> Self:
        """Read and check a folder.

        encoder  the running encoder's manifest

        Raises Misconfigured where a file is missing or damaged, or is of another encoder.
        """
        return cls(*await asyncio.to_thread(_load, folder, encoder))

    async def polarity(self, reviews: Sequence[Review]) -> list[float | None]:
        """See `Sentiment`: 2p - 1 of the probability p that the text is positive."""
        if not reviews:
            return []
        sides = 2 * self.positive(np.stack([review.vector for review in reviews])) - 1  # (n,)
        return [
            round(float(side), 4) if review.text.strip() else None
            for review, side in zip(reviews, sides, strict=True)
        ]

    def positive(self, vectors: Rows) -> Rows:
        """Probabilities (n,) that the texts of these vectors (n, d) are positive; microseconds."""
        (found,) = self._session.run([OUTPUT], {INPUT: vectors})
        return np.asarray(found, np.float32).reshape(len(vectors))


def _load(folder: Path, encoder: Manifest) -> tuple[Any, HeadManifest]:
    for name in (HEAD, HEAD_MANIFEST):
        if not (folder / name).is_file():
            raise Misconfigured(
                f"{folder / name} is missing: set INTERESTREAM_SENTIMENT_DIR to a head's folder, "
                f"or {TRAIN}"
            )
    manifest = _decoded(folder / HEAD_MANIFEST)
    _require_fit(folder, manifest, encoder)
    model = (folder / HEAD).read_bytes()
    found = hashlib.sha256(model).hexdigest()
    if found != manifest.head_sha256:
        raise Misconfigured(
            f"{folder / HEAD} has sha256 {found[:12]}…, {HEAD_MANIFEST} says "
            f"{manifest.head_sha256[:12]}…: the folder is damaged or mixed from two heads; {TRAIN}"
        )
    session = _session(folder / HEAD, model)
    _require_shape(folder / HEAD, session, manifest.dimension)
    return session, manifest


def _decoded(path: Path) -> HeadManifest:
    try:
        return msgspec.json.decode(path.read_bytes(), type=HeadManifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path} cannot be read ({error}): {TRAIN}") from error


def _require_fit(folder: Path, manifest: HeadManifest, encoder: Manifest) -> None:
    if manifest.encoder != encoder.hash:
        raise Misconfigured(
            f"the head in {folder} was trained on encoder {manifest.encoder}, running is "
            f"{encoder.hash} ({encoder.name}): {TRAIN}"
        )
    if manifest.dimension != encoder.dimension:
        raise Misconfigured(
            f"the head in {folder} takes vectors of {manifest.dimension}, {encoder.name} gives "
            f"{encoder.dimension}: {TRAIN}"
        )


def _session(path: Path, model: bytes) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the binding has no common class for its errors
        raise Misconfigured(f"{path} cannot be loaded ({error}): {TRAIN}") from error


def _require_shape(path: Path, session: Any, dimension: int) -> None:
    inputs = {node.name: node.shape[-1] for node in session.get_inputs()}
    outputs = [node.name for node in session.get_outputs()]
    if inputs != {INPUT: dimension} or OUTPUT not in outputs:
        raise Misconfigured(
            f"{path} has inputs {inputs} and outputs {outputs}; needed are the input {INPUT} of "
            f"{dimension} and the output {OUTPUT}: {TRAIN}"
        )
