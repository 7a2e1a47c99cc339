"""Laws of the batch plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, product
from math import ceil

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.encoder.batches import RUN_TOKENS, Shapes, pad, plan, share

lengths_of_texts = st.lists(st.integers(1, 512), max_size=120)
budgets = st.integers(64, 4096)


@given(lengths_of_texts, budgets)
def test_every_text_is_in_exactly_one_batch(lengths: list[int], budget: int) -> None:
    batches = plan(lengths, budget)

    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert all(batches)


@given(lengths_of_texts, budgets)
def test_no_batch_is_above_the_budget_but_a_single_text(lengths: list[int], budget: int) -> None:
    for batch in plan(lengths, budget):
        padded = max(lengths[i] for i in batch) * len(batch)
        assert padded <= budget or len(batch) == 1


def cost(ranges: Sequence[Sequence[int]], budget: int) -> int:
    """Padded tokens and runs of sorted lengths cut into these ranges."""
    total = 0
    for lengths in ranges:
        runs = ceil(len(lengths) / max(1, budget // lengths[0]))
        total += lengths[0] * len(lengths) + RUN_TOKENS * runs
    return total


def cuts(descending: list[int]) -> Iterator[list[list[int]]]:
    """Every way to cut between different lengths."""
    groups = [list(group) for _, group in groupby(descending)]
    for together in product([True, False], repeat=len(groups) - 1):
        ranges = [list(groups[0])]
        for join, group in zip(together, groups[1:], strict=True):
            if join:
                ranges[-1] += group
            else:
                ranges.append(list(group))
        yield ranges


@given(st.lists(st.integers(1, 60), min_size=1, max_size=8), st.integers(256, 512))
def test_no_cut_at_a_change_of_length_is_cheaper(lengths: list[int], budget: int) -> None:
    batches = [[lengths[i] for i in batch] for batch in plan(lengths, budget)]
    cheapest = min(cost(cut, budget) for cut in cuts(sorted(lengths, reverse=True)))

    assert cost(batches, budget) <= cheapest


@given(st.integers(0, 2**32 - 1))
def test_padding_of_mixed_lengths_is_below_a_tenth(seed: int) -> None:
    lengths = np.random.default_rng(seed).integers(6, 75, size=64).tolist()
    batches = [[lengths[i] for i in batch] for batch in plan(lengths, 256)]
    padded = sum(max(batch) * len(batch) for batch in batches)

    assert padded - sum(lengths) <= 0.1 * padded
    assert len(batches) <= 2 * ceil(sum(lengths) / 256)  # one text a batch would pad nothing


def test_equal_lengths_fill_the_budget() -> None:
    """What is left over may join what comes later."""
    assert [len(batch) for batch in plan([32] * 20, 256)] == [8, 8, 4]


def test_a_text_beyond_the_budget_runs_alone() -> None:
    assert plan([300, 9, 9], 256) == [[0], [1, 2]]


def test_a_small_load_is_shared_by_the_sessions() -> None:
    lengths = [40] * 8

    assert share(lengths, sessions=2, batch_tokens=1024) == 160
    assert [len(batch) for batch in plan(lengths, 160)] == [4, 4]


def test_a_tiny_load_is_not_split() -> None:
    assert share([10, 10], sessions=2, batch_tokens=1024) == 64


def test_a_large_load_gets_the_whole_budget() -> None:
    assert share([40] * 1000, sessions=2, batch_tokens=512) == 512


def test_padding_is_on_the_right_and_masked() -> None:
    ids, mask = pad([np.array([5, 6, 7]), np.array([8])], pad_id=1)

    assert ids.tolist() == [[5, 6, 7], [8, 1, 1]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]


def test_a_batch_is_padded_to_the_next_shape() -> None:
    """Rows that only fill the shape have tokens as well: without any the mean is not finite."""
    shapes = Shapes(lengths=(2, 4), counts=(1, 4))
    ids, mask = pad([np.array([5, 6, 7]), np.array([8])], pad_id=1, shapes=shapes)

    assert ids.tolist() == [[5, 6, 7, 1], [8, 1, 1, 1], [8, 1, 1, 1], [8, 1, 1, 1]]
    assert mask.tolist() == [[1, 1, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]]


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 100))
def test_padding_to_a_shape_stays_within_the_budget(texts: int, longest: int, budget: int) -> None:
    """A batch that the planner made of what fits is one of the shapes that are warmed up."""
    shapes = Shapes(lengths=(2, 4, 9), counts=(1, 2, 4, 8, 16, 32, 64), batch_tokens=budget)
    fit = max(1, budget // shapes.length(longest))
    count, length = shapes.padded(min(texts, fit), longest)

    assert min(texts, fit) <= count <= fit
    assert longest <= length
    assert (count, length) in shapes.all()


def test_beyond_the_last_shape_a_batch_stays_as_it_is() -> None:
    shapes = Shapes(lengths=(2, 4), counts=(1, 4))

    assert [shapes.length(n) for n in (1, 2, 3, 4, 5)] == [2, 2, 4, 4, 5]
    assert [shapes.padded(n, 1)[0] for n in (1, 2, 5)] == [1, 4, 5]
