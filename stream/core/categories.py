"""Which items are in which categories, and which categories are next to each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stream.core.catalogue import Catalogue

#: Neighbours of a category; and how many categories, the most frequent, have any.
ADJACENT_MAX = 3
RELATED_MAX = 256


@dataclass(frozen=True)
class Categories:
    """Categories of a catalogue's items, numbered by frequency, the most frequent first.

    numbers  category -> its number, below c
    table    (n, m) numbers of each item's categories; c in the places that it leaves empty
    vectors  (n, d) of the items
    """

    numbers: Mapping[str, int]
    table: NDArray[np.int32]
    vectors: NDArray[np.float32]

    def any_of(self, names: Iterable[str]) -> NDArray[np.bool_]:
        """(n,) items in at least one of these categories."""
        flags = self.no_flags()
        flags[self.known(names)] = True
        return self.flagged(flags)

    def known(self, names: Iterable[str]) -> NDArray[np.intp]:
        """Numbers of those of the names that some item has, in their order."""
        return np.array([self.numbers[n] for n in names if n in self.numbers], np.intp)

    def no_flags(self) -> NDArray[np.bool_]:
        """(c + 1,) one flag a category, none set; the last one stands for empty places."""
        return np.zeros(len(self.numbers) + 1, np.bool_)

    def flagged(self, flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(n,) items in at least one of the flagged categories."""
        return np.asarray(flags[self.table].any(axis=1), np.bool_)

    @cached_property
    def counts(self) -> NDArray[np.int32]:
        """(n,) how many categories each item has."""
        held: NDArray[np.int32] = (self.table < len(self.numbers)).sum(axis=1, dtype=np.int32)
        return held

    @cached_property
    def adjacent(self) -> NDArray[np.intp]:
        """(c', ADJACENT_MAX or fewer) for each category the nearest others, nearest first.

        Near is the mean of how often items share both (a cosine of their item sets) and the cosine
        of the mean vectors of their items.
        """
        size = min(len(self.numbers), RELATED_MAX)
        member = np.zeros((len(self.table), size + 1), np.float32)  # (n, c')
        np.put_along_axis(member, np.minimum(self.table, size).astype(np.intp), 1.0, axis=1)
        member = member[:, :size]
        together = _cosines(member.T)
        alike = np.maximum(_cosines(member.T @ self.vectors), 0)  # (c', n)·(n, d)
        near = together + alike
        np.fill_diagonal(near, -1.0)
        order = np.argsort(-near, axis=1, kind="stable")
        return order[:, : min(ADJACENT_MAX, max(size - 1, 0))]


def categories_of(catalogue: Catalogue) -> Categories:
    """The categories of a snapshot's items, computed once."""
    held = catalogue.__dict__.get(_HELD)
    if held is None:
        held = catalogue.__dict__[_HELD] = _computed(catalogue)
    assert isinstance(held, Categories)
    return held


#: Where a snapshot keeps them, like its other derived arrays.
_HELD = "_categories"


def _computed(catalogue: Catalogue) -> Categories:
    counts: dict[str, int] = {}
    for entry in catalogue.entries:
        for name in entry.categories:
            counts[name] = counts.get(name, 0) + 1
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    numbers = {name: number for number, name in enumerate(ordered)}
    distinct = [tuple(dict.fromkeys(entry.categories)) for entry in catalogue.entries]
    width = max((len(names) for names in distinct), default=0)
    table = np.full((len(catalogue), width), len(numbers), np.int32)
    for row, names in enumerate(distinct):
        table[row, : len(names)] = [numbers[name] for name in names]
    return Categories(numbers, table, catalogue.vectors)


def _cosines(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """(c, c) cosines between rows; 0 where one of them is zero."""
    norms = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    units = rows / norms
    cosines: NDArray[np.float32] = units @ units.T
    return cosines
