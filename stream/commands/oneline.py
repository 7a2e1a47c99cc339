"""A record of each topic as one line for a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from stream.commands.shown import moment, plain
from stream.wire import deadletter
from stream.wire.ids import user_hash

VALUE_CHARS = 80
TITLES = 3
# what a value that is not of its topic may cause on the way to its gist
UNFIT = (msgspec.MsgspecError, ValueError, TypeError, LookupError, AttributeError, RecursionError)


def pretty(kind: str, record: Any) -> str:
    """Time, key and the gist of a record.

    kind    short name of its topic
    record  as kafka-python gives it
    """
    key = plain((record.key or b"-").decode(errors="replace"))
    return f"{moment(record.timestamp / 1000)}  {key}  {_gist(kind, record)}"


def raw(record: Any) -> str:
    """The value as one line of JSON; null for a null, a string for what is not JSON."""
    if record.value is None:
        return "null"
    try:
        return str(msgspec.json.format(record.value, indent=-1), "utf-8")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return msgspec.json.encode(record.value.decode(errors="replace")).decode()


def is_about(record: Any, user_id: str) -> bool:
    """Whether a record is of this user: by its key, a letter or receipt by the user's hash."""
    if record.key == user_id.encode():
        return True
    hashed, headers = user_hash(user_id).encode(), record.headers or []
    return any((name, hashed) in headers for name in (deadletter.USER, "ce_subject"))


def _gist(kind: str, record: Any) -> str:
    if kind == "dead-letters":
        return "taken back" if record.value is None else _letter(record)
    if record.value is None:
        return "deleted" if kind == "items" else "the user was forgotten"
    try:
        message = msgspec.json.decode(record.value, type=dict[str, Any])
        return plain(GISTS[kind](message))
    except UNFIT:
        return plain(record.value.decode(errors="replace"), VALUE_CHARS)


def _letter(record: Any) -> str:
    headers = dict(record.headers)
    words = (headers.get(name, b"").decode() for name in (deadletter.REASON, deadletter.MESSAGE))
    return plain(": ".join(words))


def _recommendation(message: Mapping[str, Any]) -> str:
    items = message["items"]
    titles = [item["title"] or item["item_id"] for item in items[:TITLES]]
    more = f" (+{len(items) - TITLES})" if len(items) > TITLES else ""
    segment = f" · segment {message['segment']}" if message["segment"] else ""
    shown = " | ".join(titles) or "nothing to offer"
    return f"{shown}{more} · confidence {message['confidence']:.2f}{segment}"


def _segment(message: Mapping[str, Any]) -> str:
    before = message["from"] or "none"
    return f"{before} -> {message['to']} ({message['label']}) by {message['cause']}"


def _receipt(message: Mapping[str, Any]) -> str:
    removed = ", ".join(f"{count} {kind}" for kind, count in message["removed"].items() if count)
    return f"{message['user_hash']} forgotten: {removed or 'nothing was known'}"


def _event(message: Mapping[str, Any]) -> str:
    extras = [f"{n} {message[n]}" for n in ("rating", "dwell_s", "text") if message.get(n)]
    return " · ".join([f"{message['type']} {message.get('item_id') or ''}".strip(), *extras])


def _item(message: Mapping[str, Any]) -> str:
    categories = ", ".join(message.get("categories") or ())
    return f"{message['title']} [{categories}]" if categories else str(message["title"])


def _signals(message: Mapping[str, Any]) -> str:
    pairs = sum(len(item.get("pairs", ())) for item in message["items"])
    said = f"{len(message['items'])} items, {pairs} pairs"
    return f"{said} of {message['source']}/{message['chunk']}"


GISTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "recommendations": _recommendation,
    "segments": _segment,
    "receipts": _receipt,
    "events": _event,
    "items": _item,
    "signals": _signals,
}
