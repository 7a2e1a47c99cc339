"""From the messages that producers send to checked inputs, field by field. Raises Reject only."""

from __future__ import annotations

from datetime import datetime

from stream.errors import Reject
from stream.wire import checks, ids
from stream.wire.checks import (
    Limits,
    checked_attributes,
    checked_count,
    checked_id,
    checked_lang,
    checked_number,
    checked_text,
    checked_time,
    checked_vector,
)
from stream.wire.explain import shown
from stream.wire.inputs import DEFAULT_RATING_MAX, Event, Item
from stream.wire.messages import EventMessage, ItemMessage
from stream.wire.reasons import Reason


def event(raw: EventMessage, at: float, value: bytes, limits: Limits) -> Event:
    """The event of a message, `at` already checked; `value` names it if it has no id."""
    rating, rating_max = _rating(raw)
    return Event(
        user_id=checked_id("user_id", raw.user_id, limits),
        type=raw.type,
        at=at,
        event_id=_id_or_none("event_id", raw.event_id, limits) or ids.event_id(value),
        item_id=_id_or_none("item_id", raw.item_id, limits),
        dwell_s=None if raw.dwell_s is None else _dwell(raw.dwell_s),
        rating=rating,
        rating_max=rating_max,
        text=_text_or_none("text", raw.text, limits),
        lang=None if raw.lang is None else checked_lang(raw.lang),
        item_title=_text_or_none("item_title", raw.item_title, limits),
        recommendation_id=_id_or_none("recommendation_id", raw.recommendation_id, limits),
        position=None if raw.position is None else _position(raw.position),
        offers=_offers(raw.offers, limits) if raw.offers else (),
        context=raw.context or {},
    )


def item(raw: ItemMessage, limits: Limits, dimension: int | None) -> Item:
    """The item of a message, `item_id` already checked; vectors of `dimension`, None: any."""
    if not raw.title or raw.title.isspace():
        raise Reject(
            Reason.MISSING_FIELD, f"title is {shown(raw.title)}: send one, lists show it to people"
        )
    return Item(
        item_id=raw.item_id,
        title=checked_text("title", raw.title, limits),
        text=_text_or_none("text", raw.text, limits) or "",
        categories=_categories(raw.categories, limits) if raw.categories else (),
        domain=_id_or_none("domain", raw.domain, limits),
        lang=None if raw.lang is None else checked_lang(raw.lang),
        published_at=_time_or_none("published_at", raw.published_at),
        expires_at=_time_or_none("expires_at", raw.expires_at),
        available=raw.available is not False,
        vectors=_vectors(raw.vectors, limits, dimension) if raw.vectors else {},
        attributes=checked_attributes(raw.attributes) if raw.attributes else {},
    )


def _id_or_none(name: str, value: str | None, limits: Limits) -> str | None:
    return None if value is None else checked_id(name, value, limits)


def _text_or_none(name: str, value: str | None, limits: Limits) -> str | None:
    return checked_text(name, value, limits) if value else None


def _time_or_none(name: str, value: float | datetime | None) -> float | None:
    return None if value is None else checked_time(name, value)


def _dwell(value: float) -> float:
    remedy = "milliseconds? send seconds, not negative"
    return checked_number("dwell_s", value, 0, checks.MAX_DWELL_S, remedy)


def _position(value: int) -> int:
    checked_number("position", value, 0, checks.MAX_POSITION, "send the rank in the list")
    return value


def _rating(raw: EventMessage) -> tuple[float | None, float]:
    """Rating and upper end of its scale."""
    top = DEFAULT_RATING_MAX if raw.rating_max is None else raw.rating_max
    checked_number("rating_max", top, checks.MIN_RATING_MAX, checks.MAX_RATING_MAX, "send the top")
    if raw.rating is None:
        return None, top
    remedy = "send the upper end of the scale as rating_max"
    return checked_number("rating", raw.rating, 0, top, remedy), top


def _offers(offers: tuple[str, ...], limits: Limits) -> tuple[str, ...]:
    checked_count("offers", len(offers), checks.MAX_OFFERS, "send several impressions")
    return tuple([checked_id("an id of offers", offer, limits) for offer in offers])


def _categories(categories: tuple[str, ...], limits: Limits) -> tuple[str, ...]:
    remedy = "send the most important, or raise INTERESTREAM_MAX_CATEGORIES"
    checked_count("categories", len(categories), limits.max_categories, remedy)
    return tuple(dict.fromkeys(checked_id("a category", name, limits) for name in categories))


def _vectors(
    vectors: dict[str, tuple[float, ...]], limits: Limits, dimension: int | None
) -> dict[str, tuple[float, ...]]:
    checked_count("vectors", len(vectors), checks.MAX_VECTORS, "send those that are used")
    return {
        checked_id("a vector's name", name, limits): checked_vector(
            f"vector {shown(name)}", vector, dimension
        )
        for name, vector in vectors.items()
    }
