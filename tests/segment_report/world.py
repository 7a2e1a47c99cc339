"""Users of planted groups, the segments that they are, and records of fits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.core.segment_history import (
    FIRST,
    IN_FORCE,
    PERIODIC,
    Flow,
    Merge,
    Named,
    Record,
    Split,
)
from stream.core.segments import Segment, SegmentModel
from stream.segment_report.report import Item, Sampled

Matrix = NDArray[np.float32]
DIMENSION = 24
DAY_S = 86_400.0
START = 1_700_000_000.0


def unit(rows: NDArray[np.float64]) -> Matrix:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float32)


@dataclass(frozen=True)
class World:
    """`member` says which group each user is of; the model has a segment for each."""

    tastes: Matrix
    member: NDArray[np.intp]
    model: SegmentModel


def planted(
    groups: int, users: int = 400, *, seed: int = 0, noise: float = 0.25, labels: str = "group {}"
) -> World:
    """Groups around directions at right angles to each other, of unequal sizes."""
    random = np.random.default_rng(seed)
    centres = unit(np.linalg.qr(random.normal(size=(max(DIMENSION, groups),) * 2))[0][:groups])
    member = np.sort(random.choice(groups, size=users, p=random.dirichlet(np.full(groups, 20.0))))
    member = random.permutation(member)
    spread = unit(random.normal(size=(users, centres.shape[1])))
    sizes = np.bincount(member, minlength=groups)
    segments = tuple(
        Segment(f"s{n}", labels.format(n), centres[n], int(sizes[n]), (f"term {n}",))
        for n in range(groups)
    )
    return World(unit(centres[member] + noise * spread), member, SegmentModel(7, segments))


def sampled(world: World, fits: tuple[Record, ...] = ()) -> Sampled:
    items = {s.id: (Item(f"i-{s.id}", f"Title of {s.id}"),) for s in world.model.segments}
    return Sampled(START + 9 * DAY_S, world.model, fits, world.tastes, items)


def record(version: int, sizes: dict[str, int], **more: Any) -> Record:
    """A fit in force, with labels made of the ids."""
    start = Record(
        version,
        START + version * DAY_S,
        PERIODIC,
        outcome=IN_FORCE,
        users=sum(sizes.values()),
        segments=tuple(Named(each, f"label {each}", size) for each, size in sizes.items()),
        adjusted_rand=0.95,
        silhouette=0.4,
        davies_bouldin=1.2,
    )
    return replace(start, **more)


def fits() -> tuple[Record, ...]:
    """Three segments: one splits, one is born, two merge, one goes, one gets another label."""
    return (
        record(
            1,
            {"s0": 40, "s1": 30, "s2": 30},
            reason=FIRST,
            births=("s0", "s1", "s2"),
            adjusted_rand=None,
        ),
        record(
            2,
            {"s0": 25, "s1": 30, "s2": 25, "s3": 15, "s4": 5},
            births=("s3", "s4"),
            splits=(Split("s0", ("s0", "s3")),),
            moved_share=0.2,
            flow=(Flow("s0", "s3", 15), Flow("s2", "s4", 5)),
        ),
        record(
            3,
            {"s0": 25, "s1": 55, "s3": 20},
            deaths=("s2", "s4"),
            merges=(Merge(("s1", "s2"), "s1"),),
            relabelled=("s0",),
            segments=(Named("s0", "sea", 25), Named("s1", "label s1", 55), Named("s3", "", 20)),
            moved_share=0.3,
            flow=(Flow("s2", "s1", 25), Flow("s4", "s3", 5)),
        ),
    )
