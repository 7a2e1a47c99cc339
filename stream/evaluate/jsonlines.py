"""JSON lines of the service's own messages: what `produce` would send, decoded as workers do."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path

import msgspec

from stream.errors import Misconfigured, Reject
from stream.evaluate.dataset import Dataset
from stream.settings import Settings
from stream.wire.decode import Deletion, Limits, Skipped, decode_event, decode_item
from stream.wire.inputs import Event, Item


class _Keys(msgspec.Struct):
    item_id: str | None = None
    user_id: str | None = None


_keys = msgspec.json.Decoder(_Keys)


def read(path: Path, settings: Settings) -> Dataset:
    """Lines with a user_id are events, others items. However old an event is, it counts.

    Raises Misconfigured where the file cannot be read.
    """
    limits = replace(Limits.of(settings), max_age_s=math.inf)
    items: dict[str, Item] = {}
    events: list[Event] = []
    refused: list[str] = []
    for number, value in enumerate(_lines(path), 1):
        if not value:
            continue
        try:
            found = _decoded(value, settings, limits)
        except Reject as why:
            refused.append(f"{path.name}, line {number}: {why}")
            continue
        if isinstance(found, Skipped):
            refused.append(f"{path.name}, line {number}: {found.message}")
        elif isinstance(found, Item):
            items[found.item_id] = found
        elif isinstance(found, Event):
            events.append(found)
    events.sort(key=lambda event: event.at)
    return Dataset(path.stem, tuple(items.values()), tuple(events), refused=tuple(refused))


def _lines(path: Path) -> list[bytes]:
    try:
        return [line.strip() for line in path.read_bytes().splitlines()]
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read ({error.strerror})") from error


def _decoded(value: bytes, settings: Settings, limits: Limits) -> Event | Item | Deletion | Skipped:
    try:
        keys = _keys.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        keys = _Keys(user_id="")  # the decoder says what is wrong
    if keys.user_id is None:
        key = None if keys.item_id is None else keys.item_id.encode()
        return decode_item(value, key, limits=limits, dimension=None)
    return decode_event(
        value, None, limits=limits, event_types=settings.event_types, now=time.time()
    )
