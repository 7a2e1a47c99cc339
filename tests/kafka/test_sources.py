"""Sources: what was read before a topic was made again is not believed."""

from __future__ import annotations

import asyncio
import threading

import pytest

from stream.kafka.deliveries import TopicPartition
from stream.kafka.sources import Sources, source
from stream.settings import load

TP = TopicPartition("events", 0)


class Slow(Sources):
    """Reads are answered one by one; the first answer waits until it is let go."""

    def __init__(self, *answers: str) -> None:
        super().__init__(load())
        self.answers = list(answers)
        self.asked = threading.Event()
        self.go = threading.Event()

    def _read(self, topic: str) -> dict[TopicPartition, str]:
        answer = self.answers.pop(0)
        self.asked.set()
        if self.answers:
            assert self.go.wait(10)
        return {TopicPartition(topic, 0): answer}


async def test_a_reading_under_way_when_topics_change_is_not_believed() -> None:
    """Else marks of the old topic would match offsets of the new one, and events were lost."""
    sources = Slow("old", "new")
    reading = asyncio.create_task(sources.of(TP))
    await asyncio.to_thread(sources.asked.wait)
    sources.forget()
    sources.go.set()

    assert await reading == "new"


async def test_a_partition_that_is_not_there_is_an_error() -> None:
    with pytest.raises(LookupError, match="no partition 7"):
        await Slow("only").of(TopicPartition("events", 7))


def test_a_source_is_a_place_in_one_topic_of_one_cluster() -> None:
    places = [("c", "t", 0), ("c", "t", 1), ("c", "u", 0), ("d", "t", 0)]

    assert len({source(*place) for place in places}) == len(places)
    assert source("c", "t", 0) == source("c", "t", 0)
