"""An outside consumer of the recommendation and segment topics, in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from kafka import KafkaConsumer, TopicPartition

from stream.kafka.security import kafka_python_options
from stream.settings import Settings
from stream.wire.messages import Recommendation, SegmentChange

POLL_MS = 50


@dataclass(frozen=True, slots=True)
class Received:
    """A list and when it arrived here, seconds since the epoch."""

    message: Recommendation
    at: float


class Audience:
    """Keeps every list by its id (a repeat carries the same) and every segment change."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lists = settings.topic("recommendations")
        self._changes = settings.topic("segments")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="audience", daemon=True)
        self.received: dict[str, Received] = {}
        self.changes: dict[str, SegmentChange] = {}
        self.repeats = 0
        self.failure: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop listening. Raises what broke it, if something did."""
        self._stop.set()
        self._thread.join(10)
        if self.failure is not None:
            raise self.failure

    def newest(self) -> Mapping[str, Recommendation]:
        """Per user the list with the highest version, as a consumer should keep it."""
        newest: dict[str, Recommendation] = {}
        for received in list(self.received.values()):
            message = received.message
            known = newest.get(message.user_id)
            if known is None or message.version > known.version:
                newest[message.user_id] = message
        return newest

    def _listen(self) -> None:
        try:
            self._listen_until_stopped()
        except Exception as error:  # noqa: BLE001  # shown by stop(), in the thread that asks
            self.failure = error

    def _listen_until_stopped(self) -> None:
        consumer = KafkaConsumer(
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=self._settings.fetch_max_wait_ms,
            max_poll_records=5000,
            **kafka_python_options(self._settings),
        )
        try:
            topics = (self._lists, self._changes)
            consumer.assign(
                [
                    TopicPartition(topic, partition)
                    for topic in topics
                    for partition in consumer.partitions_for_topic(topic) or ()
                ]
            )
            while not self._stop.is_set():
                for tp, records in consumer.poll(timeout_ms=POLL_MS).items():
                    now = time.time()
                    for record in records:
                        self._take(tp.topic, record, now)
        finally:
            consumer.close()

    def _take(self, topic: str, record: Any, now: float) -> None:
        if record.value is None:
            return
        if topic == self._changes:
            change = msgspec.json.decode(record.value, type=SegmentChange)
            self.changes[change.change_id] = change
            return
        message = msgspec.json.decode(record.value, type=Recommendation)
        if message.recommendation_id in self.received:
            self.repeats += 1
            return
        self.received[message.recommendation_id] = Received(message, now)
