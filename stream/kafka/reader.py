"""Reading a topic without a group: for commands, and for whoever looks something up."""

from __future__ import annotations

from typing import Any

from kafka import KafkaConsumer
from kafka.errors import KafkaError

from stream.errors import Unavailable
from stream.kafka.security import kafka_python_options
from stream.kafka.topics import record_limit
from stream.settings import Settings

#: The embedded broker needs it to find records among very many: see `stream.kafka.fetch_wait`.
FIND_MS = 500


def open_reader(settings: Settings) -> Any:
    """A consumer that commits nothing and takes records as large as there are. It blocks.

    Where records that it is to read next are gone, it goes on with the oldest that are there: from
    the end it would miss all others. Raises Unavailable("kafka") where no broker answers.
    """
    try:
        return KafkaConsumer(
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=record_limit(settings),
            fetch_max_wait_ms=max(settings.fetch_max_wait_ms, FIND_MS),
            **kafka_python_options(settings),
        )
    except KafkaError as error:
        raise Unavailable("kafka", f"no reader could connect: {error}") from error
