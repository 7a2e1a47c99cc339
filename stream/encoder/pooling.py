"""From a vector for each token to one for each text, where the graph does not do it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mean_pool(hidden: NDArray[np.float32], mask: NDArray[np.int64]) -> NDArray[np.float32]:
    """Mean over the tokens that the mask keeps: (b, l, d) and (b, l) -> (b, d)."""
    weights = mask.astype(np.float32)
    sums = np.matmul(weights[:, None, :], hidden)[:, 0]  # (b,1,l)·(b,l,d) -> (b,d)
    counts = np.maximum(weights.sum(axis=1, keepdims=True), 1.0)
    return np.asarray(sums / counts, dtype=np.float32)


def cls_pool(hidden: NDArray[np.float32], mask: NDArray[np.int64]) -> NDArray[np.float32]:
    """The first token's vector, (b, l, d) -> (b, d): it stands for the text in some models."""
    return hidden[:, 0]


POOLINGS = {"mean": mean_pool, "cls": cls_pool}


def unit_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of L2 norm 1, float32.

    Raises ValueError if a row has no direction: zero, NaN or infinite.
    """
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.all(np.isfinite(norms) & (norms > 0)):
        raise ValueError("the model gave a vector that is zero or not finite")
    return np.asarray(rows / norms, dtype=np.float32)
