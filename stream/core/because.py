"""Why an item is offered: the items of the user's own without which its score would fall most.

What an item of the history is worth is found by taking it out: its decayed strength times its
vector leaves the session, the interest that it joined and the aversion, it leaves the user's last
items whose neighbours are asked, and the score of each offer is computed again in closed form
(`stream.core.without`). A part that is plugged in says itself what it gives without the item.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.core.catalogue import Catalogue
from stream.core.parts import PARTS, Part
from stream.core.profile import Profile, different
from stream.core.tuning import Tuning
from stream.core.without import content_without, nearness_without

BECAUSE_MAX = 2
#: A smaller loss is rounding: sums of float16 and float32 are taken apart.
LOSS_MIN = 1e-4
#: More than any loss, to put some of them after the others.
AFTER = 1e3

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Losses:
    """What the score of some offers would lose without each item of the user's history.

    items   (i,) ids, the newest first; after them medoids that have left the ring of recent items
    recent  how many of them are in the ring
    scores  (i, k) in units of the score; below 0 where the item speaks against the offer
    """

    items: tuple[str, ...]
    recent: int
    scores: Floats


def reasons(
    profile: Profile,
    rows: NDArray[np.intp],
    catalogue: Catalogue,
    tuning: Tuning,
    parts: Sequence[Part] = PARTS,
) -> list[tuple[str, ...]]:
    """For each offer the ids of at most BECAUSE_MAX items, the weightiest first.

    Of a medoid that has left the ring only a bound is known, so it comes after the others. Not
    named are items that the catalogue does not know (those that are deleted are), and what the
    user did not like on the whole: taking it out can turn the aversion towards an offer, and its
    neighbours are asked too, but nobody is offered something for having disliked another.

    rows   (k,) of the catalogue
    parts  in force
    """
    if not len(rows):
        return []
    lost = losses(profile, rows, catalogue, tuning, parts)
    liked = _liked(profile)
    fit = [liked.get(item_id, 1.0) > 0 and item_id in catalogue.rows for item_id in lost.items]
    speaks = (lost.scores > LOSS_MIN) & np.array(fit, np.bool_)[:, None]  # (i, k)
    left_ring = np.arange(len(lost.items)) >= lost.recent
    value = np.where(speaks, lost.scores, -np.inf) - np.where(left_ring, AFTER, 0)[:, None]
    order = np.argsort(-value, axis=0, kind="stable")[:BECAUSE_MAX]  # (2, k)
    return [
        tuple(lost.items[item] for item in order[:, offer] if speaks[item, offer])
        for offer in range(len(rows))
    ]


def _liked(profile: Profile) -> dict[str, float]:
    """Sum of the strengths of each item in the ring."""
    sums: dict[str, float] = {}
    for entry in profile.recent:
        sums[entry.item_id] = sums.get(entry.item_id, 0.0) + entry.strength
    return sums


def losses(
    profile: Profile,
    rows: NDArray[np.intp],
    catalogue: Catalogue,
    tuning: Tuning,
    parts: Sequence[Part] = PARTS,
) -> Losses:
    """What the scores of the items in these rows (k,) would lose, item by item."""
    recent = tuple(different(profile.recent))
    medoids = (one.medoid for one in profile.interests)
    items = tuple(dict.fromkeys((*recent, *medoids)))  # the ring's first, each once
    content = content_without(profile, items, rows, catalogue, tuning)  # (1 + i, k)
    lost = content[0] - content[1:]
    if tuning.neighbours_part:
        nearness = nearness_without(profile, recent, rows, catalogue, tuning)  # (1 + r, k)
        lost[: len(recent)] += tuning.neighbours_part * (nearness[0] - nearness[1:])
    for part in parts:
        if part.without is not None and (weight := part.weight(tuning)):
            gives = part.without(profile, recent, rows, catalogue)  # (1 + r, k)
            lost[: len(recent)] += weight * (gives[0] - gives[1:]).astype(np.float64)
    return Losses(items, len(recent), lost)
