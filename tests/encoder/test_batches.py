"""Laws of the batch plan."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.encoder.batches import WASTE_SHARE, WASTE_TOKENS, pad, plan, share

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


@given(lengths_of_texts, budgets)
def test_padding_is_bounded_in_every_batch(lengths: list[int], budget: int) -> None:
    for batch in plan(lengths, budget):
        padded = max(lengths[i] for i in batch) * len(batch)
        assert padded - sum(lengths[i] for i in batch) <= max(WASTE_SHARE * padded, WASTE_TOKENS)


@given(st.lists(st.integers(1, 200), min_size=2, max_size=60), budgets)
def test_neighbouring_batches_could_not_be_one(lengths: list[int], budget: int) -> None:
    """A plan of one text a batch would keep the other laws."""
    batches = plan(lengths, budget)

    for first, second in pairwise(batches):
        joined = [lengths[i] for i in (*first, second[0])]
        padded = max(joined) * len(joined)
        waste = padded - sum(joined)
        assert padded > budget or waste > max(WASTE_SHARE * padded, WASTE_TOKENS)


def test_equal_lengths_fill_the_budget() -> None:
    assert [len(batch) for batch in plan([32] * 20, 256)] == [8, 8, 4]


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
