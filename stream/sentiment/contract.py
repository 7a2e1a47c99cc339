"""What every reader of sentiment promises; one suite of tests runs over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from stream.core.decay import Vector


@dataclass(frozen=True, slots=True)
class Review:
    """A review's text, and what is known of it.

    lang    language tag in lower case, or None where the producer did not say
    vector  (d,) unit float32, the encoder's for this text
    """

    text: str
    lang: str | None
    vector: Vector


class Sentiment(Protocol):
    """Reviews in, how they are meant out."""

    async def polarity(self, reviews: Sequence[Review]) -> list[float | None]:
        """One for each review, in order: -1 damns, 0 takes no side, 1 praises, None cannot say.

        None where there is nothing to read: blank text, a language that this reader does not know,
        no word that it knows. The same review, vector included, always gives the same, whatever
        stands beside it.
        """


class Silent:
    """Reads nothing: ratings alone count."""

    async def polarity(self, reviews: Sequence[Review]) -> list[float | None]:
        """None for each."""
        return [None] * len(reviews)
