"""Sends, topics, sources and dead letters over a real broker."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from aiokafka.errors import MessageSizeTooLargeError
from kafka import KafkaConsumer, KafkaProducer
from kafka.partitioner import murmur2

from stream.embedded.broker import Broker
from stream.errors import Misconfigured, Reject, Unavailable
from stream.kafka.admin import Admin, ensure_topics, list_topics, wait_for_broker
from stream.kafka.dead_letters import dead_letter, read_dead_letters, replay
from stream.kafka.deliveries import TopicPartition
from stream.kafka.publisher import Outgoing, Publisher
from stream.kafka.sources import Sources
from stream.kafka.topics import record_limit
from stream.settings import Settings
from tests.kafka.fakes import FakeRecord
from tests.support.kafka_workers import small_settings, until

pytestmark = pytest.mark.integration

SMALL = 4096


@pytest.fixture
def settings(broker: Broker) -> Settings:
    made = small_settings(broker.url, max_value_bytes=SMALL, max_text_bytes=1024)
    ensure_topics(made)
    return made


def stored(settings: Settings, topic: str, count: int) -> list[tuple[int, bytes | None]]:
    """(partition, value) of the first `count` records of `topic`."""
    consumer = KafkaConsumer(
        topic, bootstrap_servers=settings.kafka_url, auto_offset_reset="earliest"
    )
    found: list[tuple[int, bytes | None]] = []

    def enough() -> bool:
        for records in consumer.poll(timeout_ms=200).values():
            found.extend((record.partition, record.value) for record in records)
        return len(found) >= count

    until(enough, f"{count} records in {topic}")
    consumer.close()
    return found


async def send(settings: Settings, records: list[Outgoing]) -> None:
    publisher = Publisher(settings)
    await publisher.start()
    try:
        await publisher.send(records)
    finally:
        await publisher.stop()


def test_topics_are_created_once(settings: Settings) -> None:
    assert ensure_topics(settings) == []
    names = [
        "dead-letters",
        "events",
        "items",
        "receipts",
        "recommendations",
        "segments",
        "signals",
    ]
    assert list_topics(settings) == [settings.topic(name) for name in names]


async def test_a_send_that_returned_is_stored(settings: Settings) -> None:
    topic = settings.topic("events")
    records = [Outgoing(topic, b"%d" % n, b"v%d" % n) for n in range(500)]

    await send(settings, records)

    found = await asyncio.to_thread(stored, settings, topic, 500)
    assert Counter(value for _, value in found) == Counter(record.value for record in records)


async def test_keys_meet_the_partition_that_every_client_chooses(settings: Settings) -> None:
    topic = settings.topic("events")

    await send(settings, [Outgoing(topic, b"user-%d" % n, b"user-%d" % n) for n in range(50)])

    for partition, key in await asyncio.to_thread(stored, settings, topic, 50):
        assert partition == (murmur2(key) & 0x7FFFFFFF) % settings.topic_partitions


async def test_an_absent_broker_is_unavailable_not_silence(tmp_path: Path) -> None:
    own = await asyncio.to_thread(Broker(log=tmp_path / "log").start)
    settings = small_settings(own.url, kafka_timeout_s=1.0)
    await asyncio.to_thread(ensure_topics, settings)
    publisher = Publisher(settings)
    await publisher.start()
    record = Outgoing(settings.topic("events"), b"k", b"v")
    await publisher.send([record])
    await asyncio.to_thread(own.kill)

    with pytest.raises(Unavailable, match="1 records not confirmed within 1 s"):
        await publisher.send([record])
    await publisher.stop()
    with pytest.raises(Unavailable, match="kafka: producer cannot connect"):
        await Publisher(settings).start()


async def test_a_record_over_the_limit_is_a_bug_not_an_outage(settings: Settings) -> None:
    """Waiting cannot make it smaller."""
    large = Outgoing(settings.topic("events"), b"k", b"x" * (record_limit(settings) + 1))

    with pytest.raises(MessageSizeTooLargeError):
        await send(settings, [large])


async def test_a_topic_that_was_made_again_is_another_source(settings: Settings) -> None:
    topic = settings.topic("events")
    sources = Sources(settings)
    first = [await sources.of(TopicPartition(topic, n)) for n in range(4)]
    with Admin(settings) as admin:
        admin._client.delete_topics([topic])
    await asyncio.to_thread(ensure_topics, settings)

    assert [await sources.of(TopicPartition(topic, n)) for n in range(4)] == first  # cached
    sources.forget()
    second = [await sources.of(TopicPartition(topic, n)) for n in range(4)]
    assert len({*first, *second}) == 8
    assert all(len(source) == 16 for source in first)


async def test_a_source_needs_its_topic(settings: Settings) -> None:
    with pytest.raises(Misconfigured, match="interestream topics create"):
        await Sources(settings).of(TopicPartition("nowhere", 0))


def test_waiting_for_a_broker_that_never_comes_ends(tmp_path: Path) -> None:
    absent = small_settings("127.0.0.1:1", kafka_timeout_s=0.3)

    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1 did not answer within"):
        wait_for_broker(absent, deadline_s=0.5)


def letter(settings: Settings, offset: int, key: bytes | None, value: bytes | None) -> Outgoing:
    return dead_letter(
        FakeRecord(offset, value, key, timestamp=1_700_000_000_000),
        Reject("malformed_json", "not JSON at byte 3"),
        tp=TopicPartition(settings.topic("events"), 2),
        user_id="ada",
        settings=settings,
    )


async def test_dead_letters_are_listed_once_a_key_and_replayed(settings: Settings) -> None:
    """A repeat replaces itself; after a replay the original is back and the letter is gone."""
    bad = letter(settings, 7, b"ada", b'{"x\xff')
    no_key = letter(settings, 8, None, b"[]")
    cut = letter(settings, 9, b"ada", b"y" * (3 * SMALL))
    await send(settings, [bad, bad, no_key, cut])

    found = {x.key: x for x in await asyncio.to_thread(read_dead_letters, settings)}
    events = settings.topic("events")
    assert set(found) == {f"{events}/2/{offset}" for offset in (7, 8, 9)}
    first = found[f"{events}/2/7"]
    assert (first.topic, first.original_key, first.value) == (events, b"ada", b'{"x\xff')
    assert (first.reason, first.message) == ("malformed_json", "not JSON at byte 3")
    assert first.at.isoformat() == "2023-11-14T22:13:20+00:00"
    assert found[f"{events}/2/8"].original_key is None
    assert found[f"{events}/2/9"].size == 3 * SMALL

    sent = await asyncio.to_thread(replay, settings, wanted=lambda x: x.reason == "malformed_json")
    assert sent == 2  # the third was cut
    left = [x.key for x in await asyncio.to_thread(read_dead_letters, settings)]
    assert left == [f"{events}/2/9"]
    values = [value for _, value in await asyncio.to_thread(stored, settings, events, 2)]
    assert sorted(values, key=bytes) == [b"[]", b'{"x\xff']  # type: ignore[arg-type]
    assert await asyncio.to_thread(replay, settings, wanted=lambda _: True) == 0


def test_a_null_value_comes_back_as_null(settings: Settings) -> None:
    """Null deletes in a compacted topic: it must not turn into an empty value on the way."""
    sent = letter(settings, 1, b"film-1", None)
    producer = KafkaProducer(bootstrap_servers=settings.kafka_url)
    producer.send(sent.topic, key=sent.key, value=sent.value, headers=list(sent.headers))
    producer.close()

    (found,) = read_dead_letters(settings)
    assert found.value is None
    assert found.whole
