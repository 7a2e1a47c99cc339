"""Readers of sentiment opened for a test, and reviews for them."""

from __future__ import annotations

import hashlib
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from stream.encoder.contract import Vector
from stream.encoder.fake import FakeEncoder
from stream.encoder.manifest import Manifest
from stream.sentiment.contract import Review
from stream.sentiment.head import HEAD, HEAD_MANIFEST, HeadManifest
from stream.sentiment.vader import Vader

HEAD_FIXTURE = Path(__file__).parent / "fixtures" / HEAD
DIMENSION = 8


@cache
def analyzer() -> Any:
    return SentimentIntensityAnalyzer()


def vader(review_lang: str = "en") -> Vader:
    return Vader(analyzer(), review_lang=review_lang)


def encoder() -> Manifest:
    """Of the encoder that the fixture's head belongs to."""
    return FakeEncoder(DIMENSION).manifest


def head_folder(folder: Path, **changed: object) -> Path:
    """The fixture's head with a head.json that fits, but for what is `changed`."""
    shutil.copy(HEAD_FIXTURE, folder / HEAD)
    right = HeadManifest(
        encoder=encoder().hash,
        dimension=DIMENSION,
        accuracy=0.9,
        baseline=0.6,
        trained_on=800,
        held_out=200,
        head_sha256=hashlib.sha256(HEAD_FIXTURE.read_bytes()).hexdigest(),
    )
    (folder / HEAD_MANIFEST).write_bytes(msgspec.json.encode(msgspec.to_builtins(right) | changed))
    return folder


def pointing(first: float) -> Vector:
    """A unit vector with this first component, which is all that the fixture's head looks at."""
    vector = np.zeros(DIMENSION, np.float32)
    vector[:2] = first, (1 - first**2) ** 0.5
    return vector


def review(text: str = "so good", lang: str | None = None, first: float = 0.5) -> Review:
    return Review(text, lang, pointing(first))
