"""What a fit changed for the sample's users, in the numbers of a record.

Imported by the fit alone, like `core.segment_fit`: it needs scikit-learn.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, davies_bouldin_score, silhouette_score

from stream.core.segment_history import Flow, Merge, Named, Record, Split
from stream.core.segment_match import shared
from stream.core.segments import SegmentModel

Matrix = NDArray[np.float32]

#: A part of a split has at least this share of the users who were one; the same of a merge.
PART = 0.2
SILHOUETTE_ROWS = 2000
SPREAD_ROWS = 20_000
#: Flows of a record, the largest: all of them of a model of 1,000 segments would fill the fact.
FLOWS_MAX = 200


def compared(
    rows: Matrix,
    before: SegmentModel | None,
    after: SegmentModel,
    start: Record,
    *,
    margin: float,
) -> Record:
    """The record of a fit, from `start` with its version, time and reason.

    rows    (n, d) of the sample, in random order
    before  the model in force, None where there is none
    margin  cosine by which another segment must be nearer before a user moves
    """
    now = _nearest(rows, after)
    record = replace(
        start,
        users=len(rows),
        segments=tuple(Named(s.id, s.label, s.size) for s in after.segments),
        births=tuple(s.id for s in after.segments),
        silhouette=silhouette(rows[:SILHOUETTE_ROWS], now[:SILHOUETTE_ROWS]),
        davies_bouldin=davies_bouldin(rows[:SPREAD_ROWS], now[:SPREAD_ROWS]),
    )
    return record if before is None else _against(record, rows, before, after, margin)


def differing(rows: Matrix, one: SegmentModel, other: SegmentModel) -> float:
    """Share of the users whom two models group differently, whatever the groups are called."""
    users = shared(
        _nearest(rows, one), _nearest(rows, other), len(one.segments), len(other.segments)
    )
    together = users[linear_sum_assignment(-users)].sum()
    return 1.0 - float(together) / len(rows)


def silhouette(rows: Matrix, nearest: NDArray[np.intp]) -> float | None:
    """By cosine; None unless there are 2 groups or more, and fewer than rows."""
    if not 2 <= len(np.unique(nearest)) < len(rows):
        return None
    return float(silhouette_score(rows, nearest, metric="cosine"))


def davies_bouldin(rows: Matrix, nearest: NDArray[np.intp]) -> float | None:
    """None as above."""
    if not 2 <= len(np.unique(nearest)) < len(rows):
        return None
    return float(davies_bouldin_score(rows, nearest))


def _against(
    record: Record, rows: Matrix, before: SegmentModel, after: SegmentModel, margin: float
) -> Record:
    old, new = [s.id for s in before.segments], [s.id for s in after.segments]
    were, now = _nearest(rows, before), _nearest(rows, after)
    will = _going(rows, before, after, margin)
    going = shared(were, will, len(old), len(new))
    flow = tuple(
        Flow(old[i], new[j], int(going[i, j]))
        for i, j in zip(*np.nonzero(going), strict=True)
        if old[i] != new[j]
    )
    births = tuple(name for name in new if name not in old)
    deaths = tuple(name for name in old if name not in new)
    users = shared(were, now, len(old), len(new))
    return replace(
        record,
        births=births,
        deaths=deaths,
        splits=_splits(users, old, new, births),
        merges=_merges(users, old, new, deaths),
        moved_share=sum(one.users for one in flow) / len(rows),
        adjusted_rand=float(adjusted_rand_score(were, now)),
        flow=tuple(sorted(flow, key=lambda one: (-one.users, one.before, one.after))[:FLOWS_MAX]),
    )


def _nearest(rows: Matrix, model: SegmentModel) -> NDArray[np.intp]:
    cosines = rows @ np.stack([s.centroid for s in model.segments]).T  # (n, d)·(d, k) -> (n, k)
    nearest: NDArray[np.intp] = np.argmax(cosines, axis=1)
    return nearest


def _going(
    rows: Matrix, before: SegmentModel, after: SegmentModel, margin: float
) -> NDArray[np.intp]:
    """(n,) place in `after` where each user will be, who was in the nearest one before: there
    still, unless it is gone or another one is nearer by the margin."""
    places = {segment.id: place for place, segment in enumerate(after.segments)}
    here = np.array([places.get(s.id, -1) for s in before.segments])[_nearest(rows, before)]
    cosines = rows @ np.stack([s.centroid for s in after.segments]).T  # (n, d)·(d, c) -> (n, c)
    best = np.argmax(cosines, axis=1)
    every = np.arange(len(rows))
    gained = cosines[every, best] - cosines[every, here]
    stays = (here >= 0) & (gained < margin) | (here == best)
    return np.where(stays, here, best)


def _splits(
    users: NDArray[np.float64], old: list[str], new: list[str], births: tuple[str, ...]
) -> tuple[Split, ...]:
    """Segments of which several clusters have a part each, and are mostly made of it."""
    of_old, of_new = _shares(users)
    found = []
    for row, name in enumerate(old):
        parts = [
            each
            for column, each in enumerate(new)
            if of_old[row, column] >= PART and of_new[row, column] > 0.5
            if each == name or each in births
        ]
        if len(parts) > 1:
            found.append(Split(name, tuple(parts)))
    return tuple(found)


def _merges(
    users: NDArray[np.float64], old: list[str], new: list[str], deaths: tuple[str, ...]
) -> tuple[Merge, ...]:
    """Clusters that have most of the users of several segments, each a part of their own."""
    of_old, of_new = _shares(users)
    found = []
    for column, name in enumerate(new):
        parts = [
            each
            for row, each in enumerate(old)
            if of_new[row, column] >= PART and of_old[row, column] > 0.5
            if each == name or each in deaths
        ]
        if len(parts) > 1:
            found.append(Merge(tuple(parts), name))
    return tuple(found)


def _shares(users: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(o, c) the users as shares of each old segment, and of each new one."""
    olds, news = users.sum(axis=1, keepdims=True), users.sum(axis=0, keepdims=True)
    return users / np.maximum(olds, 1), users / np.maximum(news, 1)
