"""From settings to a reader."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from stream.errors import Misconfigured
from stream.sentiment import Silent, open_sentiment
from stream.sentiment.head import Head
from stream.sentiment.vader import Vader
from stream.settings import load
from tests.sentiment.parts import encoder, head_folder


async def test_vader_is_the_default(tmp_path: Path) -> None:
    with capture_logs() as lines:
        assert isinstance(await open_sentiment(load(), encoder(), tmp_path), Vader)
    assert lines == []


async def test_off_reads_nothing(tmp_path: Path) -> None:
    assert isinstance(await open_sentiment(load(sentiment="off"), encoder(), tmp_path), Silent)


async def test_a_head_is_looked_for_in_the_model_s_folder_or_where_the_setting_says(
    tmp_path: Path,
) -> None:
    beside, apart = tmp_path / "sentiment", tmp_path / "apart"
    for folder in (beside, apart):
        folder.mkdir()
        head_folder(folder, accuracy=0.7 if folder == apart else 0.9)

    found = await open_sentiment(load(sentiment="head"), encoder(), tmp_path)
    set_ = await open_sentiment(load(sentiment="head", sentiment_dir=apart), encoder(), tmp_path)

    assert isinstance(found, Head)
    assert isinstance(set_, Head)
    assert (found.manifest.accuracy, set_.manifest.accuracy) == (0.9, 0.7)


async def test_a_head_that_is_not_there_stops_the_worker(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="INTERESTREAM_SENTIMENT to vader or off"):
        await open_sentiment(load(sentiment="head"), encoder(), tmp_path)


async def test_vader_for_another_language_is_a_warning(tmp_path: Path) -> None:
    """Not a refusal: reviews that say `en` are read, and ratings count in every language."""
    with capture_logs() as lines:
        await open_sentiment(load(review_lang="de"), encoder(), tmp_path)

    (line,) = lines
    assert line["log_level"] == "warning"
    assert "INTERESTREAM_REVIEW_LANG is 'de'" in line["reason"]
    assert "INTERESTREAM_SENTIMENT=head" in line["reason"]
