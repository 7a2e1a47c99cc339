"""Inputs as the service works with them: checked, times in epoch seconds, defaults filled in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msgspec import Struct

from stream.core.attributes import Attribute
from stream.wire.reasons import Reason

DEFAULT_RATING_MAX = 5.0


class Event(Struct, frozen=True):
    """Something a user did, checked.

    at          event time, seconds since the epoch
    event_id    the producer's, else a hash of the value's bytes
    dwell_s     seconds, in [0, 86400]
    rating      in [0, rating_max]
    lang        lower case
    position    rank in the list that is answered; 0 or more
    context     as it came; nested as deep as the producer liked
    """

    user_id: str
    type: str
    at: float
    event_id: str
    item_id: str | None = None
    dwell_s: float | None = None
    rating: float | None = None
    rating_max: float = DEFAULT_RATING_MAX
    text: str | None = None
    lang: str | None = None
    item_title: str | None = None
    recommendation_id: str | None = None
    position: int | None = None
    offers: tuple[str, ...] = ()
    context: dict[str, Any] = {}  # msgspec copies an empty default


class Item(Struct, frozen=True):
    """Something recommendable, checked.

    text          "" where the producer sent none
    categories    as sent, without repeats
    lang          lower case
    published_at  seconds since the epoch; so is expires_at
    vectors       by name; every one of the asked dimension, norm in [1e-6, 1e6]
    attributes    by name, as sent: what lists can be filtered by
    """

    item_id: str
    title: str
    text: str = ""
    categories: tuple[str, ...] = ()
    domain: str | None = None
    lang: str | None = None
    published_at: float | None = None
    expires_at: float | None = None
    available: bool = True
    vectors: dict[str, tuple[float, ...]] = {}  # msgspec copies an empty default
    attributes: dict[str, Attribute] = {}


@dataclass(frozen=True, slots=True)
class Deletion:
    """An item that is to go."""

    item_id: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """An event that is understood and has no effect: counted and acknowledged."""

    reason: Reason
    message: str
