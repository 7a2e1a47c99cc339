"""Ranking: a chunk's users against the whole catalogue, exactly, by matrix products.

The score is a weighted sum of parts, each a fixed bounded transform:

    interest   largest over the interests of cosine x confidence x share of the largest
    session    cosine to the session's direction x its confidence
    hotness    1 - exp(-decayed count / scale)
    aversion   minus cosine to what was disliked x its confidence

The constants are in `Tuning` and named by RANKER. Nothing depends on the other users of a chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.core.catalogue import Catalogue
from stream.core.decay import Mass, Vector, confidence, direction, factor, weight_at
from stream.core.profile import (
    Offer,
    Profile,
    StoredList,
    entropy,
    interest_shares,
    interest_weights,
    trust,
)
from stream.core.tuning import CAUSES_MAX, Tuning

RANKER = "content-hotness-1"
BECAUSE_MAX = 2
SHARED_PLACES = 3

PARTS = ("interest", "session", "hotness", "aversion")
Scores = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores of all items for some users; each (u, n) float32. `total` is -inf where filtered."""

    total: Scores
    parts: dict[str, Scores]


def rank(
    profiles: Sequence[Profile],
    causes: Sequence[tuple[str, ...]],
    catalogue: Catalogue,
    tuning: Tuning,
) -> list[StoredList]:
    """The list of each profile as of its newest event; `version` is the profile's.

    profiles  (u,) after folding, with the version they will be saved under
    causes    (u,) ids of the events that led to each list, oldest first

    A user for whom nothing is left to offer gets an empty list.
    """
    if not profiles:
        return []
    scored = score(profiles, catalogue, tuning)
    places = _best(scored.total, tuning.list_size)
    return [
        _list(profile, why, rows, row, scored, catalogue, tuning)
        for row, (profile, why, rows) in enumerate(zip(profiles, causes, places, strict=True))
    ]


def score(profiles: Sequence[Profile], catalogue: Catalogue, tuning: Tuning) -> Scored:
    """Scores of every item for each profile, as of the profile's newest event."""
    half_lives = (tuning.aversion_half_life_s, tuning.session_half_life_s)
    averse = [_believed(p.aversion, p.as_of, half_lives[0], catalogue, tuning) for p in profiles]
    session = [_believed(p.session, p.as_of, half_lives[1], catalogue, tuning) for p in profiles]
    tastes = [_tastes(profile, catalogue, tuning) for profile in profiles]
    first = np.cumsum([0, *(len(rows) for rows in tastes[:-1])])  # (u,) each user's first interest
    queries = np.stack([*averse, *session, *(row for rows in tastes for row in rows)])
    match = np.maximum(queries @ catalogue.vectors.T, 0)  # (q, d)·(d, n) -> (q, n), one product
    users = len(profiles)
    best = np.maximum.reduceat(match[2 * users :], first, axis=0)  # (u, n)
    parts: dict[str, Scores] = {
        "hotness": np.float32(tuning.hotness_part) * _hotness(profiles, catalogue, tuning),
        "interest": np.float32(tuning.interest_part) * best,
        "session": np.float32(tuning.session_part) * match[users : 2 * users],
        "aversion": -np.float32(tuning.aversion_part) * match[:users],
    }
    total = parts["interest"] + parts["session"] + parts["hotness"] + parts["aversion"]  # (u, n)
    for row, profile in enumerate(profiles):
        total[row, ~_allowed(profile, catalogue)] = -np.inf
    return Scored(total, parts)


def _tastes(profile: Profile, catalogue: Catalogue, tuning: Tuning) -> list[Vector]:
    """Directions of the interests, as far as they count; a row of zeros where there are none."""
    weights = interest_weights(profile, profile.as_of, tuning)
    largest = max(weights, default=0.0)
    rows = [
        np.float32(weight / largest)
        * _believed(interest.mass, profile.as_of, tuning.interest_half_life_s, catalogue, tuning)
        for interest, weight in zip(profile.interests, weights, strict=True)
        if weight > 0
    ]
    return rows or [np.zeros(catalogue.dimension, np.float32)]


def _believed(
    mass: Mass | None, now: float, half_life_s: float, catalogue: Catalogue, tuning: Tuning
) -> Vector:
    """(d,) a mass's direction times its confidence as of `now`; zeros where it points nowhere."""
    weight = weight_at(mass, now, half_life_s=half_life_s)
    unit = None if mass is None or weight <= 0 else direction(mass.vector)
    if unit is None:
        return np.zeros(catalogue.dimension, np.float32)
    return np.float32(confidence(weight, tuning.confidence_weight)) * unit


