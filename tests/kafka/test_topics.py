"""Limits that have to fit together."""

from __future__ import annotations

import pytest

from stream import settings
from stream.errors import Reject
from stream.kafka.dead_letters import dead_letter
from stream.kafka.deliveries import TopicPartition
from stream.kafka.sources import source
from stream.kafka.topics import record_limit, topic_plans
from tests.kafka.fakes import FakeRecord


@pytest.mark.parametrize("size", [1024, 1 << 20, 10 << 20])
def test_every_dead_letter_fits_its_topic(size: int) -> None:
    """Whatever an input topic can hold, its letter with all headers is within the limit."""
    chosen = settings.load(max_value_bytes=size, max_text_bytes=1024)
    plans = {plan.name: plan for plan in topic_plans(chosen)}
    limit = int(plans[chosen.topic("dead-letters")].configs["max.message.bytes"])
    record = FakeRecord(2**62, b"x" * (3 * size), b"k" * 60_000)

    letter = dead_letter(
        record,
        Reject("bug", "m" * 100_000),
        tp=TopicPartition("t" * 249, 1023),
        user_id="u" * 1000,
        settings=chosen,
        trace="t" * 100_000,
    )

    parts = [letter.key or b"", letter.value or b""]
    parts += [part for name, value in letter.headers for part in (name.encode(), value)]
    assert sum(map(len, parts)) < limit == record_limit(chosen)
    assert (letter.value or b"") == (record.value or b"")[: 2 * size]


def test_what_must_be_kept_is_compacted() -> None:
    chosen = settings.load()
    policies = {plan.name: plan.configs["cleanup.policy"] for plan in topic_plans(chosen)}

    assert policies == {
        chosen.topic("items"): "compact",
        chosen.topic("events"): "delete",
        chosen.topic("signals"): "delete",
        chosen.topic("recommendations"): "compact",
        chosen.topic("segments"): "delete",
        chosen.topic("receipts"): "compact",
        chosen.topic("dead-letters"): "compact,delete",
    }


def test_a_source_is_its_cluster_topic_and_partition() -> None:
    places = [("c", "t", 0), ("c", "t", 1), ("c", "u", 0), ("d", "t", 0), ("ct", "", 0)]

    assert len({source(*place) for place in places}) == len(places)
    assert source("c", "t", 0) == source("c", "t", 0)
    assert len(source("c", "t", 0)) == 16
