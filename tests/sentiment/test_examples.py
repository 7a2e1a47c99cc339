"""The worked examples of docs/reviews.md: a user's first review, from its words to its worth."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.core.strength import RatingMean, rating_share, strength
from stream.core.tuning import EventKind, Tuning
from tests.sentiment.parts import review, vader

PAGE = Path(__file__).parents[2] / "docs" / "reviews.md"
COLUMNS = ("rating", "lang", "text", "s", "worth")


def examples() -> list[tuple[str, ...]]:
    """The rows under the heading of these columns, "" where a cell is empty."""
    lines = PAGE.read_text().splitlines()
    rows = [tuple(cell.strip() for cell in line[1:-1].split("|")) for line in lines]
    first = rows.index(COLUMNS) + 2
    return rows[first : rows.index(("",), first)]


def number(cell: str) -> float | None:
    return float(cell) if cell else None


def test_there_are_examples_of_everything() -> None:
    """Each of rating, language and text is there and missing, and each side of a text."""
    found = examples()

    assert len(found) >= 15
    for column in range(3):
        assert {bool(row[column]) for row in found} == {True, False}
    sides = [side for row in found if (side := number(row[3])) is not None]
    assert min(sides) < 0 < max(sides)


@pytest.mark.parametrize(COLUMNS, examples())
async def test_the_page_says_what_is_done(
    rating: str, lang: str, text: str, s: str, worth: str
) -> None:
    (side,) = await vader().polarity([review(text, lang or None)])
    found = strength(
        EventKind(1.0, rated=True),
        dwell_s=None,
        rated_share=None if not rating else rating_share(float(rating), 5.0),
        sentiment=side,
        ratings=RatingMean(),
        tuning=Tuning(),
    )

    assert side == (None if not s else pytest.approx(float(s), abs=0.005))
    assert found == pytest.approx(float(worth), abs=0.006)
