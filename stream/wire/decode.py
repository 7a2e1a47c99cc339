"""From a record's bytes to what the service works with.

`decode_event`, `decode_item` and `decode_signals` raise Reject and nothing else, whatever the
bytes: a message that cannot be understood must not stop the ones beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from stream.errors import Reject
from stream.settings import EventType
from stream.wire import checks, normalise
from stream.wire.checks import Limits, checked_id, checked_time
from stream.wire.encode import rfc3339
from stream.wire.explain import explained, shown
from stream.wire.inputs import Deletion, Event, Item, Skipped
from stream.wire.messages import EventMessage, ItemMessage, SignalBatch
from stream.wire.reasons import Reason

__all__ = [
    "Deletion",
    "Event",
    "Item",
    "Limits",
    "Skipped",
    "decode_event",
    "decode_item",
    "decode_signals",
    "key_mismatch",
]

# of these types at least one of the fields must be there, or there is nothing to learn from them
NEEDS_ONE_OF: dict[str, tuple[str, ...]] = {
    "rating": ("rating",),
    "review": ("rating", "text"),
    "impression": ("item_id", "offers"),
}

_M = TypeVar("_M", EventMessage, ItemMessage, SignalBatch)

_EVENTS = msgspec.json.Decoder(EventMessage)
_ITEMS = msgspec.json.Decoder(ItemMessage)
_SIGNALS = msgspec.json.Decoder(SignalBatch)


def decode_event(
    value: bytes | None,
    key: bytes | None,
    *,
    limits: Limits,
    event_types: Mapping[str, EventType],
    now: float,
) -> Event | Skipped:
    """The event in a record's value.

    key  is not looked at: events are known by what they say (see `key_mismatch`)
    now  wall clock, seconds since the epoch

    Raises Reject.
    """
    raw, value = _parsed(_EVENTS, value, limits)
    event_type = event_types.get(raw.type)
    if event_type is None:
        return Skipped(
            Reason.UNKNOWN_TYPE,
            f"type is {shown(raw.type)}, not one of {len(event_types)} known: "
            "add it to INTERESTREAM_EVENT_TYPES or leave it",
        )
    if raw.user_id in limits.ignored_user_ids:
        return Skipped(
            Reason.IGNORED_USER,
            f"user_id is {shown(raw.user_id)}, one of INTERESTREAM_IGNORED_USER_IDS",
        )
    at = checked_time("at", raw.at)
    if at > now + limits.max_future_s:
        raise _in_future(at, now, limits)
    event = normalise.event(raw, at, value, limits)
    _check_needs(event, event_type)
    if at < now - limits.max_age_s:
        return Skipped(
            Reason.TOO_OLD,
            f"at is {rfc3339(at)}, {(now - at) / checks.DAY_S:.1f} days ago, "
            f"limit {limits.max_age_s / checks.DAY_S:g} (INTERESTREAM_MAX_AGE_DAYS)",
        )
    return event


def decode_item(
    value: bytes | None, key: bytes | None, *, limits: Limits, dimension: int | None
) -> Item | Deletion:
    """The item in a record's value; a null value deletes the item of the key.

    The key must be the item's id: compaction keeps the newest record of a key, so an item under
    another's key would take its place.

    dimension  of every vector in `vectors`; None: any

    Raises Reject.
    """
    item_id = _item_key(key, limits)
    if value is None:
        return Deletion(item_id)
    raw, _ = _parsed(_ITEMS, value, limits)
    checked_id("item_id", raw.item_id, limits)
    if raw.item_id != item_id:
        raise Reject(
            Reason.KEY_MISMATCH,
            f"item_id is {shown(raw.item_id)}, the record's key {shown(item_id)}: "
            "use item_id as key, compaction goes by it",
        )
    return normalise.item(raw, limits, dimension)


def decode_signals(value: bytes | None, *, limits: Limits) -> SignalBatch:
    """A batch that another worker sent. Raises Reject."""
    return _parsed(_SIGNALS, value, limits)[0]


def key_mismatch(event: Event, key: bytes | None) -> bool:
    """Whether the record's key is missing or another than the user's id.

    Such an event is applied all the same, but the order within the user is not kept.
    """
    return key != event.user_id.encode()


def _parsed(
    decoder: msgspec.json.Decoder[_M], value: bytes | None, limits: Limits
) -> tuple[_M, bytes]:
    if value is None:
        raise Reject(
            Reason.MISSING_VALUE, "value is null, and nothing here can be deleted: send JSON"
        )
    if len(value) > limits.max_value_bytes:
        raise Reject(
            Reason.TOO_LARGE,
            f"value {shown(value)} is {len(value)} bytes, limit {limits.max_value_bytes} "
            "(INTERESTREAM_MAX_VALUE_BYTES): send less or raise the limit",
        )
    try:
        if not value.isascii():
            value.decode()  # msgspec does not look into fields that it passes over
        return decoder.decode(value), value
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise explained(error, value) from error


def _check_needs(event: Event, event_type: EventType) -> None:
    if event_type.needs_item and event.item_id is None:
        raise Reject(
            Reason.MISSING_FIELD,
            f"item_id is missing, type {event.type} needs it: send it, or set needs_item to "
            "false for the type in INTERESTREAM_EVENT_TYPES",
        )
    needed = NEEDS_ONE_OF.get(event.type)
    if needed and all(getattr(event, name) in (None, (), "") for name in needed):
        names = " or ".join(needed)
        raise Reject(
            Reason.MISSING_FIELD, f"{names} is missing, type {event.type} needs it: add it"
        )


def _in_future(at: float, now: float, limits: Limits) -> Reject:
    return Reject(
        Reason.IN_FUTURE,
        f"at is {rfc3339(at)}, {at - now:.0f} s ahead of the clock, limit {limits.max_future_s:g} "
        "(INTERESTREAM_MAX_FUTURE_S): check the producer's clock and zone",
    )


def _item_key(key: bytes | None, limits: Limits) -> str:
    if key is None:
        raise Reject(Reason.MISSING_KEY, "the record has no key: use item_id as key")
    try:
        return checked_id("the record's key", key.decode(), limits)
    except UnicodeDecodeError as error:
        raise Reject(
            Reason.INVALID_UTF8, f"the record's key is {shown(key)}: encode item_id as UTF-8"
        ) from error
