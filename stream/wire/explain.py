"""From a decoder's error to a Reject that names reason, place, value and remedy.

msgspec tells the kinds of a mismatch apart only by its wording, so this reads it; the tests hold
every wording that is read here.
"""

from __future__ import annotations

import json
import re
import reprlib
from typing import Any

import msgspec

from stream.errors import Reject
from stream.wire.reasons import Reason

SHOWN_CHARS = 80

_FITS = (
    ("Object missing required field", Reason.MISSING_FIELD),
    ("Number out of range", Reason.NOT_FINITE),
    ("Integer value out of range", Reason.OUT_OF_RANGE),
    ("Invalid RFC3339", Reason.INVALID_TIME),
)
_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>[^`]*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|(\[\.\.\.\])")
_BYTE = re.compile(r"\(byte (\d+)\)")

_REMEDY = {
    Reason.MISSING_FIELD: "add it",
    Reason.NOT_FINITE: "send a finite double, or leave the field out",
    Reason.OUT_OF_RANGE: "send a 64-bit integer",
    Reason.INVALID_TIME: "send RFC 3339 with an offset, such as 2025-01-31T08:00:00Z",
    Reason.WRONG_TYPE: "send the type that the schema says (docs/asyncapi.yaml)",
}


class _Short(reprlib.Repr):
    """Cuts long and deep values before they are rendered."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = SHOWN_CHARS - 2
        self.maxlevel = 3


_SHORT = _Short()


def shown(value: object) -> str:
    """The value as a message quotes it: its repr, at most 80 characters."""
    text = _SHORT.repr(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[: SHOWN_CHARS - 1]}…"


def explained(error: Exception, value: bytes) -> Reject:
    """The Reject for what a decoder raised on `value`.

    error  msgspec.DecodeError, UnicodeDecodeError or RecursionError
    """
    if isinstance(error, msgspec.ValidationError):
        return _misfit(str(error), value)
    if isinstance(error, UnicodeDecodeError):
        return _no_utf8(error, value)
    if isinstance(error, RecursionError):
        return Reject(
            Reason.MALFORMED_JSON,
            f"value {shown(value)} is nested deeper than the decoder goes: send it flat",
        )
    return _no_json(str(error), value)


def _misfit(text: str, value: bytes) -> Reject:
    """JSON, but not of this message's shape."""
    found = _PLACE.match(text)
    what, path = (found["what"], found["path"] or "") if found else (text, "")
    reason = next((reason for start, reason in _FITS if what.startswith(start)), Reason.WRONG_TYPE)
    where = path.removeprefix(".") or "value"
    return Reject(reason, f"{where} {_value_at(path, value)}: {_lowered(what)}: {_REMEDY[reason]}")


def _value_at(path: str, value: bytes) -> str:
    """ "is" and what stands at msgspec's path; its `[...]` is a key it does not name."""
    try:
        here: Any = msgspec.json.decode(value)
        for key, index, unnamed in _STEP.findall(path):
            if unnamed:
                break
            here = here[int(index)] if index else here[key]
    except (msgspec.DecodeError, RecursionError, LookupError, TypeError):
        # 1e999 fits no type, the rest may be no JSON, a later twin of the key may hide it
        return f"in {shown(value)}"
    return f"is {shown(here)}"


def _no_utf8(error: UnicodeDecodeError, value: bytes) -> Reject:
    around = value[max(0, error.start - 20) : error.start + 20]
    return Reject(
        Reason.INVALID_UTF8,
        f"byte {error.start} of {len(value)} is {value[error.start]:#04x}, not UTF-8, "
        f"in {shown(around)}: encode values as UTF-8",
    )


def _no_json(text: str, value: bytes) -> Reject:
    """Tells what another parser would take, NaN and lone surrogates, from what none would."""
    found = _BYTE.search(text)
    at = int(found[1]) if found else len(value)
    around = shown(value[max(0, at - 20) : at + 20])
    try:
        json.loads(value.decode(), parse_constant=_refuse_constant)
    except _NotFiniteError as error:
        return Reject(
            Reason.NOT_FINITE,
            f"{error} at byte {at} or before, in {around}: JSON has no such number, "
            "leave the field out",
        )
    except (ValueError, RecursionError):
        return Reject(
            Reason.MALFORMED_JSON,
            f"{_lowered(text)}, {len(value)} bytes, in {around}: send one JSON object",
        )
    return Reject(
        Reason.INVALID_UTF8,
        f"half of a surrogate pair at byte {at} or before, in {around}: no text can hold it, "
        "send both halves",
    )


class _NotFiniteError(Exception):
    """The text has NaN, Infinity or -Infinity where a number belongs."""


def _refuse_constant(name: str) -> None:
    raise _NotFiniteError(name)


def _lowered(text: str) -> str:
    # a leading "JSON" stays as it is
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]
