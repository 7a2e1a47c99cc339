"""`interestream tail TOPIC`: the records of a topic as they come."""

from __future__ import annotations

import io
import select
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from typing import IO, Any

from kafka import TopicPartition
from kafka.errors import KafkaError

from stream.errors import Unavailable
from stream.kafka.admin import Admin
from stream.kafka.reader import open_reader
from stream.settings import Settings

POLL_MS = 200


def follow(
    settings: Settings, topic: str, *, from_beginning: bool, done: Callable[[], bool]
) -> Generator[Any, None, None]:
    """The records of a topic as they come; close the iterator to end it.

    from_beginning  else only what comes after the first look at each partition
    done            asked a few times a second; True ends the iteration

    Raises Misconfigured if the topic is missing, and Unavailable("kafka").
    """
    with Admin(settings) as admin:
        partitions = range(admin.topic(topic).partitions)
    assigned = [TopicPartition(topic, partition) for partition in partitions]
    try:
        consumer = open_reader(settings)
        try:
            consumer.assign(assigned)
            skipping = set() if from_beginning else set(assigned)
            yield from _records(consumer, skipping, done)
        finally:
            with suppress(KafkaError):
                consumer.close()
    except KafkaError as error:
        raise Unavailable("kafka", f"reading {topic} failed: {error}") from error


def reader_left(output: IO[str]) -> bool:
    """Whether `output` is a pipe that nobody reads any more; a write would only fail."""
    try:
        number = output.fileno()
    except io.UnsupportedOperation:
        return False
    watch = select.poll()
    watch.register(number, 0)  # errors are always told
    return any(event & select.POLLERR for _, event in watch.poll(0))


def _records(consumer: Any, skipping: set[Any], done: Callable[[], bool]) -> Iterator[Any]:
    """All records but those that lie in the partitions of `skipping` at their first fetch.

    Not `seek_to_end`: the embedded broker answers it wrongly, its fetches carry the right end.
    """
    while not done():
        fetched = consumer.poll(timeout_ms=POLL_MS)
        for tp in list(skipping):
            if (end := consumer.highwater(tp)) is not None:
                consumer.seek(tp, end)
                skipping.remove(tp)
                fetched.pop(tp, None)
        for tp, records in fetched.items():
            if tp not in skipping:
                yield from records
