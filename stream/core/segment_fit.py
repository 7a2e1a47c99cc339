"""Fitting segments to a sample of users, so that they stay what they were where users did.

Apart from `core.segments`, because importing scikit-learn takes seconds and 100 MB: only the child
process that fits needs it.

1. order    rows by a hash of their bytes, so that their order says nothing
2. count    the present number of segments, unless another one of those allowed parts users better
3. cluster  the centroids in force stay as they are, or move, or fresh ones take their place: each
            only where it clearly serves users that it was not fitted on
4. match    with the segments in force, by the users that they share
5. record   what changed
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import silhouette_score
from threadpoolctl import threadpool_limits

from stream.core.segment_clusters import Clusters, around, explained, fresh, resized, settled
from stream.core.segment_compare import compared, differing
from stream.core.segment_history import PERIODIC, Fitted, Record
from stream.core.segment_match import matched
from stream.core.segments import SegmentModel

Matrix = NDArray[np.float32]

#: What clusters must explain more, as a share of an average segment's part, before the centroids in
#: force move to them, and before fresh ones win. Fitted on one half of unchanged users and judged
#: on the other, moving the centroids gains at most 0.03 of it, with groups and without; turning
#: the users of one group of eight by 0.3 rad gains 0.09. Two fits afresh of tastes without any
#: groups differ by up to 0.3; an average group that was missed costs 1 where groups are far apart,
#: a small one beside another as little as 0.1.
MOVES = 0.05
CLEARLY = 0.5
#: Another number of segments wins if its silhouette is better by this share and this much.
BETTER_SHARE = 0.1
BETTER = 0.02
#: Numbers of segments that are tried at most, and the users on which each is fitted, and judged.
COUNTS = 16
CHOICE_ROWS = 2000


def fit(
    tastes: Matrix,
    *,
    count: int,
    version: int,
    before: SegmentModel | None,
    seed: int = 0,
    count_max: int | None = None,
) -> SegmentModel:
    """The model alone of `refit`."""
    start = Record(version, 0.0, PERIODIC)
    fitted = refit(tastes, count=count, start=start, before=before, seed=seed, count_max=count_max)
    return fitted.model


def refit(
    tastes: Matrix,
    *,
    count: int,
    start: Record,
    before: SegmentModel | None,
    seed: int = 0,
    count_max: int | None = None,
    margin: float = 0.0,
    held: SegmentModel | None = None,
) -> Fitted:
    """Segments of a sample of users, as far as possible those before.

    tastes     (n, d) unit rows, n >= 1, in any order
    count      segments wanted; fewer where there are fewer users, or where some have none
    start      version, time and reason of the record
    count_max  the most segments, `count` being the fewest; None: `count`, neither more nor fewer
    margin     cosine by which another segment must be nearer before a user moves
    held       a model that waits for a decision

    Raises ValueError where a taste is not finite.
    """
    if not np.isfinite(tastes).all():
        raise ValueError("a taste has a NaN or an infinite number in it")
    old = None if before is None or not before.segments else before
    with threadpool_limits(1):  # in these small steps more threads wait for each other, and loudly
        rows = tastes[_shuffled(tastes)]
        wanted = min(_count(rows, count, count_max, old, seed), len(rows))
        clusters = _inhabited(rows, _clustered(rows, wanted, old, seed))
        model = matched(rows, clusters, old, start.version)
        record = compared(rows, old, model, start, margin=margin)
        differs = None if held is None else differing(rows, held, model)
    return Fitted(model, record, differs)


def _shuffled(tastes: Matrix) -> NDArray[np.intp]:
    """An order that depends on the rows alone: any part of it is a random part of the users."""
    data = np.ascontiguousarray(tastes)
    hashes = [blake2b(memoryview(row), digest_size=8).digest() for row in data]
    order: NDArray[np.intp] = np.argsort(np.array(hashes), kind="stable")
    return order


def _clustered(rows: Matrix, count: int, before: SegmentModel | None, seed: int) -> Clusters:
    if before is None:
        return fresh(rows, count, seed=seed)
    half = len(rows) // 2 if len(rows) >= 4 * count else 0
    learned, judged = rows[:half] if half else rows, rows[half:]

    def worth(centroids: Matrix) -> float:
        return explained(judged, around(judged, centroids))

    here = _centroids(before)
    chosen = resized(learned, here, count, seed=seed)
    moved = settled(learned, chosen).centroids
    anew = fresh(learned, count, seed=seed).centroids
    stays = len(here) == count
    for other, gain in ((moved, MOVES if stays else 0.0), (anew, CLEARLY)):
        if worth(other) - worth(chosen) > gain / count * worth(other):
            chosen, stays = other, False
    return around(rows, chosen) if stays else settled(rows, chosen)


def _count(
    rows: Matrix, count: int, count_max: int | None, before: SegmentModel | None, seed: int
) -> int:
    """The number of segments that parts these users best; the present one where none is clearly
    better."""
    most = min(count_max or count, len(rows) // 4)
    if most <= count:
        return count
    present = None if before is None else int(np.clip(len(before.segments), count, most))
    half = min(len(rows) // 2, CHOICE_ROWS)
    learned, judged = rows[:half], rows[half : 2 * half]
    apart = np.clip(1.0 - judged @ judged.T, 0.0, None)  # (m, d)·(d, m) -> (m, m)
    np.fill_diagonal(apart, 0.0)
    scores: dict[int, float] = {}
    for each in _tried(count, most, present):
        clusters = _clustered(learned, each, before if each == present else None, seed)
        scores[each] = _silhouette(apart, around(judged, clusters.centroids).nearest)
    best = max(scores, key=lambda each: (scores[each], -each))
    if present is None:
        return best
    enough = scores[present] + max(BETTER, BETTER_SHARE * abs(scores[present]))
    return best if scores[best] > enough else present


def _tried(fewest: int, most: int, present: int | None) -> list[int]:
    """All numbers between where they are few, else some that grow by a factor; always the present
    one and those beside it."""
    spread = np.unique(np.geomspace(fewest, most, COUNTS).round().astype(int))
    if most - fewest < COUNTS:
        spread = np.arange(fewest, most + 1)
    beside = [] if present is None else [present - 1, present, present + 1]
    return sorted({int(each) for each in [*spread, *beside] if fewest <= each <= most})


def _silhouette(apart: Matrix, nearest: NDArray[np.intp]) -> float:
    present = len(np.unique(nearest))
    if not 2 <= present < len(nearest):
        return -1.0
    return float(silhouette_score(apart, nearest, metric="precomputed"))


def _inhabited(rows: Matrix, clusters: Clusters) -> Clusters:
    """Without the centroids that are nearest to nobody."""
    kept = np.flatnonzero(clusters.sizes)
    return around(rows, clusters.centroids[kept])


def _centroids(model: SegmentModel) -> Matrix:
    return np.stack([segment.centroid for segment in model.segments])
