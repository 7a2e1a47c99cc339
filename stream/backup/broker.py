"""What a snapshot and a restore ask of the broker. Everything here blocks."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from kafka import TopicPartition as KafkaPartition
from kafka.errors import KafkaError

from stream.backup.manifest import Positions, Topic
from stream.backup.positions import INPUTS, Bounds, Decision, TopicNow
from stream.errors import Misconfigured, Unavailable
from stream.kafka.admin import Admin
from stream.kafka.deliveries import TopicPartition
from stream.kafka.reader import open_reader
from stream.settings import Settings

POLL_MS = 50


def committed(settings: Settings) -> Positions:
    """The next offsets that the group will read in the input topics; where it has read nothing,
    the first ones. Raises Misconfigured where a topic is missing."""
    with Admin(settings) as admin:
        offsets = admin.committed(settings.namespace)
        topics = [admin.topic(settings.topic(name)) for name in INPUTS]
        cluster = admin.cluster_id()
    bounds = _bounds(settings, [topic.name for topic in topics])

    def next_ones(topic: str) -> dict[int, int]:
        return {
            number: offsets.get(TopicPartition(topic, number), one.start)
            for number, one in sorted(bounds[topic].items())
        }

    return Positions(
        cluster,
        settings.namespace,
        tuple(
            Topic(name, topic.topic_id, topic.partitions, next_ones(topic.name))
            for name, topic in zip(INPUTS, topics, strict=True)
        ),
    )


def members(settings: Settings) -> Sequence[str]:
    """How people may call the members of the group now."""
    with Admin(settings) as admin:
        return admin.members(settings.namespace)


def evict(settings: Settings) -> None:
    """Put all members out of the group."""
    with Admin(settings) as admin:
        admin.evict(settings.namespace)


def topics_now(settings: Settings, names: Sequence[str] = INPUTS) -> tuple[str, list[TopicNow]]:
    """The cluster's id, and these topics with what they hold."""
    with Admin(settings) as admin:
        cluster = admin.cluster_id()
        ids: dict[str, str] = {}
        for name in names:
            try:
                ids[name] = admin.topic(settings.topic(name)).topic_id
            except Misconfigured:  # it is missing
                ids[name] = ""
    bounds = _bounds(settings, [settings.topic(name) for name, found in ids.items() if found])
    return cluster, [
        TopicNow(name, found, bounds.get(settings.topic(name), {})) for name, found in ids.items()
    ]


def go_on_at(settings: Settings, decisions: Sequence[Decision]) -> None:
    """Commit the decisions for the group, which must have no members."""
    offsets = {
        TopicPartition(settings.topic(one.name), number): offset
        for one in decisions
        for number, offset in one.offsets.items()
    }
    if offsets:
        with Admin(settings) as admin:
            admin.commit(settings.namespace, offsets)


def _bounds(settings: Settings, topics: Sequence[str]) -> Mapping[str, dict[int, Bounds]]:
    """Topic -> partition -> what it holds. The end is the high watermark of a fetch: asked for, it
    is wrong on the embedded broker."""
    try:
        consumer = open_reader(settings)
        try:
            return _read_bounds(consumer, topics, settings.kafka_timeout_s)
        finally:
            consumer.close()
    except KafkaError as error:
        raise Unavailable("kafka", f"reading the ends of the topics failed: {error}") from error


def _read_bounds(
    consumer: Any, topics: Sequence[str], patience_s: float
) -> Mapping[str, dict[int, Bounds]]:
    places = [
        KafkaPartition(topic, number)
        for topic in topics
        for number in consumer.partitions_for_topic(topic) or ()
    ]
    consumer.assign(places)
    starts = consumer.beginning_offsets(places)
    consumer.seek_to_end()
    deadline = time.monotonic() + patience_s
    while waiting := [place for place in places if consumer.highwater(place) is None]:
        consumer.poll(timeout_ms=POLL_MS)
        if time.monotonic() > deadline:
            raise Unavailable("kafka", f"no answer for {patience_s:g} s about {waiting[0]}")
    found: dict[str, dict[int, Bounds]] = {topic: {} for topic in topics}
    for place in places:
        found[place.topic][place.partition] = Bounds(starts[place], consumer.highwater(place))
    return found
