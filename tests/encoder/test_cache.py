"""Laws of the cache."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.encoder.cache import ENTRY_BYTES, VectorCache, content_key

ENTRY = ENTRY_BYTES + 16


def row(value: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.full(4, value, dtype=np.float32)


@given(st.lists(st.integers(0, 30), max_size=80), st.integers(0, 10 * ENTRY))
def test_it_never_outgrows_its_bytes_and_never_confuses_texts(
    texts: list[int], max_bytes: int
) -> None:
    cache = VectorCache(max_bytes)

    for text in texts:
        cache.put(content_key(str(text)), row(text))
        assert cache.bytes_used <= max_bytes
    for text in texts:
        found = cache.get(content_key(str(text)))
        assert found is None or found[0] == text
    assert cache.hits + cache.misses == len(texts)


def test_the_least_recently_used_goes_first() -> None:
    cache = VectorCache(2 * ENTRY)
    cache.put(b"a", row(1))
    cache.put(b"b", row(2))
    cache.get(b"a")
    cache.put(b"c", row(3))

    assert cache.get(b"b") is None
    assert cache.get(b"a") is not None
    assert cache.get(b"c") is not None


def test_zero_bytes_keep_nothing() -> None:
    cache = VectorCache(0)
    cache.put(b"a", row(1))

    assert cache.get(b"a") is None
    assert (cache.hits, cache.misses) == (0, 1)
