"""From scores to places and lists, for many rankings at once; equal scores stand by row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64] | NDArray[np.float32]
Places = NDArray[np.int64]
Lists = NDArray[np.int32]

#: The place of what is not in a list, or was filtered.
NOWHERE = np.iinfo(np.int64).max
NOTHING = -1  # fills the end of a list that is shorter than asked


def places(scores: Scores, rows: NDArray[np.intp]) -> Places:
    """(m,) the place, from 1, of one item in each ranking.

    scores  (m, n); -inf where an item is not to be ranked
    rows    (m,) the items asked for
    """
    if not len(rows):
        return np.zeros(0, np.int64)
    own = scores[np.arange(len(rows)), rows][:, None]  # (m, 1)
    ahead = np.count_nonzero(scores > own, axis=1)
    tied = np.count_nonzero(
        (scores == own) & (np.arange(scores.shape[1])[None, :] < rows[:, None]), axis=1
    )
    return np.where(np.isfinite(own[:, 0]), ahead + tied + 1, NOWHERE)


def best(scores: Scores, size: int) -> Lists:
    """(m, size) rows of the best items of each ranking, best first, NOTHING beyond its end."""
    found = np.full((len(scores), size), NOTHING, np.int32)
    count = scores.shape[1]
    if count > size:
        thresholds = np.partition(scores, count - size, axis=1)[:, count - size]
    else:
        thresholds = np.full(len(scores), -np.inf)
    for row, (own, least) in enumerate(zip(scores, thresholds, strict=True)):
        pool = np.flatnonzero((own >= least) & np.isfinite(own))
        top = pool[np.lexsort((pool, -own[pool]))][:size]
        found[row, : len(top)] = top
    return found


def places_in(lists: Lists, rows: NDArray[np.intp]) -> Places:
    """(m,) the place, from 1, of one item in each list; NOWHERE where it is not in it."""
    hit = lists == rows[:, None]  # (m, k)
    return np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, NOWHERE)
