"""The messages of every topic, as they are on the wire.

Descriptions go to the AsyncAPI document. Input structs take what producers may send, also what
`decode` then refuses: their limits are settings. Unknown fields are ignored, so producers can
evolve; wrong types are refused. Times of outputs are RFC 3339, UTC, with milliseconds.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from stream.core.attributes import Attribute

Rfc3339 = Annotated[datetime, Meta(extra_json_schema={"format": "date-time"})]
Time = Annotated[
    float | Rfc3339,
    Meta(description="RFC 3339 with an offset, or seconds since the epoch"),
]
TimeText = Annotated[
    str,
    Meta(
        description="RFC 3339, UTC, milliseconds",
        extra_json_schema={"format": "date-time"},
    ),
]
Share = Annotated[float, Meta(ge=0, le=1)]


def _text(description: str) -> Meta:
    return Meta(description=description)


# --- in: what producers send


class ItemMessage(Struct, frozen=True, kw_only=True):
    """Something recommendable. The record's key is `item_id`; a null value deletes the item."""

    item_id: Annotated[str, _text("id of the item; equals the record's key")]
    title: Annotated[str, _text("shown to people and encoded together with `text`")]
    text: Annotated[str | None, _text("what the item is about")] = None
    categories: Annotated[tuple[str, ...] | None, _text("most important first")] = None
    domain: Annotated[str | None, _text("shop, site or section; lists can be kept to one")] = None
    lang: Annotated[str | None, _text("BCP 47 tag, such as `en` or `pt-BR`")] = None
    published_at: Annotated[Time | None, _text("freshness counts from here")] = None
    expires_at: Annotated[Time | None, _text("from here on it is recommended no more")] = None
    available: Annotated[bool | None, _text("false: known, but not recommended")] = None
    vectors: Annotated[
        dict[str, tuple[float, ...]] | None,
        _text("vectors by name, computed elsewhere; `text` replaces the encoder's own"),
    ] = None
    attributes: Annotated[
        dict[str, Attribute] | None,
        _text("anything else by name, such as brand or price class: lists can be filtered by it"),
    ] = None


class EventMessage(Struct, frozen=True, kw_only=True):
    """Something a user did. The record's key is `user_id`, which keeps a user's events in order."""

    user_id: Annotated[str, _text("who; equals the record's key")]
    type: Annotated[str, _text("what; a name of the table of event types, such as `click`")]
    at: Annotated[Time, _text("when: RFC 3339 with an offset, or seconds since the epoch")]
    item_id: Annotated[
        str | None, _text("with what; may be missing only where the type needs no item")
    ] = None
    event_id: Annotated[
        str | None, _text("repeats of an id are applied once; default: a hash of the value")
    ] = None
    dwell_s: Annotated[float | None, _text("how long the user stayed, seconds")] = None
    rating: Annotated[float | None, _text("0 to `rating_max`; a `rating` needs it")] = None
    rating_max: Annotated[float | None, _text("upper end of the rating's scale; default 5")] = None
    text: Annotated[str | None, _text("a review's words")] = None
    lang: Annotated[str | None, _text("BCP 47 tag of `text`")] = None
    item_title: Annotated[
        str | None, _text("stands in for the item while the catalogue lacks it")
    ] = None
    recommendation_id: Annotated[str | None, _text("the list this event answers")] = None
    position: Annotated[int | None, _text("rank of the item in that list, from 1")] = None
    offers: Annotated[tuple[str, ...] | None, _text("item ids that an impression showed")] = None
    context: Annotated[dict[str, Any] | None, _text("anything else, such as device or page")] = None


# --- out: what consumers read


class Offer(Struct, frozen=True, kw_only=True):
    """An item in a list."""

    item_id: str
    title: str
    score: Annotated[float, _text("comparable within a list only")]
    rank: Annotated[int, Meta(ge=1, description="from 1, best first")]
    source: Annotated[
        str,
        _text(
            "the part that gave most: `neighbours`, `interest`, `session`, `hotness`, `crowd`, "
            "`freshness`, `sequence`; or `exploration`, `expansion`: drawn by lot, see `propensity`"
        ),
    ]
    because: Annotated[
        tuple[str, ...], _text("item ids without which the score would fall most")
    ] = ()
    share: Annotated[
        dict[str, Share], _text("what each part of the score gave; sums to 1; first 3 places only")
    ] = field(default_factory=dict)
    why: Annotated[
        dict[str, str], _text("one sentence for people, by language, in those that are set")
    ] = field(default_factory=dict)
    propensity: Annotated[
        float, Meta(ge=0, le=1, description="probability with which this place got this item")
    ] = 1.0


class InterestShare(Struct, frozen=True, kw_only=True):
    """A coherent taste of the user."""

    id: Annotated[str, _text("stable as long as the interest lives")]
    label: Annotated[str, _text("for people")]
    share: Annotated[Share, _text("of the user's whole interest; all of them add up to 1")]


CategoryShares = Annotated[
    dict[str, Share],
    _text(
        "the largest shares of the user's interest by category, largest first, at most 8; what "
        "they leave to 1 is of other categories, also of those that the user has not touched yet"
    ),
]


