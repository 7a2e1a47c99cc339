"""From scores to lists, over a chunk's users as arrays.

Places are filled one by one from the best few dozen items by score. A candidate's value there is

    score - diversity x its largest cosine to what stands already       (MMR)
          - calibration x trust x KL(user's categories, the list's with it)

after Carbonell and Goldstein, "The use of MMR" (SIGIR 1998) and Steck, "Calibrated recommendations"
(RecSys 2018), and no category takes more than `category_cap` of the places while others are left.
The last places of a list are for exploration (`stream.core.explore`). With all of it switched off
a list is the best items by score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stream.core.catalogue import Catalogue
from stream.core.categories import NONE
from stream.core.explore import GREEDY, Place, explored
from stream.core.parts import Scores
from stream.core.profile import Profile, trust
from stream.core.tuning import Tuning

#: Candidates for each place of a list: 5 lists' worth hold what a user could come to like; with
#: more of them the pairwise cosines cost more than the scores did.
POOL_LISTS = 5
#: Users whose candidates' vectors are in memory at once: of 384 dimensions 5 MB for lists of 10,
#: 50 MB for lists of 100.
USERS_MAX = 64
#: Categories of a user, heaviest first, that a list is calibrated to.
CALIBRATED_MAX = 24
#: Share of the user's own distribution in the list's, so that the divergence stays finite.
SMOOTHING = 0.01
#: A category that no item is in: neither one of theirs nor what stands for none.
NOWHERE = NONE - 1
#: More than any score: what is forbidden comes after all that is not, in the same order.
FORBIDDEN = 1e6


@dataclass(frozen=True, slots=True)
class Pool:
    """Candidates of each user, best first, ties by row.

    rows    (u, p) of the catalogue; 0 in the places that are empty
    scores  (u, p); -inf in the places that are empty
    """

    rows: NDArray[np.intp]
    scores: Scores


def arrange(
    profiles: Sequence[Profile], total: Scores, catalogue: Catalogue, tuning: Tuning
) -> list[list[Place]]:
    """The list of each profile, best first; shorter than `list_size` where there is less to offer.

    total  (u, n) scores; -inf for what must not be offered
    """
    if not total.size:
        return [[] for _ in profiles]
    lists = []
    for first in range(0, len(profiles), USERS_MAX):
        some, theirs = profiles[first : first + USERS_MAX], total[first : first + USERS_MAX]
        pool = pool_of(theirs, POOL_LISTS * tuning.list_size)
        picks = greedy(some, pool, catalogue, tuning, places=tuning.list_size)  # (u, places)
        for user, profile in enumerate(some):
            rows = [int(pool.rows[user, pick]) for pick in picks[user] if pick >= 0]
            lists.append(_with_lots(profile, rows, theirs[user], catalogue, tuning))
    return lists


def _with_lots(
    profile: Profile, rows: list[int], total: Scores, catalogue: Catalogue, tuning: Tuning
) -> list[Place]:
    """The list with exploration in its last places; where there are no lots, the rows go on."""
    exploring = min(tuning.exploration_places, tuning.list_size)
    kept = rows[: tuning.list_size - exploring]
    tried = explored(profile, total, kept, catalogue, tuning)[:exploring] if exploring else []
    drawn = {place.row for place in tried}
    rest = [row for row in rows if row not in drawn]
    best = [Place(row, 1.0, GREEDY) for row in rest[: tuning.list_size - len(tried)]]
    return [*best, *tried]


def pool_of(total: Scores, size: int) -> Pool:
    """The `size` best of each user by score."""
    users, count = total.shape
    size = min(size, count)
    rows = np.zeros((users, size), np.intp)
    scores = np.full((users, size), -np.inf, np.float32)
    kth = count - size
    threshold = np.partition(total, kth, axis=1)[:, kth]  # (u,)
    for user, (row, low) in enumerate(zip(total, threshold, strict=True)):
        found = np.flatnonzero(row >= low)
        best = found[np.argsort(-row[found], kind="stable")][:size]
        best = best[np.isfinite(row[best])]
        rows[user, : len(best)] = best
        scores[user, : len(best)] = row[best]
    return Pool(rows, scores)


def greedy(
    profiles: Sequence[Profile], pool: Pool, catalogue: Catalogue, tuning: Tuning, *, places: int
) -> NDArray[np.intp]:
    """(u, places) places in the pool, in the order they are taken; -1 where none is left."""
    users, size = pool.rows.shape
    everyone = np.arange(users)
    left = pool.scores.astype(np.float64)  # (u, p); -inf once taken
    picks = np.full((users, places), -1, np.intp)
    terms = _terms(profiles, pool, catalogue, tuning)
    for place in range(min(places, size)):
        value = left - sum(term.cost() for term in terms)
        pick = np.argmax(value, axis=1)  # (u,); the better score where values are equal
        picks[:, place] = np.where(np.isfinite(left[everyone, pick]), pick, -1)
        left[everyone, pick] = -np.inf
        for term in terms:
            term.take(pick)
    return picks


class Term(Protocol):
    """What candidates cost beside what stands in the list already."""

    def cost(self) -> NDArray[np.float64]:
        """(u, p) for the next place."""
        ...

    def take(self, pick: NDArray[np.intp]) -> None:
        """Each user's candidate (u,) stands in the list now."""
        ...


