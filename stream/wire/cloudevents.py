"""CloudEvents 1.0 headers, Kafka binary mode: what the message is, beside its unchanged value.

Ids and times come from the message, so a repeat carries the same headers.
"""

from __future__ import annotations

from stream.wire import ids
from stream.wire.encode import rfc3339
from stream.wire.messages import Receipt, Recommendation, SegmentChange, SignalBatch

Headers = list[tuple[str, bytes]]

JSON = "application/json"
BYTES = "application/octet-stream"

RECOMMENDATION = "interestream.recommendation.v1"
FORGOTTEN = "interestream.forgotten.v1"
SEGMENT_CHANGE = "interestream.segment-change.v1"
RECEIPT = "interestream.receipt.v1"
SIGNALS = "interestream.signals.v1"
DEAD_LETTER = "interestream.dead-letter.v1"


def recommendation_headers(message: Recommendation, *, source: str) -> Headers:
    """Headers of a list; `source` is the sender's URI reference (see `source_of`)."""
    return headers(
        message.recommendation_id, source, RECOMMENDATION, message.as_of, subject=message.user_id
    )


def forgotten_headers(user_id: str, forgotten_at: float, *, source: str) -> Headers:
    """Headers of the nulls that take back what was said of a user; `forgotten_at` in seconds."""
    return headers(
        ids.forgotten_id(user_id, forgotten_at),
        source,
        FORGOTTEN,
        rfc3339(forgotten_at),
        subject=user_id,
    )


def segment_headers(message: SegmentChange, *, source: str) -> Headers:
    """Headers of a segment change."""
    return headers(message.change_id, source, SEGMENT_CHANGE, message.at, subject=message.user_id)


def receipt_headers(message: Receipt, *, source: str) -> Headers:
    """Headers of a receipt; its subject is the hash of the user's id."""
    return headers(message.receipt_id, source, RECEIPT, message.asked_at, subject=message.user_hash)


def signal_headers(message: SignalBatch, *, target: int, source: str) -> Headers:
    """Headers of the batch that a chunk sends to the partition `target`.

    Its time is that of the newest event; a batch about no item has none and is not sent.

    Raises ValueError if there are no items.
    """
    newest = max(item.at for item in message.items)
    id_ = f"{message.source}/{message.chunk}/{target}/{message.part}"
    return headers(id_, source, SIGNALS, rfc3339(newest))


def headers(
    id_: str,
    source: str,
    type_: str,
    time: str,
    *,
    subject: str | None = None,
    content_type: str = JSON,
) -> Headers:
    """The headers of any message.

    id_      unique within the source, the same for a repeat
    source   URI reference of the sender
    time     RFC 3339
    subject  whom the message is about, if anyone
    """
    fields = {
        "ce_specversion": "1.0",
        "ce_id": id_,
        "ce_source": source,
        "ce_type": type_,
        "ce_time": time,
        "content-type": content_type,
    }
    if subject is not None:
        fields["ce_subject"] = subject
    return [(name, value.encode()) for name, value in fields.items()]


def source_of(namespace: str) -> str:
    """The URI reference that a deployment's messages carry: the same from every worker, or
    consumers could not tell a repeat by source and id."""
    return f"/interestream/{namespace}"
