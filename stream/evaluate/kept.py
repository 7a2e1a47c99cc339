"""What each method made of each ranking, as it comes, and what the lists are like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.core.catalogue import Catalogue
from stream.evaluate import lists
from stream.evaluate.orders import Lists, Places
from stream.evaluate.ranked import Method, Values


@dataclass(frozen=True, slots=True)
class Made:
    """One method's places and lists for some rankings; `full`: its order goes beyond the list."""

    places: Places
    lists: Lists
    full: bool


class Kept:
    """Keeps what all methods made, with each list's diversity, novelty and divergence."""

    def __init__(self, catalogue: Catalogue) -> None:
        table = lists.category_table(catalogue.entries)
        self.categories = table
        self._padded = lists.padded(table)
        self._vectors = lists.padded(catalogue.vectors)
        self._made: dict[str, list[Made]] = {}
        self._measured: dict[str, list[tuple[Values, Values, Values]]] = {}

    def add(
        self, made: Mapping[str, Made], own: NDArray[np.float32], uses: NDArray[np.int64]
    ) -> None:
        """What every method made of the same rankings: the measures are taken in one go.

        own   (m, c) weights of the categories of what each ranking's user had used
        uses  (n,) how often each item was used until then
        """
        count = len(made)
        every = np.concatenate([one.lists for one in made.values()])
        measures = (
            lists.diversity(every, self._vectors),
            lists.novelty(every, uses),
            lists.divergence(every, self._padded, np.tile(own, (count, 1))),
        )
        split = zip(*(np.split(values, count) for values in measures), strict=True)
        for (name, one), (diverse, novel, far) in zip(made.items(), split, strict=True):
            self._made.setdefault(name, []).append(one)
            self._measured.setdefault(name, []).append((diverse, novel, far))

    def methods(self) -> dict[str, Method]:
        """All of it, by method."""
        return {name: self._method(made, self._measured[name]) for name, made in self._made.items()}

    def _method(
        self, made: Sequence[Made], measured: Iterable[tuple[Values, Values, Values]]
    ) -> Method:
        diverse, novel, far = map(np.concatenate, zip(*measured, strict=True))
        return Method(
            places=np.concatenate([one.places for one in made]),
            lists=np.concatenate([one.lists for one in made]),
            diversity=diverse,
            novelty=novel,
            divergence=far,
            full=made[0].full,
        )