def _terms(
    profiles: Sequence[Profile], pool: Pool, catalogue: Catalogue, tuning: Tuning
) -> list[Term]:
    """Those that are switched on."""
    terms: list[Term] = []
    if tuning.diversity > 0:
        terms.append(_Likeness(catalogue.vectors[pool.rows], tuning.diversity))
    if tuning.calibration > 0:
        terms.append(_Divergence(profiles, pool, catalogue, tuning))
    if tuning.category_cap < 1:
        most = max(ceil(tuning.category_cap * tuning.list_size), 1)
        categories = catalogue.categories
        terms.append(_Cap(categories.table[pool.rows], len(categories.numbers), most))
    return terms


class _Likeness:
    """The largest cosine to an item of the list, times a weight; never below 0."""

    def __init__(self, vectors: NDArray[np.float32], weight: float) -> None:
        self._cosines = vectors @ vectors.transpose(0, 2, 1)  # (u, p, d)·(u, d, p) -> (u, p, p)
        self._weight = weight
        self._largest = np.zeros(vectors.shape[:2])  # (u, p)

    def cost(self) -> NDArray[np.float64]:
        return self._weight * self._largest

    def take(self, pick: NDArray[np.intp]) -> None:
        to_pick = self._cosines[np.arange(len(pick)), pick]  # (u, p)
        self._largest = np.maximum(self._largest, to_pick)


class _Divergence:
    """KL(p‖q) from the user's categories p to the list's with the candidate q, times a weight.

    The weight is the setting times the trust in the user's interests: of whom little is known,
    little can be said about the mix. The entropy of p is left out, the same for all candidates.
    """

    def __init__(
        self, profiles: Sequence[Profile], pool: Pool, catalogue: Catalogue, tuning: Tuning
    ) -> None:
        categories = catalogue.categories
        numbers = np.full((len(profiles), CALIBRATED_MAX), NOWHERE, np.int32)  # (u, c)
        wanted = np.zeros((len(profiles), CALIBRATED_MAX))  # (u, c)
        for user, profile in enumerate(profiles):
            shares = profile.categories.shares(prior=tuning.category_prior)
            names = sorted(shares.keys() & categories.numbers, key=lambda n: (-shares[n], n))
            names = names[:CALIBRATED_MAX]
            numbers[user, : len(names)] = [categories.numbers[name] for name in names]
            wanted[user, : len(names)] = [shares[name] for name in names]
        own = categories.table[pool.rows]  # (u, p, m)
        held = (own[:, :, None, :] == numbers[:, None, :, None]).any(axis=3)  # (u, p, c)
        each = np.float32(1) / np.maximum(categories.counts[pool.rows], 1)  # (u, p)
        self._mix = held * each[:, :, None].astype(np.float32)  # (u, p, c)
        trusts = np.array([trust(profile, profile.as_of, tuning) for profile in profiles])
        cost = tuning.calibration * trusts[:, None] * wanted
        self._cost = cost[:, :, None].astype(np.float32)  # (u, c, 1) of -log of the list's share
        smooth = np.where(wanted > 0, SMOOTHING * wanted, 1.0)  # log 1 is no cost
        self._smooth = smooth[:, None, :].astype(np.float32)
        self._sum = np.zeros((len(profiles), 1, CALIBRATED_MAX), np.float32)
        self._taken = 0

    def cost(self) -> NDArray[np.float64]:
        scale = np.float32((1 - SMOOTHING) / (self._taken + 1))
        shares = (self._mix + self._sum) * scale + self._smooth  # (u, p, c)
        gained = np.log(shares) @ self._cost  # (u, p, c)·(u, c, 1)
        return np.asarray(-gained[:, :, 0], np.float64)

    def take(self, pick: NDArray[np.intp]) -> None:
        self._sum += self._mix[np.arange(len(pick)), pick][:, None, :]
        self._taken += 1


class _Cap:
    """Forbidding for candidates of a category that has all the places it may have."""

    def __init__(self, own: NDArray[np.int32], categories: int, most: int) -> None:
        self._own = own  # (u, p, m) numbers of categories; NONE, the last one, in empty places
        self._most = most
        self._users = np.arange(len(own))
        self._counts = np.zeros((len(own), categories + 1), np.int32)

    def cost(self) -> NDArray[np.float64]:
        full = self._counts >= self._most  # (u, c + 1)
        blocked = full[self._users[:, None, None], self._own].any(axis=2)  # (u, p)
        return np.where(blocked, FORBIDDEN, 0.0)

    def take(self, pick: NDArray[np.intp]) -> None:
        self._counts[self._users[:, None], self._own[self._users, pick]] += 1
        self._counts[:, -1] = 0
