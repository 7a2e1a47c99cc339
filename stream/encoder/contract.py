"""What every encoder promises; one suite of tests runs over all of them."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stream.encoder.manifest import Manifest, Prefixes

Vector = NDArray[np.float32]
Rows = NDArray[np.float32]


class Lane(enum.IntEnum):
    """Who goes first: a catalogue load must not hold up the reviews that events bring."""

    EVENTS = 0
    ITEMS = 1


class Role(enum.Enum):
    """What a text is for: some models want searches and what is searched told apart."""

    QUERY = enum.auto()
    PASSAGE = enum.auto()


class TextEncoder(Protocol):
    """Texts in, unit vectors out."""

    @property
    def dimension(self) -> int:
        """Length of every vector."""

    @property
    def manifest(self) -> Manifest:
        """What identifies the model."""

    async def encode(
        self, texts: Sequence[str], lane: Lane = Lane.EVENTS, role: Role = Role.PASSAGE
    ) -> Rows:
        """(n, d) float32 unit rows in the order of `texts`, read-only; no texts give (0, d).

        Equal texts of one role get equal rows; text of nothing but whitespace is the empty text.
        The role picks the prefix of the manifest, and changes nothing where there is none.

        Raises Overloaded if the lane's queue is full, Unavailable after close().
        """

    async def close(self) -> None:
        """Stop; whoever still waits gets Unavailable. A second call does nothing."""


def as_seen(text: str, role: Role, prefixes: Prefixes) -> str:
    """The text as the model sees it: the prefix of its role, then its canonical form."""
    return (prefixes.query if role is Role.QUERY else prefixes.passage) + canonical(text)


def canonical(text: str) -> str:
    """The text without what no model sees: blank is empty, and lone surrogates, which UTF-8 cannot
    carry, are question marks."""
    if not text or text.isspace():
        return ""
    return text.encode("utf-8", "replace").decode("utf-8")
