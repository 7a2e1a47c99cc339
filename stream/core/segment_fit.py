"""Fitting segments to a sample of users.

Apart from `core.segments`, because importing scikit-learn takes seconds and 100 MB: only the child
process that fits needs it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import MiniBatchKMeans

from stream.core.hashes import short_id
from stream.core.segments import Segment, SegmentModel

#: A new centroid keeps an old one's id only if it is at least this near (cosine).
SAME_SEGMENT_COSINE = 0.7


def fit(
    tastes: NDArray[np.float32],
    *,
    count: int,
    version: int,
    before: SegmentModel | None,
    seed: int = 0,
) -> SegmentModel:
    """Segments of a sample of users, matched with those before (Hungarian method, by cosine).

    tastes  (n, d) unit rows, n >= 1
    count   segments wanted; fewer where there are fewer users
    """
    wanted = min(count, len(tastes))
    model = MiniBatchKMeans(wanted, random_state=seed, n_init=3, batch_size=1024).fit(tastes)
    sizes = np.bincount(model.labels_, minlength=wanted)
    kept = np.flatnonzero(sizes)
    centroids = model.cluster_centers_[kept].astype(np.float32)
    centroids /= np.maximum(np.linalg.norm(centroids, axis=1, keepdims=True), 1e-12)
    names = _matched(centroids, before, version)
    segments = [
        Segment(name, label, centroid, int(size))
        for (name, label), centroid, size in zip(names, centroids, sizes[kept], strict=True)
    ]
    return SegmentModel(version, tuple(segments))


def _matched(
    centroids: NDArray[np.float32], before: SegmentModel | None, version: int
) -> list[tuple[str, str]]:
    """(id, label) for each new centroid: an old segment's where it is near, else a new id."""
    names = [(short_id("segment", version, row)[:8], "") for row in range(len(centroids))]
    if before is None or not before.segments:
        return names
    old = np.stack([segment.centroid for segment in before.segments])
    cosines = centroids @ old.T  # (new, d)·(d, old) -> (new, old)
    for row, column in zip(*linear_sum_assignment(-cosines), strict=True):
        if cosines[row, column] >= SAME_SEGMENT_COSINE:
            same = before.segments[column]
            names[row] = (same.id, same.label)
    return names
