"""Masked mean and unit norm."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.encoder.pooling import mean_pool, unit_rows


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 2**32 - 1))
def test_pooling_a_batch_is_the_mean_of_each_texts_own_tokens(
    lengths: list[int], seed: int
) -> None:
    shape = (len(lengths), max(lengths), 4)
    hidden = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    mask = np.array([[int(k < n) for k in range(max(lengths))] for n in lengths], dtype=np.int64)

    expected = np.stack([hidden[row, :n].mean(axis=0) for row, n in enumerate(lengths)])

    np.testing.assert_allclose(mean_pool(hidden, mask), expected, atol=1e-5)


def test_rows_get_norm_one() -> None:
    rows = unit_rows(np.array([[3.0, 4.0], [0.0, -2.0]], dtype=np.float32))

    np.testing.assert_allclose(rows, [[0.6, 0.8], [0.0, -1.0]], atol=1e-7)
    assert rows.dtype == np.float32


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
def test_a_row_without_direction_is_an_error(bad: float) -> None:
    with pytest.raises(ValueError, match="zero or not finite"):
        unit_rows(np.array([[1.0, 0.0], [bad, bad]], dtype=np.float32))
