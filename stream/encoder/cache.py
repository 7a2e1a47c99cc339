"""Vectors by the hash of their text, the least recently used dropped beyond a size in bytes."""

from __future__ import annotations

import hashlib

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

ENTRY_BYTES = 320  # key, array header and dictionary entries around the numbers themselves


def content_key(text: str) -> bytes:
    """16 bytes that stand for a text; two texts with one key are not to be expected."""
    return hashlib.blake2b(text.encode("utf-8"), digest_size=16).digest()


class VectorCache:
    """At most `max_bytes` of read-only rows (0: none), with counts of hits and misses."""

    def __init__(self, max_bytes: int) -> None:
        self._rows: LRUCache[bytes, NDArray[np.float32]] = LRUCache(max_bytes, _size)
        self.hits = 0
        self.misses = 0

    def get(self, key: bytes) -> NDArray[np.float32] | None:
        """The row, now the most recently used, or None."""
        row = self._rows.get(key)
        if row is None:
            self.misses += 1
        else:
            self.hits += 1
        return row

    def put(self, key: bytes, row: NDArray[np.float32]) -> None:
        """Keep a row; one that is larger than the whole cache is not kept."""
        if _size(row) <= self._rows.maxsize:
            self._rows[key] = row

    @property
    def bytes_used(self) -> int:
        """Size of everything kept, at most `max_bytes`."""
        return int(self._rows.currsize)


def _size(row: NDArray[np.float32]) -> int:
    return row.nbytes + ENTRY_BYTES
