"""What the summary says of the encoder, from the lists alone."""

from __future__ import annotations

import pytest

from stream.demo.audience import Received
from stream.demo.report import encoder
from stream.wire.messages import Model, Recommendation


def received(encoder: str) -> Received:
    message = Recommendation(
        recommendation_id="r",
        version=1,
        user_id="u",
        as_of="2026-01-01T00:00:00.000Z",
        valid_until="2026-01-02T00:00:00.000Z",
        caused_by=(),
        items=(),
        interests=(),
        entropy=0.0,
        confidence=0.0,
        segment=None,
        variant=None,
        model=Model(encoder=encoder, ranker="r"),
    )
    return Received(message, 0.0)


@pytest.mark.parametrize(
    ("seen", "said"), [((), ""), (("a1", "a1"), "a1"), (("b2", "a1", "b2"), "a1, b2")]
)
def test_every_encoder_of_the_lists_is_named_once(seen: tuple[str, ...], said: str) -> None:
    assert encoder(received(each) for each in seen) == said
