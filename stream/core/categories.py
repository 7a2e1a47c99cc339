"""Which items are in which categories, and which categories are next to each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

#: Neighbours of a category; how many categories, the most frequent, have any; and how many items,
#: spread over the catalogue, are looked at for them.
ADJACENT_MAX = 3
RELATED_MAX = 256
LOOKED_AT = 5000
#: What is next to what is found again when this share of the items has changed.
CHANGED_SHARE = 1 / 64
NONE = -1

Names = tuple[str, ...]


@dataclass(frozen=True)
class Categories:
    """Categories of a catalogue's items, numbered as they came.

    numbers  category -> its number, below c
    table    (n, m) numbers of each item's categories; NONE in the places that it leaves empty
    vectors  (n, d) of the items; None where they are not at hand
    changed_items  since `adjacent` was found
    """

    numbers: Mapping[str, int]
    table: NDArray[np.int32]
    vectors: NDArray[np.float32] | None
    changed_items: int = 0

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
        held: NDArray[np.int32] = (self.table != NONE).sum(axis=1, dtype=np.int32)
        return held

    @cached_property
    def adjacent(self) -> NDArray[np.intp]:
        """(c, ADJACENT_MAX or fewer) for each category the nearest others, nearest first.

        NONE for those that are too rare. Near is the mean of how often items share both (a cosine
        of their item sets) and, where vectors are at hand, the cosine of the mean vectors of their
        items.
        """
        held = self.table[self.table != NONE]
        often = np.bincount(held, minlength=len(self.numbers))
        related = np.sort(np.argsort(-often, kind="stable")[:RELATED_MAX])  # (c',) numbers
        place = np.full(len(self.numbers) + 1, len(related), np.intp)
        place[related] = np.arange(len(related))
        some = np.linspace(0, len(self.table) - 1, min(len(self.table), LOOKED_AT)).astype(np.intp)
        member = np.zeros((len(some), len(related) + 1), np.float32)  # (n', c' + 1)
        np.put_along_axis(member, place[self.table[some]], 1.0, axis=1)
        member = member[:, :-1]
        near = _cosines(member.T)
        if self.vectors is not None:
            near = near + np.maximum(_cosines(member.T @ self.vectors[some]), 0)  # (c', n')·(n', d)
        np.fill_diagonal(near, -1.0)
        order = np.argsort(-near, axis=1, kind="stable")
        width = min(ADJACENT_MAX, max(len(related) - 1, 0))
        adjacent = np.full((len(self.numbers), width), NONE, np.intp)
        adjacent[related] = related[order[:, :width]]
        return adjacent

    def changed(
        self,
        rows: NDArray[np.intp],
        others: Sequence[Names],
        added: Sequence[Names],
        vectors: NDArray[np.float32] | None,
    ) -> Categories:
        """With other categories in these rows, and more items at the end."""
        numbers = dict(self.numbers)
        _number(numbers, (*others, *added))
        width = max(self.table.shape[1], _width((*others, *added)))
        table = np.full((len(self.table) + len(added), width), NONE, np.int32)
        table[: len(self.table), : self.table.shape[1]] = self.table
        table[rows] = _table(numbers, others, width)
        table[len(self.table) :] = _table(numbers, added, width)
        changed_items = self.changed_items + len(rows) + len(added)
        after = Categories(numbers, table, vectors, changed_items)
        if "adjacent" in self.__dict__ and changed_items < CHANGED_SHARE * len(table):
            more = np.full((len(numbers) - len(self.numbers), self.adjacent.shape[1]), NONE)
            after.__dict__["adjacent"] = np.concatenate([self.adjacent, more])
            return after
        return replace(after, changed_items=0)

    def of(self, rows: NDArray[np.intp]) -> Categories:
        """Of some of the items; what is next to what stays as in the whole."""
        part = Categories(self.numbers, self.table[rows], None)
        part.__dict__["adjacent"] = self.adjacent
        return part


def categories(items: Sequence[Names], vectors: NDArray[np.float32] | None) -> Categories:
    """The categories of some items, which may name one twice.

    vectors  (n, d) of the items, or None
    """
    numbers: dict[str, int] = {}
    _number(numbers, items)
    return Categories(numbers, _table(numbers, items, _width(items)), vectors)


def _number(numbers: dict[str, int], items: Iterable[Names]) -> None:
    for names in items:
        for name in names:
            numbers.setdefault(name, len(numbers))


def _width(items: Iterable[Names]) -> int:
    return max((len(set(names)) for names in items), default=0)


def _table(numbers: Mapping[str, int], items: Sequence[Names], width: int) -> NDArray[np.int32]:
    table = np.full((len(items), width), NONE, np.int32)
    for row, names in enumerate(items):
        own = [numbers[name] for name in dict.fromkeys(names)]
        table[row, : len(own)] = own
    return table


def _cosines(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """(c, c) cosines between rows; 0 where one of them is zero."""
    norms = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    units = rows / norms
    cosines: NDArray[np.float32] = units @ units.T
    return cosines