class Model(Struct, frozen=True, kw_only=True):
    """What made the list; scores of different models do not compare."""

    encoder: Annotated[str, _text("hash of the encoder's manifest")]
    ranker: Annotated[str, _text("version of the ranking's constants")]


class Recommendation(Struct, frozen=True, kw_only=True):
    """A fresh list for a user. The key is `user_id`; keep the highest `version`."""

    recommendation_id: Annotated[
        str, _text("a hash of user and version; events that answer the list send it back")
    ]
    version: Annotated[int, _text("grows with every save of the user's profile")]
    user_id: str
    as_of: Annotated[TimeText, _text("time of the newest event the list knows of")]
    valid_until: Annotated[TimeText, _text("ask for a new list after this")]
    caused_by: Annotated[tuple[str, ...], _text("ids of the events that made it fresh")]
    items: Annotated[tuple[Offer, ...], _text("best first")]
    interests: Annotated[tuple[InterestShare, ...], _text("largest share first")]
    entropy: Annotated[
        float, Meta(ge=0, description="of the interest distribution over all categories, nats")
    ]
    confidence: Annotated[Share, _text("0: nothing known of the user, 1: very much")]
    segment: Annotated[str | None, _text("id of the user's segment; null: none yet")]
    variant: Annotated[str | None, _text("of the experiment the user is in; null: none")]
    model: Model
    categories: CategoryShares = field(default_factory=dict)


class SegmentChange(Struct, frozen=True, kw_only=True):
    """A user went from one segment to another. The key is `user_id`."""

    change_id: Annotated[str, _text("a hash of user and version; repeats carry the same")]
    user_id: str
    at: Annotated[TimeText, _text("event time of the change")]
    from_: Annotated[str | None, _text("id of the segment before; null: first assignment")] = field(
        name="from"
    )
    to: Annotated[str, _text("id of the segment now")]
    label: Annotated[str, _text("of the segment now, for people")]
    cause: Annotated[
        str,
        Meta(
            description="what moved the user",
            extra_json_schema={"enum": ["event", "refit", "sweep"]},
        ),
    ]
    event_id: Annotated[str | None, _text("the event that did it; null unless `cause` is event")]
    margin: Annotated[float, _text("by how much the new segment is nearer, in cosine")]
    model_version: Annotated[int, _text("of the segment model")]
    interests: Annotated[
        tuple[InterestShare, ...], _text("the user's as of the change, largest share first")
    ] = ()
    categories: CategoryShares = field(default_factory=dict)
    entropy: Annotated[
        Annotated[float, Meta(ge=0)] | None,
        _text("of the interest distribution over all categories, nats; null: not said"),
    ] = None
    confidence: Annotated[
        Share | None, _text("0: nothing known of the user, 1: very much; null: not said")
    ] = None
    drift: Annotated[
        Share | None,
        _text(
            "how far the interest distribution is from the user's own of 7 to 8 days before: "
            "Jensen-Shannon distance to base 2, 0: the same, 1: nothing in common; null: nothing "
            "is known of that time"
        ),
    ] = None


class Receipt(Struct, frozen=True, kw_only=True):
    """A user was forgotten. The key is `receipt_id`."""

    receipt_id: Annotated[str, _text("a hash of user and time; repeats carry the same")]
    user_hash: Annotated[str, _text("BLAKE2b of the user's id, 128 bits, as in dead letters")]
    asked_by: Annotated[tuple[str, ...], _text("ids of the events that asked for it")]
    asked_at: Annotated[TimeText, _text("event time of the last of them")]
    removed_at: Annotated[TimeText, _text("when the profile was removed")]
    confirmed_at: Annotated[
        TimeText, _text("when the outputs were put right again and the name was removed")
    ]
    removed: Annotated[
        dict[str, Annotated[int, Meta(ge=0)]], _text("what was removed, in numbers by kind")
    ]


# --- internal: from workers to workers


Sums = dict[Annotated[int, Meta(ge=0, lt=2**32)], Annotated[float, Meta(ge=0)]]


class ItemSignals(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a chunk's events say about an item; every number is decayed to `at`."""

    item_id: Annotated[str, _text("the item it is about")]
    at: Annotated[float, _text("time of the newest of the events, seconds since the epoch")]
    count: Annotated[float, Meta(ge=0, description="events on the item itself")] = 0.0
    hotness: Annotated[float, Meta(ge=0, description="the same, with the hotness' half-life")] = 0.0
    pairs: Annotated[
        Sums, _text("32-bit hashes of items that the same users had around then, and how much")
    ] = field(default_factory=dict)
    segments: Annotated[
        Sums, _text("32-bit hashes of the users' segments, and how much of `hotness` is of each")
    ] = field(default_factory=dict)


class SignalBatch(Struct, frozen=True, kw_only=True):
    """What one chunk's events say about the items of one partition, or about some of them."""

    source: Annotated[str, _text("cluster id, topic id and partition of the chunk")]
    chunk: Annotated[int, Meta(ge=0, description="offset of the chunk's last record")]
    part: Annotated[int, Meta(ge=0, description="from 0; a large batch is sent in parts")] = 0
    items: Annotated[tuple[ItemSignals, ...], _text("each item once")]
