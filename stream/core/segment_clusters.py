"""Clustering of unit vectors by cosine, the rule by which users are assigned, so that a fit ends
where assigning everybody again would change nothing.

Imported by the fit alone, like `core.segment_fit`: it needs scikit-learn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.cluster import MiniBatchKMeans

Matrix = NDArray[np.float32]

#: A fresh start goes on until this many moves of a centroid were in vain, one after another: a
#: move finds the group that was missed with a chance of about 2 in k. In 32 noisy planted worlds of
#: 3 to 12 groups k-means++ alone missed one in 9, the best of three starts in 6, and 8 moves in 2,
#: at a quarter of the three starts' price.
IN_VAIN = 40
#: Such moves are made on so many rows, and judged after so many rounds.
MOVED_ON = 4000
JUDGED_AFTER = 6
#: Rounds of assigning and averaging, at most; and multiplications that they may take, for models
#: of many segments.
ROUNDS = 40
WORK = 4e12


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Rows around centroids.

    centroids  (k, d) unit float32; some may have no rows
    nearest    (n,) number of each row's centroid
    cosine     mean cosine of the rows to theirs
    """

    centroids: Matrix
    nearest: NDArray[np.intp]
    cosine: float

    @property
    def sizes(self) -> NDArray[np.intp]:
        """(k,) rows of each."""
        return np.bincount(self.nearest, minlength=len(self.centroids))


def around(rows: Matrix, centroids: Matrix) -> Clusters:
    """The rows (n, d), each with the nearest of the centroids (k, d)."""
    cosines = rows @ centroids.T  # (n, d)·(d, k) -> (n, k)
    return Clusters(centroids, np.argmax(cosines, axis=1), float(cosines.max(axis=1).mean()))


def settled(rows: Matrix, centroids: Matrix, rounds: int = ROUNDS) -> Clusters:
    """Lloyd's rounds from these centroids until no row changes sides, or the work is spent."""
    affordable = WORK / (2.0 * rows.size * len(centroids))
    now = around(rows, centroids)
    for _ in range(int(np.clip(affordable, 2, rounds))):
        before, now = now, around(rows, _means(rows, now))
        if np.array_equal(before.nearest, now.nearest):
            break
    return now


def fresh(rows: Matrix, count: int, *, seed: int) -> Clusters:
    """Clusters without a past: k-means++ and mini-batches, then centroids move to where they are
    worth more, so that no two share a group while another two groups share one."""
    model = MiniBatchKMeans(count, random_state=seed, n_init=3, batch_size=1024).fit(rows)
    some = rows[:MOVED_ON]
    found = settled(some, _unit(model.cluster_centers_.astype(np.float32)))
    vain, tries = 0, 0
    while vain < _tries(count) and count > 1:
        tries += 1
        moved = settled(some, _moved(some, found.centroids, seed=seed + tries), JUDGED_AFTER)
        vain, found = (0, moved) if moved.cosine > found.cosine + 1e-5 else (vain + 1, found)
    return settled(rows, found.centroids)


def explained(rows: Matrix, clusters: Clusters) -> float:
    """Share of what one centroid for all leaves open that these clusters explain, at most 1.

    Unlike inertia it does not drown in noise: a group that two clusters share costs about one
    k-th of it, however widely the groups spread.
    """
    one = float(np.linalg.norm(rows.mean(axis=0, dtype=np.float64)))  # the best one's mean cosine
    return (clusters.cosine - one) / max(1.0 - one, 1e-9)


def resized(rows: Matrix, centroids: Matrix, count: int, *, seed: int) -> Matrix:
    """These centroids made `count`: those go whose rows lose the least, new ones come where they
    are worth most."""
    if len(centroids) >= count:
        return _made(rows, centroids, count, seed=seed)
    some = rows[:MOVED_ON]
    grown = [_made(some, centroids, count, seed=seed + n) for n in range(_tries(count))]
    return max(
        (settled(some, each, JUDGED_AFTER) for each in grown), key=lambda one: one.cosine
    ).centroids


def _tries(count: int) -> int:
    return min(2 * count + 4, IN_VAIN)


def _made(rows: Matrix, centroids: Matrix, count: int, *, seed: int) -> Matrix:
    """These centroids made `count`; new ones begin at rows that are far from all (k-means++)."""
    while len(centroids) > count:
        centroids = np.delete(centroids, _least_missed(rows, centroids), axis=0)
    random = np.random.default_rng(seed)
    while len(centroids) < count:
        far = np.clip(1.0 - (rows @ centroids.T).max(axis=1).astype(np.float64), 0.0, None)
        if not far.sum() > 0:
            break
        row = rows[random.choice(len(rows), p=far / far.sum())]
        centroids = np.concatenate([centroids, row[None]])
    return centroids


def _moved(rows: Matrix, centroids: Matrix, *, seed: int) -> Matrix:
    fewer = np.delete(centroids, _least_missed(rows, centroids), axis=0)
    return _made(rows, fewer, len(centroids), seed=seed)


def _means(rows: Matrix, clusters: Clusters) -> Matrix:
    """(k, d) unit means; a centroid without rows, or whose rows cancel out, stays."""
    n, k = len(rows), len(clusters.centroids)
    ones, starts = np.ones(n, np.float32), np.arange(n + 1)
    member = csr_array((ones, clusters.nearest, starts), shape=(n, k))
    sums = np.asarray(member.T @ rows, np.float32)  # (k, n)·(n, d) -> (k, d)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.where(lengths > 1e-6, sums / np.maximum(lengths, 1e-6), clusters.centroids)


def _unit(rows: Matrix) -> Matrix:
    unit: Matrix = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit


def _least_missed(rows: Matrix, centroids: Matrix) -> int:
    cosines = rows @ centroids.T  # (n, k), k >= 2
    best = np.argmax(cosines, axis=1)
    top = np.partition(cosines, -2, axis=1)[:, -2:]  # (n, 2) second best and best
    losses = np.bincount(best, weights=top[:, 1] - top[:, 0], minlength=len(centroids))
    return int(np.argmin(losses))
