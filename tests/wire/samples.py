"""Valid messages to change one thing in, and the limits they are decoded under."""

from __future__ import annotations

import json
from typing import Any

from stream.errors import Reject
from stream.settings import default_event_types
from stream.wire.decode import Deletion, Event, Item, Limits, Skipped, decode_event, decode_item

NOW = 1_738_310_400.0  # 2025-01-31T08:00:00Z
TYPES = default_event_types()
LIMITS = Limits(
    max_value_bytes=8192,
    max_id_bytes=32,
    max_text_bytes=256,
    max_categories=3,
    max_future_s=300.0,
    max_age_s=400 * 86_400.0,
    ignored_user_ids=frozenset({"", "anonymous"}),
)
EVENT: dict[str, Any] = {"user_id": "u", "item_id": "i", "type": "click", "at": NOW}
ITEM: dict[str, Any] = {"item_id": "i", "title": "A film"}


def event_bytes(**changes: Any) -> bytes:
    """A click, changed; the json module writes NaN and lone surrogates as producers might."""
    return json.dumps(EVENT | changes).encode()


def item_bytes(**changes: Any) -> bytes:
    """An item, changed."""
    return json.dumps(ITEM | changes).encode()


def without(message: dict[str, Any], name: str) -> bytes:
    """The message less one field."""
    return json.dumps({key: value for key, value in message.items() if key != name}).encode()


def read_event(value: bytes | None, now: float = NOW) -> Event | Skipped:
    """decode_event under these limits."""
    return decode_event(value, b"u", limits=LIMITS, event_types=TYPES, now=now)


def read_item(
    value: bytes | None, key: bytes | None = b"i", dimension: int | None = 2
) -> Item | Deletion:
    """decode_item under these limits."""
    return decode_item(value, key, limits=LIMITS, dimension=dimension)


def fate_of_event(value: bytes | None) -> str:
    """ "event", or the reason why there is none."""
    try:
        found = read_event(value)
    except Reject as why:
        return why.reason
    return found.reason if isinstance(found, Skipped) else "event"


def fate_of_item(value: bytes | None, key: bytes | None = b"i", dimension: int | None = 2) -> str:
    """ "item" or "deletion", or the reason why there is neither."""
    try:
        found = read_item(value, key, dimension)
    except Reject as why:
        return why.reason
    return type(found).__name__.lower()
