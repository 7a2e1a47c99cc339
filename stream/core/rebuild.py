"""A profile's vectors made anew in another encoder's space, from the profile's own memory.

Sums cannot be translated from one space into another, so they are made again from what the profile
remembers: the items in `recent`, with their strengths, times and the interests they joined, and
each interest's medoid for the weight that `recent` no longer explains. Weights, reference times,
ids and everything without a vector stay as they are.

What is lost: the exact sums of interests older than `recent` (their medoid stands for them), what
review texts added beside their items, and items that the store has no text of. An interest, a
session or an aversion of which no item is known goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from stream.core.decay import Mass, Vector, direction, factor
from stream.core.profile import Interest, Profile, Recent
from stream.core.segments import SegmentModel
from stream.core.tuning import Tuning

Vectors = Mapping[str, Vector]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A profile in the new space. `dropped` counts interests of which no item has a vector."""

    profile: Profile
    dropped: int


@dataclass(frozen=True, slots=True)
class Explained:
    """A decayed sum over remembered items as of some time, and the weight behind it."""

    weight: float
    vector: Vector


def needed(profile: Profile) -> set[str]:
    """Ids of the items whose vectors `rebuild` asks for."""
    return {i.medoid for i in profile.interests} | {recent.item_id for recent in profile.recent}


def rebuild(profile: Profile, vectors: Vectors, tuning: Tuning) -> Rebuilt:
    """The profile with its session, interests and aversion in the space of `vectors`.

    vectors  item id -> (d,) unit float32 in the new space; items without one are left out

    It depends on nothing of the old vectors, so doing it again changes nothing.
    """
    interests = [_interest(i, profile.recent, vectors, tuning) for i in profile.interests]
    kept = tuple(interest for interest in interests if interest is not None)
    rebuilt = replace(
        profile,
        session=_again(
            profile.session,
            (r for r in profile.recent if r.strength > 0),
            vectors,
            tuning.session_half_life_s,
        ),
        interests=kept,
        aversion=_again(
            profile.aversion,
            (r for r in profile.recent if r.strength < 0),
            vectors,
            tuning.aversion_half_life_s,
        ),
    )
    return Rebuilt(rebuilt, len(interests) - len(kept))


def _interest(
    interest: Interest, recent: Iterable[Recent], vectors: Vectors, tuning: Tuning
) -> Interest | None:
    """The same interest around the new vectors; None where none of its items has one."""
    mass, medoid = interest.mass, vectors.get(interest.medoid)
    joined = (r for r in recent if r.interest == interest.id and r.strength > 0)
    found = _explained(joined, vectors, mass.at, tuning.interest_half_life_s)
    rest = mass.weight - (found.weight if found else 0.0)
    if medoid is not None and (found is None or rest > 0):
        part = Explained(rest, np.float32(rest) * medoid)
        found = part if found is None else _sum(found, part)
    rebuilt = _scaled(mass, found)
    if rebuilt is None:
        return None
    unit = direction(rebuilt.vector)
    near = -1.0 if unit is None or medoid is None else float(unit @ medoid)
    return replace(interest, mass=rebuilt, nearness=near)


def _again(
    mass: Mass | None, recent: Iterable[Recent], vectors: Vectors, half_life_s: float
) -> Mass | None:
    if mass is None:
        return None
    return _scaled(mass, _explained(recent, vectors, mass.at, half_life_s))


def _explained(
    recent: Iterable[Recent], vectors: Vectors, at: float, half_life_s: float
) -> Explained | None:
    """What the remembered items with a vector add up to as of `at`; None where there are none."""
    total: Explained | None = None
    for one in recent:
        vector = vectors.get(one.item_id)
        weight = abs(one.strength) * factor(max(at - one.at, 0.0), half_life_s)
        if vector is None or weight <= 0:
            continue
        part = Explained(weight, np.float32(weight) * vector)
        total = part if total is None else _sum(total, part)
    return total


def _sum(left: Explained, right: Explained) -> Explained:
    return Explained(left.weight + right.weight, left.vector + right.vector)


def _scaled(mass: Mass, found: Explained | None) -> Mass | None:
    """The mass with the direction of what was found, at its own weight and time."""
    if found is None or found.weight <= 0 or direction(found.vector) is None:
        return None
    scale = np.float32(mass.weight / found.weight)
    return Mass(mass.weight, scale * found.vector, mass.at)


@dataclass(slots=True)
class Members:
    """Sums of the tastes of each segment's members, by segment id, taken user by user."""

    sums: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, segment: str, taste: Vector) -> None:
        """One more member. `taste` is (d,) unit float32."""
        own = taste.astype(np.float64)
        before = self.sums.get(segment)
        self.sums[segment] = own if before is None else before + own
        self.counts[segment] = self.counts.get(segment, 0) + 1


def recentred(model: SegmentModel, members: Members) -> SegmentModel:
    """The model with each segment at the mean of its members' tastes in the new space.

    Ids, labels and version stay, so members stay members. A segment without members, or whose
    members' tastes cancel out, is left out.
    """
    found = []
    for segment in model.segments:
        total = members.sums.get(segment.id)
        centroid = None if total is None else direction(total.astype(np.float32))
        if centroid is not None:
            size = members.counts[segment.id]
            found.append(replace(segment, centroid=centroid, size=size))
    return replace(model, segments=tuple(found))
