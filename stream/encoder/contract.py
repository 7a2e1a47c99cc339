"""What every encoder promises; one suite of tests runs over all of them."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stream.encoder.manifest import Manifest

Vector = NDArray[np.float32]
Rows = NDArray[np.float32]


class Lane(enum.IntEnum):
    """Who goes first: a catalogue load must not hold up the reviews that events bring."""

    EVENTS = 0
    ITEMS = 1


class TextEncoder(Protocol):
    """Texts in, unit vectors out."""

    @property
    def dimension(self) -> int:
        """Length of every vector."""

    @property
    def manifest(self) -> Manifest:
        """What identifies the model."""

    async def encode(self, texts: Sequence[str], lane: Lane = Lane.EVENTS) -> Rows:
        """(n, d) float32 unit rows in the order of `texts`, read-only; no texts give (0, d).

        Equal texts get equal rows; text of nothing but whitespace is the empty text.

        Raises Overloaded if the lane's queue is full, Unavailable after close().
        """

    async def close(self) -> None:
        """Stop; whoever still waits gets Unavailable. A second call does nothing."""


def canonical(text: str) -> str:
    """The text as the model sees it: blank is empty, and lone surrogates, which UTF-8 cannot
    carry, are question marks."""
    if not text or text.isspace():
        return ""
    return text.encode("utf-8", "replace").decode("utf-8")
