"""What other methods make of the same users: DBSCAN, HDBSCAN and Gaussian mixtures.

Each gets the users in the few directions that keep most of their variance, and parameters by a rule
that looks at these users alone, so that nobody has to tune them. All are measured alike, on the
users' tastes themselves. Methods by density leave users out as noise; what is measured without
those is set beside the same measure of our segments on the users who are left.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import DBSCAN, HDBSCAN
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import NearestNeighbors

from stream.core.segment_compare import SILHOUETTE_ROWS, davies_bouldin, silhouette

Matrix = NDArray[np.float32]
Few = NDArray[np.float64]
Groups = NDArray[np.intp]

OURS = "segments in force"
NOISE = -1
#: Below so many users there is nothing to compare.
USERS_MIN = 20
#: Neighbours, the user included, that make a place dense.
DENSE = 10
#: Mixtures: shapes of components that are tried, so many numbers of each, the most of them, and
#: users for each.
SHAPES = ("full", "tied", "diag")
TRIED, COMPONENTS_MAX, USERS_EACH = 6, 64, 25
SEED = 0


@dataclass(frozen=True, slots=True)
class Method:
    """One way of grouping the users.

    how                      its parameters, and where they come from
    noise                    share of the users that it leaves in no group
    silhouette               by cosine, on a part of the users in its groups; None with one group
    davies_bouldin           of the users in its groups
    silhouette_ours          of our segments on the same part of those users
    adjusted_rand            against our segments; noise counts as a group of its own
    adjusted_rand_clustered  the same for the users in its groups alone; None where there are none
    seconds                  the choice of parameters included; None: it was there already
    """

    name: str
    how: str
    groups: int
    noise: float
    silhouette: float | None
    davies_bouldin: float | None
    silhouette_ours: float | None
    adjusted_rand: float
    adjusted_rand_clustered: float | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """directions, variance  that the other methods saw, and the share of variance they keep."""

    users: int
    directions: int
    variance: float
    methods: tuple[Method, ...]


Grouped = tuple[Groups, str]


def rivals(
    rows: Matrix,
    few: Few,
    variance: float,
    ours: Groups,
    *,
    done: Callable[[], object] = lambda: None,
    clock: Callable[[], float] = time.perf_counter,
) -> Comparison | None:
    """All methods on the same users; None where these are too few.

    rows  (n, d) unit tastes, in random order
    few   (n, c) the same users in few directions, which keep this share of their variance
    ours  (n,) place of each user's segment
    done  called after each method of `METHODS`
    """
    if len(rows) < USERS_MIN:
        return None
    segments = len(np.unique(ours))
    methods = [_measured(OURS, "nearest centroid by cosine", rows, ours, ours, None)]
    for name, method in METHODS.items():
        start = clock()
        groups, how = method(few, segments)
        methods.append(_measured(name, how, rows, groups, ours, clock() - start))
        done()
    return Comparison(len(rows), few.shape[1], variance, tuple(methods))


def by_density(few: Few, _: int) -> Grouped:
    """DBSCAN; its reach is the knee of the distances to the n-th neighbour."""
    dense = min(DENSE, len(few))
    apart, _ = NearestNeighbors(n_neighbors=dense).fit(few).kneighbors(few)
    reach = max(knee(np.sort(apart[:, -1])), 1e-9)
    groups = DBSCAN(eps=reach, min_samples=dense).fit(few).labels_
    return groups, f"min_samples {dense}, eps {reach:.3g}: the knee of the {dense}-distances"


def by_hierarchy(few: Few, segments: int) -> Grouped:
    """HDBSCAN; a group has at least a fifth of the users of an average segment."""
    least = max(5, len(few) // (5 * segments))
    dense = min(DENSE, least)
    # kd_tree: its memory grows with the users, not with their square
    method = HDBSCAN(min_cluster_size=least, min_samples=dense, algorithm="kd_tree", copy=True)
    with np.errstate(divide="ignore", invalid="ignore"):  # users of one taste are infinitely dense
        groups = method.fit(few).labels_
    groups = np.where(groups < 0, NOISE, groups)
    how = f"min_samples {dense}, min_cluster_size {least}: a fifth of an average segment"
    return groups, how


def by_mixture(few: Few, segments: int) -> Grouped:
    """Gaussians, as many and of such shapes as the Bayesian information criterion prefers.

    Were only free shapes tried, their many parameters would speak for few of them: in a planted
    world of 8 groups it took 5, in one of 40 it took 8.
    """
    most = int(np.clip(2 * segments, 2, max(2, min(COMPONENTS_MAX, len(few) // USERS_EACH))))
    counts = sorted({int(n) for n in np.geomspace(1, most, TRIED).round()} | {min(segments, most)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # one that has not is judged as it is
        tried = [
            GaussianMixture(n, covariance_type=shape, random_state=SEED, max_iter=200).fit(few)
            for shape in SHAPES
            for n in counts
        ]
    best = min(tried, key=lambda mixture: mixture.bic(few))
    listed = ", ".join(map(str, counts))
    how = f"{best.n_components} Gaussians, {best.covariance_type}: the best BIC of {listed}"
    return best.predict(few), f"{how}, each {', '.join(SHAPES)}"


#: By name; each gets (n, c) users and the number of our segments that have some.
METHODS: dict[str, Callable[[Few, int], Grouped]] = {
    "DBSCAN": by_density,
    "HDBSCAN": by_hierarchy,
    "Gaussian mixture": by_mixture,
}


def knee(ascending: NDArray[np.float64]) -> float:
    """The value at which a curve that bends upwards is farthest below the line between its ends
    (Satopää et al., ICDCSW 2011)."""
    first, last = ascending[0], ascending[-1]
    if len(ascending) < 3 or last <= first:
        return float(last)
    line = np.linspace(0.0, 1.0, len(ascending))
    return float(ascending[np.argmax(line - (ascending - first) / (last - first))])


def _measured(
    name: str, how: str, rows: Matrix, groups: Groups, ours: Groups, seconds: float | None
) -> Method:
    inside = groups != NOISE
    kept, own, segments = rows[inside], groups[inside], ours[inside]
    some = slice(0, SILHOUETTE_ROWS)
    return Method(
        name,
        how,
        groups=len(np.unique(own)),
        noise=1.0 - float(inside.mean()),
        silhouette=silhouette(kept[some], own[some]),
        davies_bouldin=davies_bouldin(kept, own),
        silhouette_ours=silhouette(kept[some], segments[some]),
        adjusted_rand=float(adjusted_rand_score(ours, groups)),
        adjusted_rand_clustered=float(adjusted_rand_score(segments, own)) if len(own) else None,
        seconds=seconds,
    )
