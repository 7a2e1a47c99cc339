"""One realistic example of every message, for the AsyncAPI document and the tests."""

from __future__ import annotations

from stream.wire import ids
from stream.wire.messages import (
    InterestShare,
    ItemSignals,
    Model,
    Offer,
    Receipt,
    Recommendation,
    SegmentChange,
    SignalBatch,
)

_VERSION = 1_738_310_400_250
_USER = "user-17"

ITEM: dict[str, object] = {
    "item_id": "film-50",
    "title": "Star Wars (1977)",
    "text": "A farm boy, a smuggler and a princess against an empire.",
    "categories": ["Science Fiction", "Adventure"],
    "domain": "films",
    "lang": "en",
    "published_at": "1977-05-25T00:00:00Z",
    "available": True,
    "attributes": {"studio": "Lucasfilm", "minutes": 121, "cast": ["Ford", "Fisher"]},
}

EVENT: dict[str, object] = {
    "event_id": "app-7f3a-000231",
    "user_id": _USER,
    "item_id": "film-50",
    "type": "review",
    "at": "2025-01-31T09:00:00.250+01:00",
    "rating": 4,
    "rating_max": 5,
    "text": "The last battle alone is worth the evening.",
    "lang": "en",
    "recommendation_id": ids.recommendation_id(_USER, _VERSION - 90_000),
    "position": 3,
    "context": {"device": "phone"},
}

_INTERESTS = (
    InterestShare(id="i1", label="Science Fiction", share=0.75),
    InterestShare(id="i2", label="Comedy", share=0.25),
)
_CATEGORIES = {"Science Fiction": 0.6, "Adventure": 0.25, "Comedy": 0.1}  # 0.05 is left to others

RECOMMENDATION = Recommendation(
    recommendation_id=ids.recommendation_id(_USER, _VERSION),
    version=_VERSION,
    user_id=_USER,
    as_of="2025-01-31T08:00:00.250Z",
    valid_until="2025-02-01T08:00:00.250Z",
    caused_by=("app-7f3a-000231",),
    items=(
        Offer(
            item_id="film-172",
            title="Empire Strikes Back, The (1980)",
            score=0.8125,
            rank=1,
            source="interest",
            because=("film-50",),
            share={"interest": 0.7, "session": 0.2, "hotness": 0.1},
            why={"en": "Because you liked Star Wars (1977)"},
        ),
        Offer(
            item_id="film-313",
            title="Titanic (1997)",
            score=0.25,
            rank=2,
            source="hotness",
            propensity=0.02,
        ),
    ),
    interests=_INTERESTS,
    entropy=1.0331,
    confidence=0.8,
    segment="s3",
    variant=None,
    model=Model(encoder="9f2c41d0", ranker="1"),
    categories=_CATEGORIES,
)

SEGMENT_CHANGE = SegmentChange(
    change_id=ids.change_id(_USER, _VERSION),
    user_id=_USER,
    at="2025-01-31T08:00:00.250Z",
    from_="s1",
    to="s3",
    label="Science Fiction, Adventure",
    cause="event",
    event_id="app-7f3a-000231",
    margin=0.04,
    model_version=12,
    interests=_INTERESTS,
    categories=_CATEGORIES,
    entropy=1.0331,
    confidence=0.8,
    drift=0.2471,
)

RECEIPT = Receipt(
    receipt_id=ids.receipt_id(_USER, 1_738_396_800.0),
    user_hash=ids.user_hash(_USER),
    asked_by=("app-7f3a-000999",),
    asked_at="2025-02-01T08:00:00.000Z",
    removed_at="2025-02-01T08:00:00.125Z",
    confirmed_at="2025-02-01T08:10:02.500Z",
    removed={"interests": 2, "recent": 31, "seen": 31, "segment": 1, "dead_letters": 1},
)

SIGNALS = SignalBatch(
    source="5L6g3nShT-eMCtK--X86sw/b1hVhTqLRzG6aHdX0n2oXQ/3",
    chunk=40_499,
    items=(
        ItemSignals(
            item_id="film-50",
            at=1_738_310_400.25,
            count=1.0,
            hotness=1.0,
            pairs={3_421_780_262: 1.0, 842_094_083: 0.966},
            segments={2_717_908_991: 1.0},
        ),
    ),
)
