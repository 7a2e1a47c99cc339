"""Users in fewer dimensions: on a plane for the eye, in some for methods that need few."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

Matrix = NDArray[np.float32]

#: What few directions are to keep of the users' variance, and how many they are at most, for a
#: density means little in many; but k groups differ in k - 1, so where there are more segments
#: there may be more directions, up to the last number.
KEPT = 0.9
FEW, FEW_MAX = 20, 50
#: Users on a map: more say no more, and a page gets heavy.
DRAWN = 2000
#: Spread below which all users are in one place.
SAME = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Reduced:
    """Rows along the directions in which they differ most (PCA).

    rows       (n, c) the users
    middles    (k, c) the centroids, in the same directions
    variance   (c,) share of the users' variance along each
    """

    rows: NDArray[np.float64]
    middles: NDArray[np.float64]
    variance: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plane:
    """A map of users.

    points    (x, y, place of the user's segment)
    middles   (x, y) of each segment's centroid, in the order of the segments
    variance  share of the users' variance along x and y, each in [0, 1]
    """

    points: tuple[tuple[float, float, int], ...]
    middles: tuple[tuple[float, float], ...]
    variance: tuple[float, float]


def reduced(rows: Matrix, centroids: Matrix) -> Reduced | None:
    """In as many directions as keep `KEPT` of the variance, but 2 at least, and at most `FEW` or as
    many as there are centroids; None where the users are fewer than 3 or all alike.

    rows       (n, d) users
    centroids  (k, d), anywhere
    """
    if len(rows) < 3 or rows.shape[1] < 2 or float(rows.std(axis=0).max()) < SAME:
        return None
    most = min(max(FEW, min(len(centroids), FEW_MAX)), *rows.shape)
    pca = PCA(most, svd_solver="covariance_eigh").fit(rows.astype(np.float64))
    variance = np.asarray(pca.explained_variance_ratio_, np.float64)
    enough = int(np.searchsorted(np.cumsum(variance), KEPT)) + 1
    here = slice(0, min(max(enough, 2), most))
    return Reduced(pca.transform(rows)[:, here], pca.transform(centroids)[:, here], variance[here])


def plane(few: Reduced, nearest: NDArray[np.intp]) -> Plane:
    """The first `DRAWN` users, who are in random order, by the first two directions."""
    points = zip(few.rows[:DRAWN, :2].round(4).tolist(), nearest[:DRAWN].tolist(), strict=True)
    return Plane(
        tuple((x, y, place) for (x, y), place in points),
        tuple((x, y) for x, y in few.middles[:, :2].round(4).tolist()),
        (float(few.variance[0]), float(few.variance[1])),
    )
