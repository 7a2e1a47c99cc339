"""Popularity near a user: what the users of the same segment turn to, and the user's own domain.

For users of whom little is known, what is hot for everybody is often hot for others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.core.catalogue import Catalogue
from stream.core.columns import NO_DOMAIN
from stream.core.hashes import hash32
from stream.core.profile import Profile, trust
from stream.core.tuning import Tuning

Scores = NDArray[np.float32]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Crowds:
    """Hotness by segment, one entry for an item and a segment whose users used it.

    segments  (k,) 32-bit hashes of segments' ids
    columns   (k,) rows of the catalogue
    counts    (k,) decayed counts, as of the times in `at` (k,)
    size      n, items of the catalogue
    """

    segments: NDArray[np.uint32]
    columns: NDArray[np.intp]
    counts: NDArray[np.float32]
    at: Floats
    size: int

    def heat_at(self, segment: str, now: float, *, half_life_s: float) -> Floats:
        """(n,) the segment's decayed counts as of `now`; those of after `now` count as they are."""
        here = np.flatnonzero(self.segments == hash32(segment))
        left = np.exp2(-np.maximum(now - self.at[here], 0.0) / half_life_s)
        heat = np.zeros(self.size)
        heat[self.columns[here]] = self.counts[here] * left
        return heat


def crowd(profiles: Sequence[Profile], catalogue: Catalogue, tuning: Tuning) -> Scores:
    """(u, n) in [0, 1]: how hot each item is in each user's segment; 0 for users without one.

    1 - exp(-decayed count of the segment / `crowd_scale`).
    """
    table = np.zeros((len(profiles), len(catalogue)), np.float32)
    for row, profile in enumerate(profiles):
        if profile.membership is not None:
            heat = crowds_of(catalogue).heat_at(
                profile.membership.segment,
                profile.as_of,
                half_life_s=tuning.hotness_half_life_s,
            )
            table[row] = 1 - np.exp(-heat / tuning.crowd_scale)
    return table


def at_home(
    hotness: Floats, profile: Profile, catalogue: Catalogue, tuning: Tuning
) -> NDArray[np.float64]:
    """(n,) hotness, for users of whom little is known less where an item is of another domain.

    The user's domain is that of the last item used. What is elsewhere loses the share
    `domain_pull` x (1 - trust in the user's interests); items without a domain lose nothing, and
    where the user's is not known none does.
    """
    domain = domain_of(profile, catalogue)
    if domain is None or not tuning.domain_pull:
        return hotness
    domains = catalogue.domains
    elsewhere = (domains != hash32(domain)) & (domains != NO_DOMAIN)
    pull = tuning.domain_pull * (1 - trust(profile, profile.as_of, tuning))
    return np.where(elsewhere, (1 - pull) * hotness, hotness)


def domain_of(profile: Profile, catalogue: Catalogue) -> str | None:
    """The domain of the last item used; None where there is none."""
    last = catalogue.get(profile.recent[-1].item_id) if profile.recent else None
    return None if last is None else last.domain or None


def crowds_of(catalogue: Catalogue) -> Crowds:
    """Hotness by segment of a snapshot's items, gathered once."""
    held = catalogue.__dict__.get(_HELD)
    if held is None:
        held = catalogue.__dict__[_HELD] = _gathered(catalogue)
    assert isinstance(held, Crowds)
    return held


#: Where a snapshot keeps it. Other than what is of the items alone, the next snapshot gathers anew.
_HELD = "_crowds"


def _gathered(catalogue: Catalogue) -> Crowds:
    learned = catalogue.learned
    known = [
        (column, row)
        for column, entry in enumerate(catalogue.entries)
        if (row := learned.get(entry.item_id)) is not None and len(row.segments)
    ]
    sizes = [len(row.segments) for _, row in known]
    return Crowds(
        np.concatenate([np.zeros(0, np.uint32), *(row.segments for _, row in known)]),
        np.repeat(np.array([column for column, _ in known], np.intp), sizes),
        np.concatenate([np.zeros(0, np.float32), *(row.crowds for _, row in known)]),
        np.repeat(np.array([row.at for _, row in known], np.float64), sizes),
        len(catalogue),
    )
