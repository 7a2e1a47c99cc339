"""An encoder without a model for tests: texts that share words get similar vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from stream.encoder.contract import Lane, Role, Rows, Vector, as_seen
from stream.encoder.manifest import Manifest, Prefixes
from stream.errors import Unavailable


class FakeEncoder:
    """Deterministic over processes and machines; `seen` lists the texts of every call."""

    def __init__(self, dimension: int = 64, prefixes: Prefixes | None = None) -> None:
        self.seen: list[str] = []
        self._closed = False
        self._manifest = Manifest(
            name="fake",
            dimension=dimension,
            max_tokens=512,
            pooling="mean",
            model_sha256=hashlib.sha256(b"fake").hexdigest(),
            tokenizer_sha256=hashlib.sha256(b"words").hexdigest(),
            prefixes=prefixes or Prefixes(),
        )

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        return self._manifest.dimension

    @property
    def manifest(self) -> Manifest:
        """A made-up identity, the same for every fake of one dimension."""
        return self._manifest

    async def encode(
        self, texts: Sequence[str], lane: Lane = Lane.EVENTS, role: Role = Role.PASSAGE
    ) -> Rows:
        """(n, d) float32 unit rows: the mean of the words' directions, prefix included."""
        if self._closed:
            raise Unavailable("encoder", "closed")
        self.seen.extend(texts)
        rows = np.empty((len(texts), self.dimension), np.float32)
        for row, text in enumerate(texts):
            seen = as_seen(text, role, self._manifest.prefixes)
            rows[row] = _direction(seen, self.dimension)
        rows.setflags(write=False)
        return rows

    async def close(self) -> None:
        """Refuse every later call."""
        self._closed = True


def _direction(text: str, dimension: int) -> Vector:
    words = text.lower().split() or [""]
    total = np.sum([_word(word, dimension) for word in words], axis=0)
    return np.asarray(total / np.linalg.norm(total), dtype=np.float32)


@lru_cache(maxsize=65_536)
def _word(word: str, dimension: int) -> Vector:
    seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")
    return np.random.default_rng(seed).standard_normal(dimension).astype(np.float32)
