"""Sending records that are there when `send` returns."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError

from stream.errors import Unavailable
from stream.kafka.security import aiokafka_options
from stream.kafka.topics import record_limit
from stream.settings import Settings


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to send.

    value         None deletes the key in a compacted topic
    partition     None: by murmur2 of the key, as every Kafka client does it; at random without key
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None


class Publisher:
    """A producer of our own: Faust's cannot wait for many records at once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Raises Unavailable("kafka") when the broker does not answer."""
        producer = AIOKafkaProducer(
            acks="all",
            enable_idempotence=self._settings.kafka_idempotence,
            linger_ms=0,  # 5 ms made awaited sends 10 to 30 times slower
            compression_type="zstd",
            max_request_size=record_limit(self._settings),
            request_timeout_ms=int(self._settings.kafka_timeout_s * 1000),
            **aiokafka_options(self._settings),
        )
        try:
            async with asyncio.timeout(self._settings.kafka_timeout_s):
                await producer.start()
        except (KafkaError, TimeoutError) as error:
            await producer.stop()
            raise Unavailable("kafka", f"producer cannot connect: {error!r}") from error
        self._producer = producer

    async def stop(self) -> None:
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await producer.stop()

    async def send(self, records: Sequence[Outgoing]) -> None:
        """Return once the broker has confirmed every record.

        Raises Unavailable("kafka") if that fails or takes longer than the time-out: some of the
        records may have arrived, so send all of them again. An error that trying again cannot cure
        (a record beyond the topic's limit, no permission) is raised as it is.
        """
        if self._producer is None:
            raise RuntimeError("send() before start()")
        timeout_s = self._settings.kafka_timeout_s
        confirmations: list[asyncio.Future[object]] = []
        try:
            async with asyncio.timeout(timeout_s):
                for record in records:  # one by one: `finally` has to know those already sent
                    confirmations += [await self._enqueue(self._producer, record)]
                await asyncio.gather(*confirmations)
        except TimeoutError as error:
            message = f"{len(records)} records not confirmed within {timeout_s:g} s"
            raise Unavailable("kafka", message) from error
        except KafkaError as error:
            if not (error.retriable or isinstance(error, KafkaTimeoutError)):
                raise
            raise Unavailable("kafka", f"sending failed: {error!r}") from error
        finally:
            for confirmation in confirmations:
                confirmation.add_done_callback(_seen)

    @staticmethod
    async def _enqueue(producer: AIOKafkaProducer, record: Outgoing) -> asyncio.Future[object]:
        confirmation: asyncio.Future[object] = await producer.send(
            record.topic,
            key=record.key,
            value=record.value,
            partition=record.partition,
            headers=list(record.headers),
        )
        return confirmation


def _seen(confirmation: asyncio.Future[object]) -> None:
    """Of several failures only the first is raised; asyncio logs the others if nobody looks."""
    if not confirmation.cancelled():
        confirmation.exception()
