"""Rankings that are due: all that was known before an event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stream.core.profile import Profile
from stream.core.strength import rating_share
from stream.evaluate.orders import NOTHING, Lists
from stream.wire.inputs import Event

AHEAD = 10  # next items that a list is measured against as a set
LIKED = 0.7  # of a rating's scale: 3.5 of 5


@dataclass(frozen=True, slots=True)
class Moment:
    """One ranking.

    place    of the event in the data set
    row      of its item
    own      (c,) weights of the categories of what the user had used
    scores   (n,) of each baseline
    history  how many different items the user had used
    uses     how often anybody had used the item; `age_s` since its publication or first use
    simple   guesses of the rating, where the event is one
    """

    place: int
    event: Event
    profile: Profile
    row: int
    own: NDArray[np.float32]
    scores: tuple[NDArray[np.float64], ...]
    history: int
    uses: int
    age_s: float
    simple: tuple[float, float, float] | None


@dataclass(slots=True)
class User:
    """What baselines and measures know of a user: rows of different items, oldest first."""

    history: list[int] = field(default_factory=list)
    known: set[int] = field(default_factory=set)
    categories: NDArray[np.float32] | None = None


def given(event: Event) -> float:
    """The event's rating as a share of its scale; nan where it has none."""
    return np.nan if event.rating is None else rating_share(event.rating, event.rating_max)


def ahead(events: Sequence[Event], liked: Sequence[int | None], places: Sequence[int]) -> Lists:
    """(r, AHEAD) the next different items of the user at each place, from that place on.

    liked   (n,) the row of each event's item; None where it was no use, or rated below LIKED
    places  (r,) of the events asked about
    """
    due = {place: number for number, place in enumerate(places)}
    found = np.full((len(due), AHEAD), NOTHING, np.int32)
    later: dict[str, list[int]] = {}
    for place in range(len(events) - 1, -1, -1):
        user, row = events[place].user_id, liked[place]
        following = later.setdefault(user, [])
        if row is not None:
            following[:] = [row, *(one for one in following if one != row)][:AHEAD]
        if place in due:
            found[due[place], : len(following)] = following
    return found