def _hotness(profiles: Sequence[Profile], catalogue: Catalogue, tuning: Tuning) -> Scores:
    table = np.empty((len(profiles), len(catalogue)), np.float32)
    for row, profile in enumerate(profiles):
        count = catalogue.heat_at(profile.as_of, half_life_s=tuning.hotness_half_life_s)
        table[row] = 1 - np.exp(-count / tuning.hotness_scale)
    return table


def _allowed(profile: Profile, catalogue: Catalogue) -> NDArray[np.bool_]:
    """(n,) on offer, out, not expired, in a language the user reads, and not seen yet."""
    now = profile.as_of
    allowed = catalogue.on_offer & (catalogue.published_at <= now) & (catalogue.expires_at > now)
    langs = {e.lang for r in profile.recent if (e := catalogue.get(r.item_id)) and e.lang}
    if langs:
        allowed &= np.isin(catalogue.languages, np.array([*langs, None], object))
    allowed[catalogue.rows_of_hashes(profile.seen)] = False
    return allowed


def _best(total: Scores, size: int) -> list[NDArray[np.intp]]:
    """Rows of each user's best items, best first; ties by row, so the order is reproducible."""
    count = total.shape[1]
    if count == 0:
        return [np.empty(0, np.intp)] * len(total)
    if count > 4 * size:
        kth = count - size
        threshold = np.partition(total, kth, axis=1)[:, kth]  # (u,)
        pools = [np.flatnonzero(row >= low) for row, low in zip(total, threshold, strict=True)]
    else:
        pools = [np.arange(count)] * len(total)
    best = []
    for row, pool in zip(total, pools, strict=True):
        order = pool[np.lexsort((pool, -row[pool]))][:size]
        best.append(order[np.isfinite(row[order])])
    return best


def _list(
    profile: Profile,
    why: tuple[str, ...],
    rows: NDArray[np.intp],
    user: int,
    scored: Scored,
    catalogue: Catalogue,
    tuning: Tuning,
) -> StoredList:
    because = _because(profile, rows, catalogue, tuning)
    offers = []
    for place, row in enumerate(rows):
        share = {name: float(part[user, row]) for name, part in scored.parts.items()}
        offers.append(
            Offer(
                item_id=catalogue.entries[row].item_id,
                score=round(float(scored.total[user, row]), 6),
                source=max(share, key=lambda name: share[name]),
                propensity=1.0,
                because=because[place],
                share=_shares(share) if place < SHARED_PLACES else {},
            )
        )
    return StoredList(
        version=profile.version,
        as_of=profile.as_of,
        caused_by=why[-CAUSES_MAX:],
        offers=tuple(offers),
        interests=interest_shares(profile, profile.as_of, tuning),
        entropy=entropy(profile, tuning),
        confidence=trust(profile, profile.as_of, tuning),
        segment=profile.membership.segment if profile.membership else None,
    )


def _shares(parts: dict[str, float]) -> dict[str, float]:
    """What each part adds, as shares that sum to 1; what takes away adds nothing."""
    gains = {name: value for name, value in parts.items() if value > 0}
    total = sum(gains.values())
    return {name: round(value / total, 4) for name, value in gains.items()} if total else {}


def _because(
    profile: Profile, rows: NDArray[np.intp], catalogue: Catalogue, tuning: Tuning
) -> list[tuple[str, ...]]:
    """For each offer the ids of the user's own items that speak for it most.

    An item's contribution is its decayed strength times its cosine to the offer; items that speak
    against it are never named.
    """
    liked = {r.item_id: r for r in profile.recent if r.strength > 0}
    known: list[tuple[str, Vector, float]] = []
    for item_id, recent in liked.items():
        entry = catalogue.get(item_id)
        if entry is None or entry.vector is None:
            continue
        left = factor(max(profile.as_of - recent.at, 0.0), tuning.interest_half_life_s)
        known.append((item_id, entry.vector, recent.strength * left))
    if not known or not len(rows):
        return [()] * len(rows)
    evidence = np.stack([vector for _, vector, _ in known])  # (r, d)
    weights = np.array([weight for _, _, weight in known], np.float32)  # (r,)
    speaks = weights[:, None] * (evidence @ catalogue.vectors[rows].T)  # (r, d)·(d, k) -> (r, k)
    order = np.argsort(-speaks, axis=0, kind="stable")[:BECAUSE_MAX]  # (2, k)
    return [
        tuple(known[i][0] for i in order[:, place] if speaks[i, place] > 0)
        for place in range(len(rows))
    ]
