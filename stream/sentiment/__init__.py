"""How a review is meant, from its text: VADER (English), a head on the encoder's vectors, or off.

From outside import `open_sentiment`, the protocol `Sentiment`, `Review` and `Silent`.
"""

from __future__ import annotations

from stream.sentiment.contract import Review, Sentiment, Silent
from stream.sentiment.load import open_sentiment

__all__ = ["Review", "Sentiment", "Silent", "open_sentiment"]
