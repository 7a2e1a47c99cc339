"""What topics hold, and putting records into them, with kafka-python."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from stream.kafka.admin import Admin
from stream.kafka.deliveries import TopicPartition as Place
from stream.kafka.security import kafka_python_options
from stream.kafka.topics import record_limit
from stream.settings import Settings

READ_S = 60.0
KeyValue = tuple[bytes | None, bytes | None]


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as its topic holds it. `at` is the record's timestamp, seconds."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes] = field(default_factory=dict)
    at: float = 0.0

    @property
    def place(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


def read(settings: Settings, name: str) -> list[Kept]:
    """Every record of a topic, by partition and offset, up to its end at some moment of the call.

    The end is the fetches' high watermark: asked for, it is wrong on the embedded broker.
    """
    topic = settings.topic(name)
    consumer = KafkaConsumer(
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=20,
        max_poll_records=5000,
        max_partition_fetch_bytes=record_limit(settings),
        **kafka_python_options(settings),
    )
    found: list[Kept] = []
    try:
        numbers = consumer.partitions_for_topic(topic)
        assert numbers, f"there is no topic {topic}"
        places = [TopicPartition(topic, number) for number in numbers]
        consumer.assign(places)
        consumer.seek_to_beginning()
        deadline = time.monotonic() + READ_S
        while any(_behind(consumer, place) for place in places):
            assert time.monotonic() < deadline, f"{topic} could not be read in {READ_S:g} s"
            for records in consumer.poll(timeout_ms=50).values():
                found += map(_kept, records)
    finally:
        consumer.close()
    return sorted(found, key=lambda record: (record.partition, record.offset))


def _behind(consumer: Any, place: Any) -> bool:
    end = consumer.highwater(place)
    return end is None or consumer.position(place) < end


def _kept(record: Any) -> Kept:
    headers = dict(record.headers)
    return Kept(
        record.topic,
        record.partition,
        record.offset,
        record.key,
        record.value,
        headers,
        record.timestamp / 1000,
    )


class Sender:
    """An outside producer, connected only while it sends; knows what was confirmed.

    sent  topic -> number of records
    ends  topic -> partition -> the offset behind the last record sent there
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.sent = {"events": 0, "items": 0}
        self.ends: dict[str, dict[int, int]] = {"events": {}, "items": {}}

    def burst(self, name: str, records: Iterable[KeyValue]) -> None:
        """Send (key, value) records at full speed, and wait until all are confirmed."""
        topic = self._settings.topic(name)
        with self._connected() as producer:
            self._confirm(name, [producer.send(topic, key=k, value=v) for k, v in records])

    def paced(self, name: str, records: Iterable[KeyValue], rate: float) -> None:
        """Send `rate` records a second, each at its moment, and wait until all are confirmed."""
        topic, started, sent = self._settings.topic(name), time.monotonic(), []
        with self._connected() as producer:
            for count, (key, value) in enumerate(records):
                time.sleep(max(started + count / rate - time.monotonic(), 0.0))
                sent.append(producer.send(topic, key=key, value=value))
            self._confirm(name, sent)

    def committed(self) -> bool:
        """Whether the group will not read again anything that was sent."""
        with Admin(self._settings) as admin:
            done = admin.committed(self._settings.namespace)
        return all(
            done.get(Place(self._settings.topic(name), partition), 0) >= end
            for name, ends in self.ends.items()
            for partition, end in ends.items()
        )

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        producer = KafkaProducer(
            acks="all",
            linger_ms=2,
            max_request_size=record_limit(self._settings),
            enable_idempotence=self._settings.kafka_idempotence,
            **kafka_python_options(self._settings),
        )
        try:
            yield producer
        finally:
            producer.close()

    def _confirm(self, name: str, sent: Sequence[Any]) -> None:
        ends = self.ends[name]
        for confirmation in sent:
            place = confirmation.get(timeout=60)
            ends[place.partition] = max(ends.get(place.partition, 0), place.offset + 1)
        self.sent[name] += len(sent)
