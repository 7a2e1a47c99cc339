"""Checks of single fields: each returns the value as the service uses it, or raises Reject."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Self

import msgspec

from stream.core.attributes import Attribute
from stream.errors import Reject
from stream.settings import Settings
from stream.wire.explain import shown
from stream.wire.reasons import Reason

DAY_S = 86_400.0
MAX_SECONDS = 1e11  # the year 5138; epoch milliseconds passed it in 1973
FIRST, LAST = -62_135_596_800.0, 253_402_300_799.0  # the years 1 to 9999, UTC: all of RFC 3339
MAX_LANG_BYTES = 35  # the longest tag that RFC 5646 tells to make room for
MAX_DWELL_S = DAY_S
MIN_RATING_MAX, MAX_RATING_MAX = 1e-3, 1e6
MAX_POSITION = 1_000_000
MAX_OFFERS = 1000
MAX_VECTORS = 8
MAX_ATTRIBUTES = 32
MAX_ATTRIBUTE_NAME_BYTES = 64
MAX_ATTRIBUTES_BYTES = 1024  # every worker keeps them in memory for every item
MIN_INT, MAX_INT = -(2**63), 2**63 - 1
MIN_NORM, MAX_NORM = 1e-6, 1e6  # squares of both are far from float32's ends


@dataclass(frozen=True, slots=True)
class Limits:
    """What an input may be at most.

    max_value_bytes   of a record's value
    max_id_bytes      of an id, category or vector name, UTF-8
    max_text_bytes    of a title or text, UTF-8
    max_categories    of an item
    max_future_s      how far `at` may be ahead of the wall clock, seconds
    max_age_s         how far `at` may be behind it, seconds
    ignored_user_ids  users who stand for nobody in particular
    """

    max_value_bytes: int
    max_id_bytes: int
    max_text_bytes: int
    max_categories: int
    max_future_s: float
    max_age_s: float
    ignored_user_ids: frozenset[str]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The limits that the settings say."""
        return cls(
            max_value_bytes=settings.max_value_bytes,
            max_id_bytes=settings.max_id_bytes,
            max_text_bytes=settings.max_text_bytes,
            max_categories=settings.max_categories,
            max_future_s=settings.max_future_s,
            max_age_s=settings.max_age_days * DAY_S,
            ignored_user_ids=settings.ignored_user_ids,
        )


def checked_id(name: str, value: str, limits: Limits) -> str:
    """An id, category or vector name: not blank, not over the limit.

    One that begins with a NUL counts as blank: the store keeps what stands in for a name there.
    """
    if not value or value.isspace() or value[0] == "\0":
        raise Reject(Reason.EMPTY_ID, f"{name} is {shown(value)}: send a non-empty id")
    if _longer(value, limits.max_id_bytes):
        raise Reject(
            Reason.ID_TOO_LONG,
            f"{name} {shown(value)} is {_bytes(value)} bytes, limit {limits.max_id_bytes} "
            "(INTERESTREAM_MAX_ID_BYTES): shorten it or raise the limit",
        )
    return value


def checked_text(name: str, value: str, limits: Limits) -> str:
    """A title or text within its limit."""
    if _longer(value, limits.max_text_bytes):
        raise Reject(
            Reason.TEXT_TOO_LONG,
            f"{name} {shown(value)} is {_bytes(value)} bytes, limit {limits.max_text_bytes} "
            "(INTERESTREAM_MAX_TEXT_BYTES): shorten it or raise the limit",
        )
    return value


def checked_lang(value: str) -> str | None:
    """A language tag in lower case; a blank one is none."""
    if _longer(value, MAX_LANG_BYTES):
        raise Reject(
            Reason.TEXT_TOO_LONG,
            f"lang {shown(value)} is {_bytes(value)} bytes, limit {MAX_LANG_BYTES}: "
            "send a BCP 47 tag such as en or pt-BR",
        )
    return value.strip().lower() or None


def checked_number(name: str, value: float, low: float, high: float, remedy: str) -> float:
    """A number in [low, high]."""
    if low <= value <= high:
        return value
    raise Reject(
        Reason.OUT_OF_RANGE, f"{name} is {shown(value)}, must be in {low:g} to {high:g}: {remedy}"
    )


def checked_count(name: str, count: int, limit: int, remedy: str) -> None:
    """A collection of at most `limit` entries."""
    if count > limit:
        raise Reject(Reason.TOO_MANY, f"{name} has {count} entries, limit {limit}: {remedy}")


def checked_time(name: str, value: float | datetime) -> float:
    """Seconds since the epoch of a time in one of the accepted forms, in the years 1 to 9999."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise Reject(
                Reason.NO_TIME_ZONE,
                f"{name} is {value.isoformat()}: add an offset such as Z or +02:00",
            )
        # offsets reach over the ends, and 9999-12-31 is how many say "never"
        return min(max(value.timestamp(), FIRST), LAST)
    if value > MAX_SECONDS:
        raise Reject(
            Reason.TIME_IN_MILLISECONDS,
            f"{name} is {value:.0f}, limit {MAX_SECONDS:.0e}: milliseconds? send seconds",
        )
    if value < FIRST:
        raise Reject(
            Reason.INVALID_TIME,
            f"{name} is {value:.0f}, before the year 1: send seconds since 1970",
        )
    return value


def checked_vector(
    name: str, vector: tuple[float, ...], dimension: int | None
) -> tuple[float, ...]:
    """A vector that has a direction and `dimension` numbers; None: any dimension but 0."""
    if len(vector) != (len(vector) or 1 if dimension is None else dimension):
        raise Reject(
            Reason.VECTOR_DIMENSION,
            f"{name} has {len(vector)} numbers, the collection {dimension or 'at least 1'}: "
            "compute it with the encoder in use (INTERESTREAM_MODEL_DIR), or leave it out",
        )
    checked_number(f"norm of {name}", math.hypot(*vector), MIN_NORM, MAX_NORM, "send unit vectors")
    return vector


def checked_attributes(attributes: dict[str, Attribute]) -> dict[str, Attribute]:
    """Attributes with names that are not blank, few and small enough to be kept for every item."""
    remedy = "send those that lists are filtered by"
    checked_count("attributes", len(attributes), MAX_ATTRIBUTES, remedy)
    for name, value in attributes.items():
        if not name or name.isspace():
            raise Reject(Reason.EMPTY_ID, f"an attribute's name is {shown(name)}: name it")
        if _longer(name, MAX_ATTRIBUTE_NAME_BYTES):
            raise Reject(
                Reason.ID_TOO_LONG,
                f"an attribute's name {shown(name)} is {_bytes(name)} bytes, "
                f"limit {MAX_ATTRIBUTE_NAME_BYTES}: shorten it",
            )
        if isinstance(value, int):
            where = f"attribute {shown(name)}"
            checked_number(where, value, MIN_INT, MAX_INT, "send a 64-bit integer, or a string")
    size = len(msgspec.json.encode(attributes))
    if size > MAX_ATTRIBUTES_BYTES:
        raise Reject(
            Reason.TOO_LARGE,
            f"attributes {shown(attributes)} are {size} bytes of JSON, "
            f"limit {MAX_ATTRIBUTES_BYTES}: {remedy}",
        )
    return attributes


def _longer(value: str, limit: int) -> bool:
    # a character is at most 4 bytes, so short strings need no encoding
    return len(value) * 4 > limit and _bytes(value) > limit


def _bytes(value: str) -> int:
    return len(value.encode())
