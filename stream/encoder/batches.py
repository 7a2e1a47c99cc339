"""Which texts run together: batches of similar lengths, bounded by padded tokens.

On a CPU a padded token costs as much as a real one, and from about 128 padded tokens a run upwards
every token costs the same, so the plan avoids padding first and small batches second.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray

from stream.encoder.tokens import Ids

WASTE_SHARE = 0.10  # of a batch's padded tokens
WASTE_TOKENS = 16  # what a run of its own costs, counted in tokens: less padding is cheaper
SMALLEST_SPLIT_TOKENS = 64  # a run of 64 costs a tenth more for each token, one of 32 a third


def plan(lengths: Sequence[int], batch_tokens: int) -> list[list[int]]:
    """Indices of `lengths` cut into batches, longest first.

    A batch's padded tokens (its longest × its count) are at most `batch_tokens`, unless it is
    one text; its padding is at most WASTE_SHARE of them or WASTE_TOKENS, whichever is more.

    lengths  tokens of each text, ≥ 1
    """
    batches: list[list[int]] = []
    longest = real = 0
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        length = lengths[index]
        if not batches or not _fits(longest, len(batches[-1]) + 1, real + length, batch_tokens):
            batches.append([])
            longest, real = length, 0
        batches[-1].append(index)
        real += length
    return batches


def _fits(longest: int, count: int, real: int, batch_tokens: int) -> bool:
    padded = longest * count
    return padded <= batch_tokens and padded - real <= max(WASTE_SHARE * padded, WASTE_TOKENS)


def share(lengths: Sequence[int], sessions: int, batch_tokens: int) -> int:
    """The batch budget that gives every session a part of a small load, or one works while the
    others idle: at most `batch_tokens`, at least what makes a run worth it."""
    fair = ceil(sum(lengths) / sessions)
    return min(batch_tokens, max(fair, SMALLEST_SPLIT_TOKENS))


def pad(rows: Sequence[Ids], pad_id: int) -> tuple[Ids, NDArray[np.int64]]:
    """Ids and mask, both (b, longest) int64; padding on the right, masked by 0."""
    shape = (len(rows), max(map(len, rows)))
    ids = np.full(shape, pad_id, dtype=np.int64)
    mask = np.zeros(shape, dtype=np.int64)
    for row, tokens in enumerate(rows):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return ids, mask
