"""What lists are like, whatever the user did next: diverse, novel, true to the user's tastes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stream.core.catalogue import Entry
from stream.evaluate.orders import NOTHING, Lists

Values = NDArray[np.float64]
Table = NDArray[np.float32]

#: How much of the user's own distribution is mixed into the list's, or the divergence would be
#: infinite (Steck, "Calibrated Recommendations", RecSys 2018).
SMOOTHING = 0.01


def padded(table: Table) -> Table:
    """(n + 1, d): a row of zeros at the end, which is where NOTHING points."""
    return np.vstack([table, np.zeros((1, table.shape[1]), table.dtype)])


def category_table(entries: Sequence[Entry]) -> Table:
    """(n, c) each item's weight spread evenly over its categories; zeros where it has none."""
    names = {name: i for i, name in enumerate(sorted({c for e in entries for c in e.categories}))}
    table = np.zeros((len(entries), len(names)), np.float32)
    for row, entry in enumerate(entries):
        if entry.categories:
            table[row, [names[c] for c in entry.categories]] = 1 / len(entry.categories)
    return table


def diversity(lists: Lists, vectors: Table) -> Values:
    """(m,) 1 - the mean cosine of a list's pairs; nan where fewer than two items have a vector.

    vectors  (n + 1, d) unit rows or zeros, padded
    """
    rows = vectors[lists]  # (m, k, d)
    squares = np.einsum("mkd,mkd->m", rows, rows)  # how many have a vector
    total = rows.sum(axis=1)
    pairs = np.einsum("md,md->m", total, total) - squares
    count = np.rint(squares)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = pairs / (count * (count - 1))
    return np.where(count >= 2, 1 - cosine, np.nan).astype(np.float64)


def novelty(lists: Lists, uses: NDArray[np.int64]) -> Values:
    """(m,) mean of -log2 of an item's share of all uses, each counted once more; nan if empty.

    uses  (n,) how often each item was used
    """
    bits = -np.log2((uses + 1) / (uses.sum() + len(uses)))
    inside = lists != NOTHING
    total = np.where(inside, bits[lists], 0.0).sum(axis=1)
    with np.errstate(invalid="ignore"):
        mean: Values = total / inside.sum(axis=1)
    return mean


def divergence(lists: Lists, categories: Table, own: Table) -> Values:
    """(m,) KL of each list's categories from its user's own, in nats; nan where one has none.

    categories  (n + 1, c) padded
    own         (m, c) weights of the categories of what each user used
    """
    offered = _shares(categories[lists].sum(axis=1))  # (m, c)
    target = _shares(own)
    mixed = (1 - SMOOTHING) * offered + SMOOTHING * target
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(target > 0, target * np.log(target / mixed), 0.0)
    known = np.isfinite(offered).all(axis=1) & np.isfinite(target).all(axis=1)
    return np.where(known & (target.shape[1] > 0), terms.sum(axis=1), np.nan)


def _shares(weights: Table) -> Values:
    total = weights.sum(axis=1, keepdims=True, dtype=np.float64)
    found: Values = np.full(weights.shape, np.nan)
    np.divide(weights, total, out=found, where=total > 0)
    return found
