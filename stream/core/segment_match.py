"""Which of the new clusters are segments that were there before.

A segment lives on in the cluster that has most of its users, if it has not gone farther than most
of the way to the segment that was next to it: what jumps farther is another group, even where it
took over the users whom the old model had nowhere else to put. Both are judged by the geometry of
the segments themselves, for what a cosine of 0.9 means differs from encoder to encoder.
"""

from __future__ import annotations

from itertools import count

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from stream.core.hashes import short_id
from stream.core.segment_clusters import Clusters
from stream.core.segments import Segment, SegmentModel

Matrix = NDArray[np.float32]

#: Share of the distance (1 - cosine) to the next segment that a centroid may move and stay itself.
SAME = 0.65
#: That distance where there was no other segment.
ALONE = 0.6


def matched(
    rows: Matrix, clusters: Clusters, before: SegmentModel | None, version: int
) -> SegmentModel:
    """The clusters as segments: those that live on, in their order, then the new ones, the largest
    first."""
    same = {} if before is None else _same(rows, clusters, before)
    taken = {segment.id for segment in before.segments} if before else set()
    sizes = clusters.sizes
    order = sorted(same, key=lambda place: same[place])
    order += sorted(set(range(len(sizes))) - same.keys(), key=lambda place: (-sizes[place], place))
    segments = []
    for place in order:
        centroid, size = clusters.centroids[place], int(sizes[place])
        if before is not None and place in same:
            old = before.segments[same[place]]
            segments.append(Segment(old.id, old.label, centroid, size, old.terms, old.named))
            continue
        name = _new_id(version, taken)
        taken.add(name)
        segments.append(Segment(name, "", centroid, size))
    return SegmentModel(version, tuple(segments))


def shared(
    old: NDArray[np.intp], new: NDArray[np.intp], olds: int, news: int
) -> NDArray[np.float64]:
    """(olds, news) users that are in the one before and in the other after."""
    pairs = np.bincount(old * news + new, minlength=olds * news)
    return pairs.reshape(olds, news).astype(np.float64)


def _same(rows: Matrix, clusters: Clusters, before: SegmentModel) -> dict[int, int]:
    """Place of a cluster -> place of the old segment that it is."""
    old = np.stack([segment.centroid for segment in before.segments])
    were = np.argmax(rows @ old.T, axis=1)  # (n, d)·(d, o) -> (n,)
    users = shared(were, clusters.nearest, len(old), len(clusters.centroids))  # (o, c)
    apart = 1.0 - (old @ clusters.centroids.T).astype(np.float64)  # (o, d)·(d, c) -> (o, c)
    allowed = apart <= _reach(old)[:, None]
    # users decide; the cosine only where nobody is shared
    worth = np.where(allowed, users + (2.0 - apart) / 4.0, 0.0)
    pairs = zip(*linear_sum_assignment(-worth), strict=True)
    return {int(new): int(one) for one, new in pairs if allowed[one, new]}


def _reach(old: Matrix) -> NDArray[np.float64]:
    """(o,) how far each segment may go and still be itself."""
    if len(old) == 1:
        return np.array([ALONE])
    apart = 1.0 - (old @ old.T).astype(np.float64)
    np.fill_diagonal(apart, np.inf)
    reach: NDArray[np.float64] = np.maximum(SAME * apart.min(axis=1), 1e-6)
    return reach


def _new_id(version: int, taken: set[str]) -> str:
    names = (short_id("segment", version, number)[:8] for number in count())
    return next(name for name in names if name not in taken)
