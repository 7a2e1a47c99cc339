"""Candidates, where a catalogue is too large to be scored whole: who could come first for a user.

Of what needs no vector (neighbours, hotness, freshness) everything is at hand: the best by these
parts are found among the neighbours of the user's last items, the hottest and the newest. What is
near the user's tastes the store's index knows. Where no cosine is below 0, the interest and the
session part add up to the largest of a few dot products, one for each interest, so one query each
finds the most of both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stream.core.allowed import EVERYTHING, Filters, Mask, asked_for, langs_of
from stream.core.arrange import pool_of
from stream.core.catalogue import Catalogue
from stream.core.crowd import crowds_of, domain_of
from stream.core.decay import Vector
from stream.core.hashes import hash32
from stream.core.parts import PARTS, Part, believed, tastes
from stream.core.profile import Profile, different
from stream.core.rank import score
from stream.core.signals import Row
from stream.core.tuning import Tuning

Rows = NDArray[np.intp]

#: Candidates of a user by what needs no vector, and by each query; lists of ten take their items
#: from the best 50. Below this the recall of those 50 falls, above it only the time grows.
BY_PARTS = 300
BY_QUERY = 200
#: Everybody's candidates by hotness and by freshness; a user may have seen many of them.
HOTTEST = 800
NEWEST = 200
#: The same in a user's domain and segment.
HOTTEST_NEAR = 200


@dataclass(frozen=True, slots=True)
class Near:
    """A user's question to the store's index: which items that may be offered are nearest?

    vectors  (q, d) none of them zero; each is a search of its own
    as_of    seconds; what has expired by then is left out
    langs    of items that may be offered; empty: any
    seen     ids of items that are left out
    """

    vectors: NDArray[np.float32]
    as_of: float
    langs: frozenset[str] = frozenset()
    seen: frozenset[str] = frozenset()
    filters: Filters = EVERYTHING


@dataclass(frozen=True, slots=True)
class Choice:
    """What some users' lists are made of.

    catalogue  with vectors, and with neighbours of the users' last items
    only       (u, n) candidates of each user; None: everything
    """

    catalogue: Catalogue
    only: Mask | None = None


def asked(profile: Profile, catalogue: Catalogue, filters: Filters, tuning: Tuning) -> Near:
    """The searches that find what is near a user's tastes: one an interest."""
    half_life_s = tuning.session_half_life_s
    session = believed(profile.session, profile.as_of, half_life_s, catalogue, tuning)
    rows = np.float32(tuning.interest_part) * np.stack(tastes(profile, catalogue, tuning))
    rows += np.float32(tuning.session_part) * session
    return Near(
        rows[rows.any(axis=1)],
        profile.as_of,
        langs_of(profile, catalogue, filters),
        seen_by(profile, catalogue) | filters.exclude,
        filters,
    )


def seen_by(profile: Profile, catalogue: Catalogue) -> frozenset[str]:
    """Ids of what the user has seen, as far as it is known."""
    rows = catalogue.rows_of_hashes(profile.seen)
    return frozenset(catalogue.entries[row].item_id for row in rows.tolist())


def history(profile: Profile, catalogue: Catalogue) -> Rows:
    """Rows of the user's last items and medoids: what `because` may name."""
    medoids = (interest.medoid for interest in profile.interests)
    ids = dict.fromkeys((*different(profile.recent), *medoids))
    return np.array([catalogue.rows[i] for i in ids if i in catalogue.rows], np.intp)


def last_items(profile: Profile, tuning: Tuning) -> list[str]:
    """Ids of the items whose neighbours are asked, and of the one that moves up without one."""
    return different(profile.recent)[: tuning.neighbour_window + 1]


