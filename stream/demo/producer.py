"""An outside producer: kafka-python, with a bounded lead over what the worker has done."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from kafka import KafkaProducer

from stream.demo.movielens import Film
from stream.demo.plan import Send
from stream.kafka.security import kafka_python_options
from stream.settings import Settings

LEAD = 20_000  # records: more would only measure the broker's memory
POLL_S = 0.1


class Producer:
    """Sends to the topics of one deployment; `done` tells how many events the worker has done."""

    def __init__(self, settings: Settings, done: Callable[[], int]) -> None:
        self._settings = settings
        self._done = done
        self._producer = KafkaProducer(
            acks="all",
            linger_ms=5,
            compression_type="zstd",
            enable_idempotence=settings.kafka_idempotence,
            **kafka_python_options(settings),
        )
        self.sent = 0
        self.sent_at: dict[int, float] = {}  # place of a rating -> time of sending

    def items(self, films: Sequence[Film]) -> None:
        """Publish the films, confirmed."""
        for film in films:
            message = {"item_id": film.item_id, "title": film.title, "categories": film.genres}
            self._producer.send(
                self._settings.topic("items"),
                key=film.item_id.encode(),
                value=json.dumps({**message, "domain": "films"}).encode(),
            )
        self._producer.flush()

    def burst(self, sends: Sequence[Send], told: Callable[[int], Any]) -> None:
        """Send at full speed, at most LEAD ahead of the worker; `told` hears how far it is."""
        for count, send in enumerate(sends, 1):
            self._send(send)
            if count % 2000 == 0:
                told(self._done())
                while self.sent - self._done() > LEAD:
                    time.sleep(POLL_S)
                    told(self._done())
        self._producer.flush()

    def paced(self, sends: Sequence[Send], rate: float, told: Callable[[int], Any]) -> None:
        """Send `rate` a second, each at its moment."""
        started = time.monotonic()
        for count, send in enumerate(sends):
            wait = started + count / rate - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            self._send(send)
            if count % 20 == 0:
                told(count)
        self._producer.flush()

    def close(self) -> None:
        self._producer.close()

    def _send(self, send: Send) -> None:
        if send.rating is not None and not send.repeat:
            self.sent_at[send.rating] = time.time()
        self._producer.send(self._settings.topic("events"), key=send.key, value=send.value)
        self.sent += 1
