"""What reads answer: the JSON that HTTP and commands show. Times are RFC 3339, UTC."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from stream.wire.messages import TimeText

Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0)]


def _text(description: str) -> Meta:
    return Meta(description=description)


class ItemName(Struct, frozen=True, kw_only=True):
    """An item by its name."""

    item_id: str
    title: Annotated[str, _text('cut where it is long; "" where the item is not known any more')]


# --- a user


class Evidence(Struct, frozen=True, kw_only=True):
    """Something the user did with an item."""

    item_id: str
    title: str
    at: TimeText
    strength: Annotated[float, Meta(ge=-1, le=1, description="below 0: against it")]


class Interest(Struct, frozen=True, kw_only=True):
    """A coherent taste of the user."""

    id: Annotated[str, _text("stable as long as the interest lives")]
    label: str
    share: Annotated[Share, _text("of the user's whole interest; all of them add up to 1")]
    confidence: Annotated[Share, _text("falls with silence")]
    typical: Annotated[ItemName, _text("the item nearest to its middle")]
    evidence: Annotated[list[Evidence], _text("the newest of what led here, the newest first")]


class Ratings(Struct, frozen=True, kw_only=True):
    """How the user rates, as a share of the scale."""

    count: Count
    mean: Annotated[Share, _text("pulled towards what most users give while there are few")]


class InSegment(Struct, frozen=True, kw_only=True):
    """The segment a user is in."""

    id: str
    label: Annotated[str, _text('"" where the model in force does not have it any more')]
    since: TimeText
    model_version: int
    why: Annotated[str, _text("for people: how near it is, and which is the next")]


class User(Struct, frozen=True, kw_only=True):
    """What is known of a user."""

    user_id: str
    summary: Annotated[str, _text("a sentence or two for people")]
    version: Annotated[int, _text("grows with every save")]
    last_active_at: Annotated[TimeText | None, _text("time of the newest event; null: none yet")]
    confidence: Annotated[Share, _text("in all interests; falls with silence")]
    entropy: Annotated[float, Meta(ge=0, description="of the categories' shares, nats")]
    interests: Annotated[list[Interest], _text("the largest share first")]
    categories: Annotated[dict[str, Share], _text("the largest first; all else has the rest")]
    ratings: Annotated[Ratings | None, _text("null: the user has rated nothing")]
    segment: Annotated[InSegment | None, _text("null: none yet")]
    recent: Annotated[list[Evidence], _text("what the user did last, the newest first")]


# --- lists


class Offer(Struct, frozen=True, kw_only=True):
    """An item of a list, and why it is there."""

    item_id: str
    title: str
    rank: Annotated[int, Meta(ge=1)]
    score: Annotated[float, _text("comparable within a list only")]
    source: Annotated[str, _text("the part of the score that gave most, or how it was drawn")]
    because: Annotated[
        list[ItemName], _text("of the user's items those without which the score would fall most")
    ]
    share: Annotated[
        dict[str, Share], _text("what each part of the score gave; the first places only")
    ]
    why: Annotated[str, _text("one sentence for people")]
    propensity: Annotated[Share, _text("probability with which this place got this item")]


class Recommendations(Struct, frozen=True, kw_only=True):
    """A list for a user."""

    user_id: str
    version: Annotated[int, _text("of the profile that it was made from")]
    as_of: Annotated[TimeText, _text("the list is as of this time")]
    caused_by: Annotated[list[str], _text("ids of the events that led to it; none: asked for")]
    items: Annotated[list[Offer], _text("best first")]
    ranker: Annotated[str, _text("version of the ranking; scores of two of them do not compare")]


class PublishedList(Struct, frozen=True, kw_only=True):
    """The list that was published last."""

    version: int
    as_of: TimeText
    caused_by: list[str]
    items: list[Offer]


class Explanation(Struct, frozen=True, kw_only=True):
    """A user, and why the list that was published last is what it is."""

    user: User
    published: Annotated[PublishedList | None, _text("null: none was published yet")]


# --- items


class NearItem(Struct, frozen=True, kw_only=True):
    """An item that users of another one went on to."""

    item_id: str
    title: str
    nearness: Annotated[Share, _text("co-occurrence over the root of both items' counts")]


class ItemNeighbours(Struct, frozen=True, kw_only=True):
    """What users of an item went on to."""

    item: ItemName
    items: Annotated[list[NearItem], _text("the nearest first")]


# --- segments


class SegmentName(Struct, frozen=True, kw_only=True):
    """A segment by its name."""

    id: str
    label: str


class SegmentAnswer(Struct, frozen=True, kw_only=True):
    """A group of users of similar taste."""

    id: Annotated[str, _text("outlives refits of the model")]
    label: str
    size: Annotated[Count, _text("users of the sample that the model was fitted to")]
    items: Annotated[list[ItemName], _text("those on offer nearest to its middle")]


class SegmentsAnswer(Struct, frozen=True, kw_only=True):
    """The segment model in force."""

    version: Annotated[int | None, _text("of the model; null: there is none yet")]
    segments: list[SegmentAnswer]


class Member(Struct, frozen=True, kw_only=True):
    """A user of a segment."""

    user_id: str
    since: TimeText | None
    last_active_at: TimeText | None
    nearness: Annotated[Share, _text("cosine of the user's taste to the segment's middle")]
    interests: Annotated[list[str], _text("labels, the largest share first")]


class Members(Struct, frozen=True, kw_only=True):
    """Some users of a segment, in no meaningful order."""

    segment: SegmentName
    users: list[Member]
    next: Annotated[str | None, _text("send it as `after` for the next page; null: the last one")]


# --- look-alikes


class SharedInterest(Struct, frozen=True, kw_only=True):
    """An interest of the one that is an interest of the other too."""

    label: Annotated[str, _text("of the user or segment asked for")]
    theirs: Annotated[str, _text("how the look-alike's is called")]
    nearness: Share


class Lookalike(Struct, frozen=True, kw_only=True):
    """A user of similar taste; all measures are the same from either side."""

    user_id: str
    similarity: Annotated[Share, _text("mean of `taste` and `interests`: what the order goes by")]
    taste: Annotated[Share, _text("cosine of the overall directions")]
    interests: Annotated[Share, _text("how near each interest's nearest is, mean of both sides")]
    overlap: Annotated[Share, _text("`interests` with each one weighed by its share")]
    segment: str | None
    last_active_at: TimeText | None
    shared_interests: Annotated[list[SharedInterest], _text("what most of it comes from")]
    shared_items: Annotated[list[ItemName], _text("liked by both lately")]
    shared_categories: list[str]


class Lookalikes(Struct, frozen=True, kw_only=True):
    """Users whose tastes are like a user's or a segment's."""

    user_id: Annotated[str | None, _text("of whom; null: of a segment")]
    segment: Annotated[SegmentName | None, _text("of which; null: of a user")]
    total: Annotated[Count, _text("on all pages; the nearest by each measure are looked at")]
    page: Annotated[int, Meta(ge=1)]
    pages: Count
    users: Annotated[list[Lookalike], _text("most similar first")]
