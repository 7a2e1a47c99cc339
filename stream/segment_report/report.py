"""All that is told of the segments in force, from what was read: pure, and the same each time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from stream.core.segment_clusters import Clusters, around
from stream.core.segment_history import HELD, Record
from stream.core.segments import SegmentModel
from stream.segment_report.plane import Plane, plane, reduced
from stream.segment_report.rivals import Comparison, rivals

Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Item:
    """An item that is typical of a segment."""

    item_id: str
    title: str


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """What was read.

    at      when, seconds
    model   in force; None before the first
    fits    records of the last fits, the oldest first
    tastes  (n, d) unit rows of some users, in random order
    items   by id of a segment those on offer nearest to its centroid; of some segments
    """

    at: float
    model: SegmentModel | None
    fits: tuple[Record, ...]
    tastes: Matrix
    items: Mapping[str, Sequence[Item]]


@dataclass(frozen=True, slots=True)
class Group:
    """A segment in force.

    size   users of the sample that it was fitted to
    users  of those looked at, to whom it is the nearest
    """

    id: str
    label: str
    terms: tuple[str, ...]
    size: int
    users: int
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The segments in force, what became of them, and what others would make of the same users.

    version  of the model in force; None before the first
    held     of the model that waits for a decision; None where none does
    users    looked at; the `users` of the segments add up to them
    segments those of most users first
    fits     the oldest first
    map      None where there are no two users who differ, or no segments
    compared None as there, or with too few users
    """

    at: float
    version: int | None
    held: int | None
    users: int
    segments: tuple[Group, ...]
    fits: tuple[Record, ...]
    map: Plane | None = None
    compared: Comparison | None = None


def report(sampled: Sampled, done: Callable[[], object] = lambda: None) -> Report:
    """`done` is called after each of the methods that the segments are compared with."""
    held = next((one.version for one in sampled.fits if one.outcome == HELD), None)
    model = sampled.model
    tastes = sampled.tastes[np.isfinite(sampled.tastes).all(axis=1)]
    if model is None or not model.segments:
        version = None if model is None else model.version
        return Report(sampled.at, version, held, len(tastes), (), sampled.fits)
    clusters = _clusters(tastes, np.stack([segment.centroid for segment in model.segments]))
    users = clusters.sizes
    order = sorted(range(len(users)), key=lambda n: (-users[n], -model.segments[n].size, n))
    groups = tuple(_group(model, n, int(users[n]), sampled.items) for n in order)
    found = Report(sampled.at, model.version, held, len(tastes), groups, sampled.fits)
    ours = np.argsort(order)[clusters.nearest]  # the place among the groups
    with threadpool_limits(1):  # a worker may be at work beside this
        few = reduced(tastes, _amid(clusters, tastes)[order])
        if few is None:
            return found
        compared = rivals(tastes, few.rows, float(few.variance.sum()), ours, done=done)
    return replace(found, map=plane(few, ours), compared=compared)


def _clusters(tastes: Matrix, centroids: Matrix) -> Clusters:
    if not len(tastes):
        return Clusters(centroids, np.zeros(0, np.intp), 0.0)
    return around(tastes, centroids)


def _amid(clusters: Clusters, tastes: Matrix) -> Matrix:
    """(k, d) the centroids, each as long as the mean of its users is in its direction: of length 1
    they would lie beside their users on a map."""
    cosines = np.einsum("nd,nd->n", tastes, clusters.centroids[clusters.nearest])
    sums = np.bincount(clusters.nearest, cosines, minlength=len(clusters.centroids))
    long = np.where(clusters.sizes > 0, sums / np.maximum(clusters.sizes, 1), 1.0)
    return np.asarray(clusters.centroids * long[:, None], np.float32)


def _group(
    model: SegmentModel, place: int, users: int, items: Mapping[str, Sequence[Item]]
) -> Group:
    one = model.segments[place]
    return Group(one.id, one.label, one.terms, one.size, users, tuple(items.get(one.id, ())))
