"""What a refused record becomes: its bytes untouched, and headers that say why.

The key is `topic/partition/offset`, so on the compacted topic a repeat replaces itself, and a
null under the same key forgets it.
"""

from __future__ import annotations

from dataclasses import dataclass

from stream.errors import Reject
from stream.wire import cloudevents, ids
from stream.wire.encode import rfc3339

REASON = "dl_reason"
MESSAGE = "dl_message"
KEY = "dl_key"
USER = "dl_user"
SIZE = "dl_size"
NULL = "dl_null"
TRACE = "dl_trace"

MAX_MESSAGE_BYTES = 2048
MAX_TRACE_BYTES = 8192
MAX_KEY_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Refused:
    """The record that is refused.

    key, value  as they came; None: null
    timestamp   of the record, seconds since the epoch
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: float


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """The record to send in its place."""

    key: bytes
    value: bytes
    headers: cloudevents.Headers


def dead_letter(
    refused: Refused,
    why: Reject,
    *,
    user_id: str | None,
    trace: str = "",
    max_value_bytes: int,
    source: str,
) -> DeadLetter:
    """The dead letter of a record; the same record and reason give the same letter.

    user_id          whose record it was, as far as known; only its hash is kept
    trace            stack trace of a bug; its end is kept
    max_value_bytes  of the letter's value; a longer one is cut, and `dl_size` says so
    """
    key = f"{refused.topic}/{refused.partition}/{refused.offset}"
    headers = cloudevents.headers(
        key,
        source,
        cloudevents.DEAD_LETTER,
        rfc3339(refused.timestamp),
        content_type=cloudevents.BYTES,
    )
    headers += [
        (REASON, why.reason.encode()),
        (MESSAGE, _text(why.message)[:MAX_MESSAGE_BYTES]),
    ]
    if refused.key is not None:
        headers.append((KEY, refused.key[:MAX_KEY_BYTES]))
    if user_id is not None:
        headers.append((USER, ids.user_hash(user_id).encode()))
    if trace:
        headers.append((TRACE, _text(trace)[-MAX_TRACE_BYTES:]))
    return DeadLetter(key.encode(), *_kept(refused.value, max_value_bytes, headers))


def _kept(
    value: bytes | None, limit: int, headers: cloudevents.Headers
) -> tuple[bytes, cloudevents.Headers]:
    """The value as far as it fits, and the headers that say what is not there."""
    if value is None:
        # a null would delete the letter from the compacted topic instead of keeping it
        return b"", [*headers, (NULL, b"true")]
    if len(value) > limit:
        return value[:limit], [*headers, (SIZE, str(len(value)).encode())]
    return value, headers


def _text(text: str) -> bytes:
    return text.encode(errors="backslashreplace")
