"""How alike tastes are, and in what: the same from either side.

`taste` compares overall directions, `interests` each interest with its nearest of the other.
Cosines below 0 count as 0, so a row of zeros, which stands for a place that no interest fills, is
worth as much as a row that matches nothing, and changes no measure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stream.core.catalogue import Entry
from stream.core.decay import direction
from stream.core.distribution import distribution
from stream.core.profile import Profile, different, interest_shares
from stream.core.segments import Segment
from stream.core.tuning import Tuning
from stream.store.rows import Matrix, Tastes

DIGITS = 6
#: Less alike than this is not alike.
SIMILARITY_MIN = 0.01

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Similarity:
    """Each in [0, 1]; `whole` is the mean of the two."""

    whole: float
    taste: float
    interests: float


@dataclass(frozen=True, slots=True, eq=False)
class Character:
    """What reasons are made of.

    labels, shares, rows  of each interest: name, share of all, (k, d) unit rows
    items                 ids of liked items, the newest first
    categories            shares
    """

    labels: tuple[str, ...]
    shares: tuple[float, ...]
    rows: Matrix
    items: tuple[str, ...] = ()
    categories: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shared:
    """Two interests, one of each side, and their cosine."""

    one: str
    other: str
    nearness: float


# --- measures


def similarities(source: Tastes, others: Sequence[Tastes]) -> list[Similarity]:
    """The source's to each of the others; symmetric."""
    if not others:
        return []
    tastes = _tastes(source, others)
    interests = _interests(source.interests, [one.interests for one in others])
    return [
        Similarity(round((t + i) / 2, DIGITS), round(t, DIGITS), round(i, DIGITS))
        for t, i in zip(tastes.tolist(), interests.tolist(), strict=True)
    ]


def ranked(source: Tastes, others: Sequence[Tastes]) -> list[tuple[Tastes, Similarity]]:
    """Those that are like the source, the most similar first; never the source, nor nameless."""
    named = [one for one in others if one.user_id != source.user_id and _has_name(one)]
    rated = zip(named, similarities(source, named), strict=True)
    alike = [pair for pair in rated if pair[1].whole >= SIMILARITY_MIN]
    return sorted(alike, key=lambda pair: (-pair[1].whole, pair[0].user_id))


def _has_name(one: Tastes) -> bool:
    return bool(one.user_id) and not one.user_id.startswith("\0")


def _tastes(source: Tastes, others: Sequence[Tastes]) -> Floats:
    """(u,) cosines of the overall directions."""
    if source.taste is None:
        return np.zeros(len(others))
    rows = [np.zeros_like(source.taste) if o.taste is None else o.taste for o in others]
    return _clipped(np.stack(rows) @ source.taste)  # (u, d)·(d,)


def _interests(rows: Matrix, others: Sequence[Matrix]) -> Floats:
    """(u,) mean of both sides' means of the cosine to the nearest row of the other."""
    rows, others = _filled(rows), [_filled(one) for one in others]
    found = np.zeros(len(others))
    full = [user for user, theirs in enumerate(others) if len(theirs)]
    if not len(rows) or not full:
        return found
    counts = np.array([len(others[user]) for user in full])
    starts = np.cumsum(counts) - counts
    cosines = _clipped(rows @ np.concatenate([others[user] for user in full]).T)  # (q, Σk)
    ours = np.maximum.reduceat(cosines, starts, axis=1).mean(axis=0)  # (u,)
    theirs = np.add.reduceat(cosines.max(axis=0), starts) / counts  # (u,)
    found[full] = (ours + theirs) / 2
    return found


def _filled(rows: Matrix) -> Matrix:
    """Without rows of zeros."""
    return rows[rows.any(axis=1)] if len(rows) else rows


def _clipped(cosines: NDArray[np.float32]) -> Floats:
    return np.clip(cosines.astype(np.float64), 0.0, 1.0)


# --- reasons


def character(profile: Profile, tuning: Tuning) -> Character:
    """Of a user, as of the newest event: shares do not change with silence."""
    units = {one.id: direction(one.mass.vector) for one in profile.interests}
    pointed = [
        (one.label, one.share, unit)
        for one in interest_shares(profile, profile.as_of, tuning)
        if (unit := units[one.id]) is not None
    ]
    liked = [one for one in profile.recent if one.strength > 0]
    return Character(
        labels=tuple(label for label, _, _ in pointed),
        shares=tuple(share for _, share, _ in pointed),
        rows=np.stack([u for *_, u in pointed]) if pointed else np.zeros((0, 0), np.float32),
        items=tuple(different(liked)),
        categories=distribution(profile, profile.as_of, tuning).shares,
    )


def character_of(segment: Segment, near: Sequence[Entry]) -> Character:
    """Of a segment: one interest, and the items and categories nearest to its middle."""
    counts = Counter(name for entry in near for name in entry.categories)
    shares = {name: count / counts.total() for name, count in counts.items()}
    items = tuple(entry.item_id for entry in near)
    return Character((segment.label,), (1.0,), segment.centroid[None], items, shares)


def middle(segment: Segment) -> Tastes:
    """A segment's centroid, asked for as if it were nobody's only interest."""
    return Tastes("", segment.centroid[None], segment.centroid)


def overlap(one: Character, other: Character) -> float:
    """In [0, 1], symmetric: how near each interest's nearest is, weighed by its share."""
    if not one.shares or not other.shares:
        return 0.0
    cosines = _clipped(one.rows @ other.rows.T)  # (i, j)
    ours = np.array(one.shares) @ cosines.max(axis=1)
    theirs = np.array(other.shares) @ cosines.max(axis=0)
    return round(min(float(ours + theirs) / 2, 1.0), DIGITS)


def shared_interests(
    one: Character, other: Character, *, nearness_min: float, most: int
) -> list[Shared]:
    """Pairs of interests, each in one pair at most: those that much of both is like.

    nearness_min  cosine from which on two interests of one user would be one
    """
    if not one.shares or not other.shares:
        return []
    cosines = _clipped(one.rows @ other.rows.T)  # (i, j)
    weight = cosines * np.minimum.outer(np.array(one.shares), np.array(other.shares))
    weight[cosines < nearness_min] = 0
    pairs = list(_pairs(weight))[:most]
    return [
        Shared(one.labels[i], other.labels[j], round(float(cosines[i, j]), DIGITS))
        for i, j in pairs
    ]


def _pairs(weight: Floats) -> Iterator[tuple[int, int]]:
    """Places of the largest weights above 0, no row or column twice."""
    left = weight.copy()
    while left.size and left.max() > 0:
        i, j = (int(n) for n in np.unravel_index(np.argmax(left), left.shape))
        yield i, j
        left[i, :] = left[:, j] = 0


def shared_items(one: Character, other: Character, *, most: int) -> list[str]:
    """Ids of what both liked, in the order of the one."""
    theirs = set(other.items)
    return [item for item in one.items if item in theirs][:most]


def shared_categories(one: Character, other: Character, *, most: int) -> list[str]:
    """Names that much of both is about, the weightiest first."""
    both = one.categories.keys() & other.categories.keys()
    common = {name: min(one.categories[name], other.categories[name]) for name in both}
    return sorted(common, key=lambda name: (-common[name], name))[:most]
