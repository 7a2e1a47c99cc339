"""Texts to encode: drawn from the words of a model's own vocabulary, the same ones in every run."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

SPECIAL_TOKENS = 2  # at both ends of a text


@dataclass(frozen=True, slots=True)
class Kind:
    """Texts of `least` to `most` words, every length as likely; a word is one token."""

    name: str
    least: int
    most: int

    @property
    def mean_tokens(self) -> float:
        return (self.least + self.most) / 2 + SPECIAL_TOKENS


SHORT = Kind("short", 3, 8)
MIXED = Kind("mixed", 5, 60)
LONG = Kind("long", 150 - SPECIAL_TOKENS, 256 - SPECIAL_TOKENS)
KINDS = (SHORT, MIXED, LONG)


def words(tokenizer_file: Path) -> list[str]:
    """Whole lower-case words of a WordPiece vocabulary, in its order: frequent ones first.

    Raises ValueError where there are not enough of them to make texts of.
    """
    vocabulary = json.loads(tokenizer_file.read_text("utf-8"))["model"]["vocab"]
    found = [word for word in vocabulary if _is_word(word)]
    if len(found) < 1000:
        raise ValueError(
            f"{tokenizer_file} has {len(found)} whole words, needed are 1000: the texts are made "
            "of a WordPiece vocabulary in lower case"
        )
    return found


def _is_word(word: str) -> bool:
    return word.isascii() and word.isalpha() and word.islower() and len(word) >= 3


def texts(kind: Kind, count: int, vocabulary: Sequence[str], *, seed: int) -> list[str]:
    """`count` different texts; equal arguments give equal texts."""
    chance = random.Random(f"{kind.name}/{seed}")
    weights = list(accumulate(1 / rank for rank in range(1, len(vocabulary) + 1)))  # Zipf's law
    made: dict[str, None] = {}
    while len(made) < count:
        length = chance.randint(kind.least, kind.most)
        made[" ".join(chance.choices(vocabulary, cum_weights=weights, k=length))] = None
    return list(made)
