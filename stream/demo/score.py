"""How good the published lists were: each against the user's next rating, popularity beside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.demo.audience import Received
from stream.demo.movielens import Rating
from stream.demo.plan import event_id

PLACES = 10
RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class HitRate:
    """A share with its 95 % interval (bootstrap over users)."""

    rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Quality:
    """Over `lists` published lists: ours, and the most popular unseen films at those moments."""

    lists: int
    ours: HitRate
    popularity: HitRate


@dataclass(frozen=True, slots=True)
class Moment:
    """A list of the live part and the rating that came next for its user."""

    cause: int
    user_id: str
    next_item: str
    offered: frozenset[str]


def moments(
    received: Iterable[Received], ratings: Sequence[Rating], first_live: int
) -> list[Moment]:
    """The lists whose newest cause is a live rating and whose user rated once more."""
    following = _following(ratings)
    places = {event_id(place): place for place in range(first_live, len(ratings))}
    found = []
    for one in received:
        causes = [places[cause] for cause in one.message.caused_by if cause in places]
        cause = max(causes, default=-1)
        if cause < 0 or cause not in following:
            continue
        offered = frozenset(offer.item_id for offer in one.message.items[:PLACES])
        found.append(Moment(cause, one.message.user_id, following[cause], offered))
    return sorted(found, key=lambda moment: moment.cause)


def quality(found: Sequence[Moment], ratings: Sequence[Rating]) -> Quality | None:
    """Hit rates at those moments; None where there is none."""
    if not found:
        return None
    users = [moment.user_id for moment in found]
    ours = np.array([moment.next_item in moment.offered for moment in found])
    popular = _popular_hits(found, ratings)
    return Quality(len(found), _interval(ours, users), _interval(popular, users))


def _following(ratings: Sequence[Rating]) -> Mapping[int, str]:
    """Place of a rating -> the item its user rated next."""
    last: dict[str, int] = {}
    following: dict[int, str] = {}
    for place, rating in enumerate(ratings):
        if rating.user_id in last:
            following[last[rating.user_id]] = rating.item_id
        last[rating.user_id] = place
    return following


def _popular_hits(found: Sequence[Moment], ratings: Sequence[Rating]) -> NDArray[np.bool_]:
    """Whether the next item was among the most rated films that the user had not rated yet."""
    columns = {item: i for i, item in enumerate(dict.fromkeys(r.item_id for r in ratings))}
    counts = np.zeros(len(columns))
    seen: dict[str, list[int]] = defaultdict(list)
    hits: list[bool] = []
    place = 0
    for moment in found:
        while place <= moment.cause:
            rating = ratings[place]
            counts[columns[rating.item_id]] += 1
            seen[rating.user_id].append(columns[rating.item_id])
            place += 1
        open_counts = counts.copy()
        open_counts[seen[moment.user_id]] = -1
        top = np.argsort(-open_counts, kind="stable")[:PLACES]
        hits.append(columns[moment.next_item] in top)
    return np.array(hits)


def _interval(hits: NDArray[np.bool_], users: Sequence[str]) -> HitRate:
    """Users, not lists, are drawn again: one user's lists are not independent."""
    names, owner = np.unique(np.array(users), return_inverse=True)
    total = np.bincount(owner, minlength=len(names)).astype(float)
    won = np.bincount(owner, weights=hits, minlength=len(names))
    drawn = np.random.default_rng(0).integers(0, len(names), (RESAMPLES, len(names)))
    rates = won[drawn].sum(axis=1) / total[drawn].sum(axis=1)
    low, high = np.percentile(rates, [2.5, 97.5])
    return HitRate(float(hits.mean()), float(low), float(high))
