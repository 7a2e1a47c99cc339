"""Which texts run together: batches of similar lengths, bounded by padded tokens.

A run costs its padded tokens and, whatever its size, about as much as RUN_TOKENS more (measured on
a CPU: a run of 64 costs a fifth more for each token than one of 256, and beyond that nothing is
won). So the plan is the cut of the sorted lengths whose sum of both is least.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil, inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream.encoder.tokens import Ids

RUN_TOKENS = 16  # what a run costs beside its tokens, counted in tokens
SMALLEST_SPLIT_TOKENS = 64  # a run of 64 costs a fifth more for each token, one of 32 a half


@dataclass(frozen=True, slots=True)
class Shapes:
    """The shapes that a session likes; others are padded up to the next of them.

    lengths       ascending; beyond the last, and where there are none, a length stays as it is
    counts        texts of a batch, in the same way
    batch_tokens  padded tokens that no padding goes beyond; None: any number
    """

    lengths: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()
    batch_tokens: int | None = None

    def length(self, tokens: int) -> int:
        return _step(self.lengths, tokens)

    def padded(self, texts: int, longest: int) -> tuple[int, int]:
        """The shape of a batch of so many texts: at most as many as fit `batch_tokens`, or those
        that are there."""
        length, count = self.length(longest), _step(self.counts, texts)
        if self.batch_tokens is not None:
            count = max(texts, min(count, _fit(length, self.batch_tokens)))
        return count, length

    def all(self) -> list[tuple[int, int]]:
        """Every shape of a batch within `batch_tokens`, the largest first."""
        found = {
            self.padded(min(count, _fit(length, self.batch_tokens or count * length)), length)
            for length in self.lengths
            for count in self.counts
        }
        return sorted(found, key=lambda shape: (-shape[0] * shape[1], shape))


ANY_SHAPE = Shapes()


def _step(steps: tuple[int, ...], least: int) -> int:
    place = bisect_left(steps, least)
    return steps[place] if place < len(steps) else least


class _Group(NamedTuple):
    """Texts of one length, as a slice of the sorted ones."""

    length: int
    start: int
    end: int


def plan(lengths: Sequence[int], batch_tokens: int) -> list[list[int]]:
    """Indices of `lengths` cut into batches, longest first.

    A batch's padded tokens (its longest × its count) are at most `batch_tokens`, unless it is
    one text. Among such cuts at a change of length, the one with the least padded tokens +
    RUN_TOKENS a batch.

    lengths  tokens of each text, ≥ 1
    """
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    groups = _groups([lengths[index] for index in order])
    batches: list[list[int]] = []
    for first, end in _best_cut(groups, batch_tokens):
        part = order[groups[first].start : groups[end - 1].end]
        size = _fit(groups[first].length, batch_tokens)
        batches += [part[start : start + size] for start in range(0, len(part), size)]
    return batches


def _groups(descending: list[int]) -> list[_Group]:
    groups: list[_Group] = []
    for length, texts in groupby(descending):
        start = groups[-1].end if groups else 0
        groups.append(_Group(length, start, start + len(list(texts))))
    return groups


def _best_cut(groups: list[_Group], batch_tokens: int) -> list[tuple[int, int]]:
    """Ranges of groups that run together: the cheapest way to each group, from the longest on."""
    cheapest: list[float] = [0] + [inf] * len(groups)
    cut = [0] * len(groups)
    ends = [group.end for group in groups]
    for first, (length, start, _) in enumerate(groups):
        base, fit = cheapest[first], _fit(length, batch_tokens)
        for last in range(first, len(groups)):
            count = ends[last] - start
            runs = -(-count // fit)
            cost = base + length * count + RUN_TOKENS * runs
            if cost < cheapest[last + 1]:
                cheapest[last + 1], cut[last] = cost, first
            if runs > 2:  # the next ones fit a run of their own, which pads them less
                break
    ranges: list[tuple[int, int]] = []
    end = len(groups)
    while end:
        ranges.append((cut[end - 1], end))
        end = cut[end - 1]
    return ranges[::-1]


def _fit(length: int, batch_tokens: int) -> int:
    return max(1, batch_tokens // length)


def share(lengths: Sequence[int], sessions: int, batch_tokens: int) -> int:
    """The batch budget that gives every idle session a part of a small load, or one works while
    the others idle: at most `batch_tokens`, at least what makes a run worth it."""
    fair = ceil(sum(lengths) / sessions)
    return min(batch_tokens, max(fair, SMALLEST_SPLIT_TOKENS))


def pad(
    rows: Sequence[Ids], pad_id: int, shapes: Shapes = ANY_SHAPE
) -> tuple[Ids, NDArray[np.int64]]:
    """Ids and mask, both int64: (b, longest), or the next of `shapes`. Padding is on the right,
    masked by 0; rows beyond b repeat the last one, because a row without tokens has no vector."""
    shape = shapes.padded(len(rows), max(map(len, rows)))
    ids = np.full(shape, pad_id, dtype=np.int64)
    mask = np.zeros(shape, dtype=np.int64)
    for row, tokens in enumerate(rows):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    ids[len(rows) :] = ids[len(rows) - 1]
    mask[len(rows) :] = mask[len(rows) - 1]
    return ids, mask
