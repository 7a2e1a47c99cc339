"""Sentiment by VADER's lexicon of English, sentence by sentence.

VADER adds up the words of a text, so it calls nearly every long one extreme. Over 300 whole
product reviews that people had judged sentence by sentence (the data published with VADER), the
mean over the sentences in which it finds something correlates with their judgement at 0.77, one
reading of the whole text at 0.63.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Any, Self

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from stream.sentiment.contract import Review

#: Within this of zero VADER's authors call a text neutral: a side that is not worth taking.
NEUTRAL = 0.05
#: VADER's time grows with the square of what it is given: 16 KB of words take 0.3 s at once, and
#: 16 KB of emoji, each of which it spells out in words, 10 s.
SENTENCE_CHARS = 280
#: Of a longer text only the first and the last half of this are read: that is where reviewers say
#: what they think.
TEXT_CHARS = 4_000

#: VADER spells these out as "thumbs up" and "thumbs down" and knows neither.
OWN_EMOJI = {"\N{THUMBS UP SIGN}": "good", "\N{THUMBS DOWN SIGN}": "bad"}
#: What hides a word from it: typographic apostrophes (its "don't" has a straight one), and marks
#: that follow an emoji or part words without being seen.
HIDING = {"’": "'", "\ufe0f": "", "\u200b": " ", "\u200d": " ", "\u00ad": ""}
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|\n+")


class Vader:
    """Reads `en` and `en-*`; open it with `Vader.open`."""

    def __init__(self, analyzer: Any, *, review_lang: str) -> None:
        self._analyzer = analyzer
        self._review_lang = review_lang
        # Spelled out here because VADER glues what follows an emoji to its last word.
        spelled = {emoji: f" {words} " for emoji, words in (analyzer.emojis | OWN_EMOJI).items()}
        self._spelled = str.maketrans(
            {char: words for char, words in (spelled | HIDING).items() if len(char) == 1}
        )

    @classmethod
    async def open(cls, *, review_lang: str) -> Self:
        """With the lexicon from the package.

        review_lang  language of reviews that do not say theirs
        """
        analyzer = await asyncio.to_thread(SentimentIntensityAnalyzer)
        return cls(analyzer, review_lang=review_lang)

    async def polarity(self, reviews: Sequence[Review]) -> list[float | None]:
        """See `Sentiment`. Runs in a thread: a long text takes milliseconds of plain Python."""
        if not any(map(self._reads, reviews)):
            return [None] * len(reviews)
        return await asyncio.to_thread(self._polarities, reviews)

    def _polarities(self, reviews: Sequence[Review]) -> list[float | None]:
        return [self.of(review.text) if self._reads(review) else None for review in reviews]

    def _reads(self, review: Review) -> bool:
        return reads(review.lang or self._review_lang)

    def of(self, text: str) -> float | None:
        """Mean over the sentences in which it finds something; None: in none of them."""
        found = map(self._side, self._sentences(text))
        sides = [side for side in found if side is not None]
        if not sides:
            return None
        mean = sum(sides) / len(sides)
        return 0.0 if abs(mean) < NEUTRAL else round(mean, 4)

    def _side(self, sentence: str) -> float | None:
        scores = self._analyzer.polarity_scores(sentence)
        return float(scores["compound"]) if scores["pos"] or scores["neg"] else None

    def _sentences(self, text: str) -> Iterator[str]:
        for sentence in _SENTENCE_END.split(_ends(text.translate(self._spelled))):
            yield from wrap(sentence, SENTENCE_CHARS, break_on_hyphens=False)


def reads(lang: str) -> bool:
    """Whether VADER's lexicon is of this language: `en`, `en-gb`, …"""
    return re.split("[-_]", lang.lower())[0] == "en"


def _ends(text: str) -> str:
    if len(text) <= TEXT_CHARS:
        return text
    return f"{text[: TEXT_CHARS // 2]}\n{text[-TEXT_CHARS // 2 :]}"
