"""The benchmark's texts are what its tables say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench.texts import KINDS, LONG, MIXED, SHORT, Kind, texts, words

VOCABULARY = [f"word{'abcdefghij'[n % 10]}{'klmnopqrst'[n // 10 % 10]}" for n in range(100)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.name))
def test_lengths_stay_within_the_kind(kind: Kind) -> None:
    lengths = [len(text.split()) for text in texts(kind, 200, VOCABULARY, seed=1)]

    assert min(lengths) >= kind.least
    assert max(lengths) <= kind.most


def test_mixed_texts_have_the_stated_mean_and_long_ones_fit_the_model() -> None:
    lengths = [len(text.split()) + 2 for text in texts(MIXED, 2000, VOCABULARY, seed=1)]

    assert sum(lengths) / len(lengths) == pytest.approx(MIXED.mean_tokens, rel=0.03)
    assert MIXED.mean_tokens == pytest.approx(34, abs=1)
    assert LONG.most + 2 == 256


def test_texts_differ_from_each_other_and_are_the_same_in_every_run() -> None:
    """Equal texts would be encoded once by an encoder that notices."""
    made = texts(SHORT, 300, VOCABULARY[:4], seed=1)

    assert len(set(made)) == 300
    assert made == texts(SHORT, 300, VOCABULARY[:4], seed=1)
    assert made != texts(SHORT, 300, VOCABULARY[:4], seed=2)


def test_words_are_the_whole_lower_case_ones(tmp_path: Path) -> None:
    whole = [f"{a}{b}{c}" for a in "abcdefghij" for b in "klmnopqrst" for c in "uvwxyzabcd"]
    vocabulary = dict.fromkeys([*whole, "##ing", "[PAD]", "Word", "über", "ab", "x1y"], 0)
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps({"model": {"vocab": vocabulary}}))

    assert words(path) == whole


def test_a_vocabulary_without_words_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps({"model": {"vocab": {"##a": 0}}}))

    with pytest.raises(ValueError, match="0 whole words, needed are 1000"):
        words(path)
