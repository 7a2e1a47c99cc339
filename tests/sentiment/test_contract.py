"""What every reader of sentiment promises."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from stream.sentiment.contract import Sentiment, Silent
from stream.sentiment.head import Head
from tests.sentiment.parts import encoder, head_folder, review, vader

REVIEWS = [
    review("A wonderful, warm film.", "en", 0.9),
    review("Boring, and far too long.", None, -0.8),
    review("The box was green.", "en", 0.1),
    review("", None, 0.0),
    review(" \n\t", "en", 0.0),
    review("Ein wunderbarer Film.", "de", 0.7),
    review("😍" * 400, "en-gb", 0.6),
    review("\ud800 good \x00", "en", 0.2),
    review("ok " * 5000, "en", 0.3),
]
READERS = ["vader", "head", "off"]


@pytest.fixture(params=READERS)
async def reader(request: pytest.FixtureRequest, tmp_path: Path) -> Sentiment:
    if request.param == "head":
        return await Head.open(head_folder(tmp_path), encoder())
    return vader() if request.param == "vader" else Silent()


async def test_one_for_each_in_order_and_within_one(reader: Sentiment) -> None:
    found = await reader.polarity(REVIEWS)

    assert len(found) == len(REVIEWS)
    assert all(side is None or -1 <= side <= 1 for side in found)
    assert found[3] is None
    assert found[4] is None


async def test_no_reviews(reader: Sentiment) -> None:
    assert await reader.polarity([]) == []


async def test_what_stands_beside_a_review_does_not_matter(reader: Sentiment) -> None:
    """The same event must be worth the same when it comes again in another chunk."""
    alone = [(await reader.polarity([one]))[0] for one in REVIEWS]
    order = random.Random(0).sample(range(len(REVIEWS)), len(REVIEWS))
    shuffled = await reader.polarity([REVIEWS[n] for n in order])

    assert await reader.polarity(REVIEWS) == alone
    assert shuffled == [alone[n] for n in order]


async def test_praise_and_blame_are_told_apart(reader: Sentiment) -> None:
    praise, blame, *_ = await reader.polarity(REVIEWS)

    if isinstance(reader, Silent):
        assert (praise, blame) == (None, None)
        return
    assert praise is not None
    assert blame is not None
    assert praise > 0 > blame
