"""`interestream dead-letters list|replay`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stream.commands.shown import plain
from stream.errors import Misconfigured
from stream.kafka.admin import Admin
from stream.kafka.dead_letters import DeadLetter, read_dead_letters
from stream.settings import Settings
from stream.wire.reasons import REJECTIONS

VALUE_CHARS = 100


def found(
    settings: Settings, *, reason: str | None = None, key: str | None = None
) -> list[DeadLetter]:
    """The letters of this reason and this key, None meaning any; oldest record first.

    Raises Misconfigured if the topic is missing, and Unavailable("kafka").
    """
    codes = sorted(each.value for each in REJECTIONS)
    if reason is not None and reason not in codes:
        raise Misconfigured(f"{reason!r} is no reason code; there are {', '.join(codes)}")
    with Admin(settings) as admin:
        admin.topic(settings.topic("dead-letters"))
    letters = read_dead_letters(settings, wanted=_wanted(reason, key))
    return sorted(letters, key=lambda letter: (letter.at, letter.key))


def lines(letter: DeadLetter) -> list[str]:
    """A letter for a person."""
    cut = "" if letter.whole else f" (cut, {letter.size} bytes)"
    value = "null" if letter.value is None else plain(_text(letter.value), VALUE_CHARS)
    return [
        f"{letter.at:%Y-%m-%d %H:%M:%S}  {letter.reason}  {letter.key}",
        f"    {plain(letter.message)}",
        f"    value{cut}: {value}",
    ]


def row(letter: DeadLetter) -> dict[str, Any]:
    """A letter as JSON; bytes that are no UTF-8 show as `�`."""
    return {
        "key": letter.key,
        "reason": letter.reason,
        "message": letter.message,
        "at": letter.at.isoformat(),
        "original_key": None if letter.original_key is None else _text(letter.original_key),
        "value": None if letter.value is None else _text(letter.value),
        "size": letter.size,
        "whole": letter.whole,
        "user_hash": letter.user_hash,
        "trace": letter.trace,
    }


def _wanted(reason: str | None, key: str | None) -> Callable[[DeadLetter], bool]:
    return lambda letter: reason in (None, letter.reason) and key in (None, letter.key)


def _text(value: bytes) -> str:
    return value.decode(errors="replace")
