"""What a run leaves: for each ranking and method the place of what came next, and the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.evaluate.orders import Lists, Places

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Method:
    """What one method made of all rankings.

    places      (r,) of the item that came next, from 1; NOWHERE where it was not found
    lists       (r, k) rows of the items offered, NOTHING beyond a list's end
    diversity   (r,) 1 - mean cosine of a list's items; nan where fewer than two have a vector
    novelty     (r,) mean self-information of a list's items in bits; nan where it is empty
    divergence  (r,) of the list's categories from the user's own (KL); nan where one has none
    full        whether the order goes on beyond the list
    """

    places: Places
    lists: Lists
    diversity: Values
    novelty: Values
    divergence: Values
    full: bool


@dataclass(frozen=True, slots=True)
class Ratings:
    """Ratings as shares of their scale, and what each guesser thought before; nan: no rating."""

    given: Values
    guessed: dict[str, Values]


@dataclass(frozen=True, slots=True)
class Ranked:
    """All rankings in time order; arrays are (r,) and by ranking.

    events     place of the event in the data set
    history    how many different items the user had used
    item_uses  how often the item had been used, by anybody
    item_age   seconds since it was published, or first used; nan for an item's very first use
    ahead      (r, h) rows of the next items that the user used and did not rate low
    items      in the catalogue
    learned, seconds  events learned in all, and the time of the whole run
    """

    methods: dict[str, Method]
    events: NDArray[np.int64]
    users: Sequence[str]
    at: Values
    history: NDArray[np.int64]
    item_uses: NDArray[np.int64]
    item_age: Values
    ahead: Lists
    ratings: Ratings
    items: int
    list_size: int
    learned: int
    repeats: int
    seconds: float

    def __len__(self) -> int:
        return len(self.events)
