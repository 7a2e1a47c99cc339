"""Dead letters: what becomes one, reading them back, and sending the original again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from kafka import KafkaProducer
from kafka import TopicPartition as KafkaPartition
from kafka.errors import KafkaError

from stream.errors import Reject, Unavailable
from stream.kafka.deliveries import Record, TopicPartition
from stream.kafka.publisher import Outgoing
from stream.kafka.reader import open_reader
from stream.kafka.security import kafka_python_options
from stream.kafka.topics import letter_limit, record_limit
from stream.settings import Settings
from stream.wire import cloudevents, deadletter

POLL_MS = 200
CUT_BYTES = 1024  # enough to recognise a record, small enough for any topic


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter as it lies in its topic.

    key           `topic/partition/offset` of the original record
    original_key  as it came; None: it had none
    value         the original bytes; cut where `size` is larger
    size          bytes of the original value
    at            time of the original record
    user_hash     whose record it was, if known
    """

    key: str
    reason: str
    message: str
    original_key: bytes | None
    value: bytes | None
    size: int
    at: datetime
    user_hash: str | None
    trace: str | None

    @property
    def topic(self) -> str:
        return self.key.rsplit("/", 2)[0]

    @property
    def whole(self) -> bool:
        """Neither value nor key was cut: only then it can be sent again."""
        key_fits = len(self.original_key or b"") < deadletter.MAX_KEY_BYTES
        return self.size == len(self.value or b"") and key_fits


def dead_letter(
    record: Record,
    why: Reject,
    *,
    tp: TopicPartition,
    user_id: str | None,
    settings: Settings,
    trace: str = "",
) -> Outgoing:
    """The letter to send in place of `record` of `tp`; the same record gives the same letter.

    user_id  whose record it was, as far as known; only its hash is kept
    trace    stack trace of a bug
    """
    refused = deadletter.Refused(
        tp.topic, tp.partition, record.offset, record.key, record.value, record.timestamp / 1000
    )
    letter = deadletter.dead_letter(
        refused,
        why,
        user_id=user_id,
        trace=trace,
        max_value_bytes=letter_limit(settings),
        source=cloudevents.source_of(settings.namespace),
    )
    topic = settings.topic("dead-letters")
    return Outgoing(topic, letter.key, letter.value, tuple(letter.headers))


def cut(letter: Outgoing) -> Outgoing:
    """The letter with the first bytes of its value, for a topic that does not take it whole."""
    value = letter.value or b""
    if len(value) <= CUT_BYTES:
        return letter
    said = any(name == deadletter.SIZE for name, _ in letter.headers)
    size = () if said else ((deadletter.SIZE, str(len(value)).encode()),)
    return replace(letter, value=value[:CUT_BYTES], headers=(*letter.headers, *size))


def read_dead_letters(
    settings: Settings, *, wanted: Callable[[DeadLetter], bool] = lambda _: True
) -> Iterator[DeadLetter]:
    """The newest letter of each key that was not taken back, keys in the order of first sight.

    Blocks; ends at what was there when it began. Raises Unavailable("kafka").
    """
    newest: dict[str, DeadLetter | None] = {}
    for record in _all_records(settings, settings.topic("dead-letters")):
        key = record.key.decode()
        newest[key] = None if record.value is None else _parse(key, record)
    return (letter for letter in newest.values() if letter is not None and wanted(letter))


async def letters_of(settings: Settings, user_hashes: frozenset[str]) -> dict[str, list[bytes]]:
    """User hash -> keys of the letters of these users that were not taken back.

    Reads the topic from its beginning, and keeps nothing but these keys. What somebody else put
    there is passed over. Raises Unavailable("kafka").
    """

    def read() -> dict[str, list[bytes]]:
        whose: dict[bytes, str] = {}
        for record in _all_records(settings, settings.topic("dead-letters")):
            if record.key is None:
                continue
            user = dict(record.headers).get(deadletter.USER, b"").decode(errors="replace")
            whose.pop(record.key, None)
            if record.value is not None and user in user_hashes:
                whose[record.key] = user
        found: dict[str, list[bytes]] = {}
        for key, user in whose.items():
            found.setdefault(user, []).append(key)
        return found

    return await asyncio.to_thread(read)


def replay(settings: Settings, *, wanted: Callable[[DeadLetter], bool]) -> int:
    """Send the original bytes under the original key to their topic, then take the letter back.

    Returns how many were sent; letters that were cut are left. A crash in between sends a record
    twice, which its event id makes harmless. Raises Unavailable("kafka").
    """
    letters = [letter for letter in read_dead_letters(settings, wanted=wanted) if letter.whole]
    producer = KafkaProducer(
        acks="all",
        compression_type="zstd",
        max_request_size=record_limit(settings),
        **kafka_python_options(settings),
    )
    try:
        _send_all(producer, settings, [(x.topic, x.original_key, x.value) for x in letters])
        own = settings.topic("dead-letters")
        _send_all(producer, settings, [(own, x.key.encode(), None) for x in letters])
    except KafkaError as error:
        raise Unavailable("kafka", f"replay failed: {error}") from error
    finally:
        producer.close()
    return len(letters)


def _send_all(
    producer: Any, settings: Settings, records: list[tuple[str, bytes | None, bytes | None]]
) -> None:
    sent = [producer.send(topic, key=key, value=value) for topic, key, value in records]
    for confirmation in sent:
        confirmation.get(timeout=settings.kafka_timeout_s)


def _parse(key: str, record: Any) -> DeadLetter:
    headers = dict(record.headers)
    text = {name: value.decode(errors="replace") for name, value in headers.items()}
    value = None if deadletter.NULL in headers else record.value
    return DeadLetter(
        key=key,
        reason=text[deadletter.REASON],
        message=text[deadletter.MESSAGE],
        original_key=headers.get(deadletter.KEY),
        value=value,
        size=int(text.get(deadletter.SIZE, len(value or b""))),
        at=datetime.fromisoformat(text["ce_time"]),
        user_hash=text.get(deadletter.USER),
        trace=text.get(deadletter.TRACE),
    )


def _all_records(settings: Settings, topic: str) -> Iterator[Any]:
    """Every record of `topic` up to the high watermarks of the first fetches."""
    consumer = open_reader(settings)
    try:
        found = consumer.partitions_for_topic(topic)
        if not found:
            raise Unavailable("kafka", f"the broker knows no topic {topic} just now")
        left = {KafkaPartition(topic, partition) for partition in found}
        consumer.assign(list(left))
        yield from _until_end(consumer, left, settings.kafka_timeout_s)
    except KafkaError as error:
        raise Unavailable("kafka", f"reading {topic} failed: {error}") from error
    finally:
        consumer.close()


def _until_end(consumer: Any, left: set[Any], patience_s: float) -> Iterator[Any]:
    """Not `end_offsets`: Tansu answers that wrongly, its fetches carry the right watermark."""
    moved_at = time.monotonic()
    ends: dict[Any, int] = {}
    while left:
        fetched = consumer.poll(timeout_ms=POLL_MS)
        if fetched:
            moved_at = time.monotonic()
        for records in fetched.values():
            yield from records
        for tp in left - ends.keys():
            if (end := consumer.highwater(tp)) is not None:
                ends[tp] = end
        left = {tp for tp in left if tp not in ends or consumer.position(tp) < ends[tp]}
        if left and time.monotonic() - moved_at > patience_s:
            raise Unavailable("kafka", f"no answer for {patience_s:g} s while reading {left}")
