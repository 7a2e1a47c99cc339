"""Ranking: a chunk's users against the whole catalogue, exactly, by matrix products.

A score is the weighted sum of the parts (`stream.core.parts`) and -inf for what must not be offered
(`stream.core.allowed`); `stream.core.arrange` makes lists of scores, `stream.core.because` says
why. Nothing depends on the other users of a chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from stream.core.allowed import EVERYTHING, Filters, Mask, allowed, asked_for
from stream.core.arrange import arrange
from stream.core.because import reasons
from stream.core.catalogue import Catalogue
from stream.core.distribution import portrait
from stream.core.explore import GREEDY, Place
from stream.core.hashes import short_id
from stream.core.labels import labels
from stream.core.parts import PARTS, Part, Scores, weighted
from stream.core.profile import Offer, Profile, StoredList
from stream.core.tuning import CAUSES_MAX, Tuning

SHARED_PLACES = 3
SHARE_DIGITS = 4


def ranker(tuning: Tuning, parts: Sequence[Part] = PARTS) -> str:
    """The version of the ranking: the parts that are on, and a hash of all constants."""
    signed = [(_versioned(part), part.weight(tuning)) for part in parts]
    names = "".join(f"{'+' if weight > 0 else '-'}{name}" for name, weight in signed if weight)
    return f"{names.lstrip('+') or 'nothing'}.{short_id(sorted(asdict(tuning).items()))[:8]}"


def _versioned(part: Part) -> str:
    return f"{part.name}@{part.version}" if part.version else part.name


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores of all items for some users; each (u, n) float32.

    total  the sum of the parts; -inf where filtered
    parts  by name, times their weights; those that are switched off are left out
    """

    total: Scores
    parts: dict[str, Scores]


def rank(
    profiles: Sequence[Profile],
    causes: Sequence[tuple[str, ...]],
    catalogue: Catalogue,
    tuning: Tuning,
    filters: Filters = EVERYTHING,
    only: Mask | None = None,
    parts: Sequence[Part] = PARTS,
) -> list[StoredList]:
    """The list of each profile as of its newest event; `version` is the profile's.

    profiles  (u,) after folding, with the version they will be saved under
    causes    (u,) ids of the events that led to each list, oldest first
    only      (u, n) items that each user may be offered at all; None: every one
    parts     in force

    A user for whom nothing is left to offer gets an empty list.
    """
    if not profiles:
        return []
    scored = score(profiles, catalogue, tuning, filters, only, parts)
    lists = arrange(profiles, scored.total, catalogue, tuning)
    return [
        _list(
            profile,
            why,
            _offers(profile, places, user, scored, catalogue, tuning, parts),
            catalogue,
            tuning,
        )
        for user, (profile, why, places) in enumerate(zip(profiles, causes, lists, strict=True))
    ]


def score(
    profiles: Sequence[Profile],
    catalogue: Catalogue,
    tuning: Tuning,
    filters: Filters = EVERYTHING,
    only: Mask | None = None,
    parts: Sequence[Part] = PARTS,
) -> Scored:
    """Scores of every item for each profile, as of the profile's newest event.

    only  (u, n) as for `rank`; `parts` too
    """
    gave = weighted(profiles, catalogue, tuning, parts)
    total = np.zeros((len(profiles), len(catalogue)), np.float32)
    for part in gave.values():
        total += part
    asked = asked_for(filters, catalogue)
    for row, profile in enumerate(profiles):
        mask = asked & allowed(profile, catalogue, filters)
        if only is not None:
            mask &= only[row]
        total[row, ~mask] = -np.inf
    return Scored(total, gave)


def _list(
    profile: Profile,
    why: tuple[str, ...],
    offers: tuple[Offer, ...],
    catalogue: Catalogue,
    tuning: Tuning,
) -> StoredList:
    seen = portrait(profile, labels(profile, catalogue.get, tuning), profile.as_of, tuning)
    return StoredList(
        version=profile.version,
        as_of=profile.as_of,
        caused_by=why[-CAUSES_MAX:],
        offers=offers,
        interests=seen.interests,
        entropy=seen.entropy,
        confidence=seen.confidence,
        segment=profile.membership.segment if profile.membership else None,
        categories=seen.categories,
    )


def _offers(
    profile: Profile,
    places: Sequence[Place],
    user: int,
    scored: Scored,
    catalogue: Catalogue,
    tuning: Tuning,
    parts: Sequence[Part],
) -> tuple[Offer, ...]:
    rows = np.array([place.row for place in places], np.intp)
    because = reasons(profile, rows, catalogue, tuning, parts)
    gave = {name: part[user, rows].tolist() for name, part in scored.parts.items()}
    totals = scored.total[user, rows].tolist()
    offers = []
    for number, place in enumerate(places):
        given = {name: values[number] for name, values in gave.items()}
        most = max(given, key=lambda name: given[name], default="nothing")
        offers.append(
            Offer(
                item_id=catalogue.entries[place.row].item_id,
                score=round(totals[number], 6),
                source=most if place.source == GREEDY else place.source,
                propensity=place.propensity,
                because=because[number],
                share=shares_of(given) if number < SHARED_PLACES else {},
            )
        )
    return tuple(offers)


def shares_of(given: dict[str, float]) -> dict[str, float]:
    """What each part adds, as shares that sum to 1; what takes away adds nothing."""
    gains = {name: value for name, value in given.items() if value > 0}
    total = sum(gains.values())
    if not total:
        return {}
    shares = {name: round(value / total, SHARE_DIGITS) for name, value in gains.items()}
    most = max(shares, key=lambda name: shares[name])
    rest = sum(share for name, share in shares.items() if name != most)
    return shares | {most: round(1 - rest, SHARE_DIGITS)}
