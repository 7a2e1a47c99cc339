"""From the settings to the reader of sentiment that they ask for."""

from __future__ import annotations

from pathlib import Path

import structlog

from stream.encoder.manifest import Manifest
from stream.sentiment.contract import Sentiment, Silent
from stream.sentiment.head import Head
from stream.sentiment.vader import Vader, reads
from stream.settings import Settings

log = structlog.get_logger(__name__)

FOLDER = "sentiment"  # of a head, in its model's folder


async def open_sentiment(settings: Settings, encoder: Manifest, model_dir: Path) -> Sentiment:
    """Ready to read.

    encoder    the running encoder's manifest: a head must have been trained on it
    model_dir  its folder, where a head is looked for unless INTERESTREAM_SENTIMENT_DIR is set

    Raises Misconfigured if the head is missing, damaged or of another encoder. VADER with a
    language that it does not read is a warning: reviews that say `en` are still read.
    """
    if settings.sentiment == "off":
        return Silent()
    if settings.sentiment == "head":
        head = await Head.open(settings.sentiment_dir or model_dir / FOLDER, encoder)
        log.info("sentiment", reader="head", accuracy=head.manifest.accuracy)
        return head
    if not reads(settings.review_lang):
        log.warning(
            "sentiment",
            reader="vader",
            reason=f"INTERESTREAM_REVIEW_LANG is {settings.review_lang!r}, VADER reads English: "
            "reviews that do not say `en` as their lang count by their ratings alone; for other "
            "languages train a head and set INTERESTREAM_SENTIMENT=head",
        )
    return await Vader.open(review_lang=settings.review_lang)