class Popular:
    """What many turn to, or what is new, in one snapshot: for everybody, a language, a domain, a
    segment."""

    def __init__(
        self, catalogue: Catalogue, tuning: Tuning, now: float, filters: Filters = EVERYTHING
    ) -> None:
        """now  seconds: what has expired, or is not published yet, is left out"""
        self.catalogue = catalogue
        self.filters = filters
        self._tuning = tuning
        self._offered = np.flatnonzero(
            asked_for(filters, catalogue)
            & (catalogue.expires_at > now)
            & (catalogue.published_at <= now)
        )
        self._heat = catalogue.heat_at(catalogue.learned_at, half_life_s=tuning.hotness_half_life_s)
        self._found: dict[tuple[str, str], Rows] = {}

    def around(self, profile: Profile) -> Rows:
        """Rows of what a user may be offered for it, ascending."""
        domain = domain_of(profile, self.catalogue)
        member = profile.membership if self._tuning.crowd_part else None
        kinds = [
            ("everybody", ""),
            *(("language", lang) for lang in langs_of(profile, self.catalogue)),
            *([("domain", domain)] if domain is not None else []),
            *([("segment", member.segment)] if member is not None else []),
        ]
        found: Rows = np.unique(np.concatenate([self._of(*kind) for kind in kinds]))
        return found

    def _of(self, kind: str, name: str) -> Rows:
        found = self._found.get((kind, name))
        if found is None:
            found = self._found[kind, name] = self._searched(kind, name)
        return found

    def _searched(self, kind: str, name: str) -> Rows:
        catalogue, offered = self.catalogue, self._offered
        if kind == "segment":
            heat = crowds_of(catalogue).heat_at(
                name, catalogue.learned_at, half_life_s=self._tuning.hotness_half_life_s
            )
            return _best(offered, heat[offered], HOTTEST_NEAR)
        if kind == "domain":
            inside = offered[catalogue.domains[offered] == hash32(name)]
            return _best(inside, self._heat[inside], HOTTEST_NEAR)
        if kind == "language":
            offered = offered[np.isin(catalogue.languages[offered], np.array([name, None], object))]
        newest = _best(offered, catalogue.published_at[offered], NEWEST)
        return np.union1d(_best(offered, self._heat[offered], HOTTEST), newest)


def _best(rows: Rows, values: NDArray[np.floating], most: int) -> Rows:
    if len(rows) <= most:
        return rows
    return rows[np.argpartition(-values, most)[:most]]


def by_parts(
    profiles: Sequence[Profile],
    lived: Sequence[Rows],
    catalogue: Catalogue,
    learned: Mapping[str, Row],
    popular: Popular,
    filters: Filters,
    tuning: Tuning,
    parts: Sequence[Part] = PARTS,
) -> list[Rows]:
    """Each user's best items by the parts that need no vector; rows of the (light) catalogue.

    lived    each user's `history`
    learned  rows, with neighbours, of the users' last items
    popular  of the same catalogue
    """
    plugged = _plugged(profiles, catalogue, tuning, parts)
    own = [
        np.union1d(
            _neighbours(profile, catalogue, learned, tuning),
            np.union1d(popular.around(profile), expected),
        )
        for profile, expected in zip(profiles, plugged, strict=True)
    ]
    rows = np.unique(np.concatenate([*own, *lived])).astype(np.intp)
    if not len(rows):
        return [rows for _ in profiles]
    part = catalogue.excerpt(rows, {}, learned)
    only = np.zeros((len(profiles), len(rows)), np.bool_)
    for user, theirs in enumerate(own):
        only[user, np.searchsorted(rows, theirs)] = True
    contentless = replace(tuning, interest_part=0.0, session_part=0.0, aversion_part=0.0)
    scored = score(profiles, part, contentless, filters, only, parts)
    pool = pool_of(scored.total, BY_PARTS)
    return [
        rows[found[np.isfinite(values)]]
        for found, values in zip(pool.rows, pool.scores, strict=True)
    ]


def _plugged(
    profiles: Sequence[Profile], catalogue: Catalogue, tuning: Tuning, parts: Sequence[Part]
) -> list[Rows]:
    """What parts that are not the core's own, which know the whole catalogue, think best."""
    found = [np.zeros(0, np.intp) for _ in profiles]
    for part in parts:
        if part in PARTS or part.weight(tuning) <= 0:
            continue
        values = part.compute(profiles, catalogue, tuning)
        for user, theirs in enumerate(values):
            likely = np.flatnonzero(theirs)
            found[user] = np.union1d(found[user], _best(likely, theirs[likely], BY_QUERY))
    return found


def _neighbours(
    profile: Profile, catalogue: Catalogue, learned: Mapping[str, Row], tuning: Tuning
) -> Rows:
    asked_for = [learned[i].others for i in last_items(profile, tuning) if i in learned]
    if not asked_for:
        return np.zeros(0, np.intp)
    return catalogue.rows_of_hashes(np.unique(np.concatenate(asked_for)))


def choice(
    lived: Sequence[Rows],
    catalogue: Catalogue,
    candidates: Sequence[Rows],
    vectors: Mapping[str, Vector],
    learned: Mapping[str, Row],
) -> Choice:
    """What the lists are made of, when all candidates and their vectors are at hand.

    lived, candidates  of each user, rows of the (light) catalogue
    """
    rows = np.unique(np.concatenate([np.zeros(0, np.intp), *candidates, *lived]))
    only = np.zeros((len(candidates), len(rows)), np.bool_)
    for user, theirs in enumerate(candidates):
        only[user, np.searchsorted(rows, theirs)] = True
    return Choice(catalogue.excerpt(rows, vectors, learned), only)
