"""Texts and arithmetic of the comparison with torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.options import Dtype
from export.parity import BOUNDS, Rows, cosine, parity, plan, rank_agreement
from export.texts import NASTY, TEXTS, batches
from export.tuning_texts import TUNING
from stream.errors import Failed
from tests.encoder.fixtures.texts import TEXTS as WORKER_TEXTS

D = 16


def world(texts: Sequence[str] = TEXTS) -> Rows:
    """One fixed direction a text, equal texts the same."""
    return np.stack(
        [
            np.random.default_rng(len(text) * 1000 + sum(map(ord, text)) % 997).normal(size=D)
            for text in texts
        ]
    ).astype(np.float32)


class Fake:
    """Gives torch's vectors, but for `spoiled` texts in batches of at least `beyond`."""

    def __init__(self, spoiled: str | None = None, beyond: int = 1) -> None:
        self.known = dict(zip(TEXTS, world(), strict=True))
        self.spoiled = spoiled
        self.beyond = beyond
        self.sizes: list[int] = []

    def __call__(self, texts: Sequence[str]) -> Rows:
        self.sizes.append(len(texts))
        rows = np.stack([self.known[text] for text in texts])
        if self.spoiled in texts and len(texts) >= self.beyond:
            rows[texts.index(str(self.spoiled))] *= np.linspace(-1, 1, D)
        return rows


@given(st.integers(1, 400))
def test_every_text_is_in_a_batch_and_the_sizes_are_right(count: int) -> None:
    cuts = batches(count)

    assert sorted(index for cut in cuts[:-1] for index in cut) == list(range(count))
    assert {len(cut) for cut in cuts} <= set(range(1, 34)) | {64}
    assert len(cuts[-1]) == 64


def test_the_texts_have_what_breaks_encoders() -> None:
    assert {"", "q", "🚲"} <= set(NASTY)
    assert max(map(len, TEXTS)) == 4000
    assert len(set(TEXTS)) < len(TEXTS)  # exact repeats
    assert any("\x00" in text for text in TEXTS)
    assert max(map(len, (cut for cut in batches()))) == 64


def test_the_parity_texts_are_frozen() -> None:
    """Whoever changes them because of a figure makes tuning texts of them: see their module."""
    digest = hashlib.sha256(json.dumps(TEXTS).encode()).hexdigest()

    assert digest == "962ad835b15807c45513536aec07e0ea813629be0072eeba3de7e262faeb79df"


def test_no_text_both_tunes_and_judges() -> None:
    assert set(TEXTS) & (set(TUNING) | set(WORKER_TEXTS)) == {""}


def test_batches_mix_lengths() -> None:
    """Else nothing would be padded."""
    for cut in batches():
        if len(cut) >= 16:
            lengths = [len(TEXTS[index]) for index in cut]
            assert max(lengths) > 3 * np.median(lengths)


def test_the_same_vectors_agree_wholly() -> None:
    fake = Fake()
    advanced: list[None] = []

    found = parity(world(), fake, Dtype.FP32, advance=lambda: advanced.append(None))

    found.require()
    assert found.cosine_min == pytest.approx(1)
    assert found.rank_agreement == 1
    assert found.texts == len(TEXTS)
    assert len(advanced) == len(fake.sizes) == len(plan(len(TEXTS)))


def test_scale_does_not_matter() -> None:
    """The norm is an option of the export; direction is what is compared."""
    fake = Fake()

    parity(world(), lambda texts: 7 * fake(texts), Dtype.FP32).require()


@pytest.mark.parametrize("spoiled", ["", "Pulp Fiction (1994). Crime, Drama"])
def test_one_bad_text_fails_by_name(spoiled: str) -> None:
    found = parity(world(), Fake(spoiled), Dtype.INT8)

    with pytest.raises(Failed) as raised:
        found.require()

    assert f"the text {spoiled!r} of {len(spoiled)} characters" in str(raised.value)
    assert "at least 0.98 is needed" in str(raised.value)


def test_a_text_that_is_wrong_only_when_padded_fails() -> None:
    found = parity(world(), Fake("q", beyond=2), Dtype.FP16)

    assert found.worst == "q"
    assert found.worst_batch > 1
    with pytest.raises(Failed):
        found.require()


def test_a_long_text_is_shortened_in_the_message() -> None:
    with pytest.raises(Failed, match=r"z{60}'… of 4000 characters"):
        parity(world(), Fake("z" * 4000), Dtype.FP32).require()


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_rows_without_direction_fail(value: float) -> None:
    rows = np.full((2, D), value, np.float32)

    assert cosine(np.ones((2, D), np.float32), rows).tolist() == [-1, -1]


def test_bounds_are_the_promised_ones() -> None:
    assert BOUNDS == {Dtype.FP32: 0.9999, Dtype.FP16: 0.999, Dtype.INT8: 0.98}


def test_rank_agreement_by_hand() -> None:
    """Four points on a line of angles; the last one moves from the end to the front."""
    angles = np.array([0.0, 0.1, 0.3, 0.7])
    moved = np.array([0.0, 0.1, 0.3, -0.05])
    left, right = (np.stack([np.cos(a), np.sin(a)], 1).astype(np.float32) for a in (angles, moved))

    # nearest one by torch: 1, 0, 1, 2; by the other side: 3, 0, 1, 0
    assert rank_agreement(left, right, nearest=1) == pytest.approx(0.5)
    assert rank_agreement(left, left, nearest=2) == 1


@given(st.integers(2, 30))
def test_rank_agreement_is_a_share(count: int) -> None:
    random = np.random.default_rng(count)
    left, right = random.normal(size=(2, count, D)).astype(np.float32)

    assert 0 <= rank_agreement(left, right) <= 1
    assert rank_agreement(left, left) == 1
