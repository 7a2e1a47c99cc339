"""JSON lines as records: decoded as the service will decode them, before they are sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from stream.errors import Reject
from stream.settings import Settings
from stream.wire.decode import Limits, Skipped, decode_event, decode_item


class Kind(StrEnum):
    """What a file holds; the name of the topic it goes to."""

    ITEMS = "items"
    EVENTS = "events"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the input.

    number   from 1
    size     bytes, the line's end included
    key      the record's key; None where the line does not say
    refused  why the service would refuse it; None: it would not
    skipped  why the service would count it and do nothing; None: it would do something
    """

    number: int
    size: int
    key: bytes | None
    value: bytes
    refused: Reject | None = None
    skipped: Skipped | None = None


class _Keys(msgspec.Struct):
    item_id: str | None = None
    user_id: str | None = None


_keys = msgspec.json.Decoder(_Keys)


def read(
    source: Iterable[bytes],
    kind: Kind,
    settings: Settings,
    *,
    clock: Callable[[], float] = time.time,
) -> Iterator[Line]:
    """The lines of `source` that are not blank, each with what the service would say of it."""
    limits = Limits.of(settings)
    for number, raw in enumerate(source, 1):
        value = raw.strip()
        if not value:
            continue
        key, refused, skipped = _key(value, kind), None, None
        try:
            if kind is Kind.ITEMS:
                _check_item(value, key, limits)
            else:
                found = decode_event(
                    value, key, limits=limits, event_types=settings.event_types, now=clock()
                )
                skipped = found if isinstance(found, Skipped) else None
        except Reject as why:
            refused = why
        yield Line(number, len(raw), key, value, refused, skipped)


def _check_item(value: bytes, key: bytes | None, limits: Limits) -> None:
    # Without a readable id any key will do: the value is refused before the key is compared.
    decode_item(value, b"?" if key is None else key, limits=limits, dimension=None)


def _key(value: bytes, kind: Kind) -> bytes | None:
    try:
        keys = _keys.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    found = keys.item_id if kind is Kind.ITEMS else keys.user_id
    return None if found is None else found.encode(errors="replace")
