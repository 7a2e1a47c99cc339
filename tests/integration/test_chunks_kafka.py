"""The same on Apache Kafka itself: workers and the broker are killed, nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import kafka
from tests.support.kafka import Kafka
from tests.support.kafka_workers import Stand, kill, small_settings, until

pytestmark = pytest.mark.kafka

COUNT = 6000


@pytest.fixture(scope="module")
def apache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    if reason := kafka.missing():
        pytest.skip(reason)
    running = Kafka(tmp_path_factory.mktemp("kafka")).start()
    yield running
    running.stop()


@pytest.fixture
def stand(apache: Kafka, tmp_path: Path) -> Iterator[Stand]:
    made = Stand(small_settings(apache.url, kafka_idempotence=True), tmp_path)
    yield made
    made.close()


def test_kill_9_of_a_worker_under_load_loses_nothing(stand: Stand) -> None:
    victim = stand.worker()
    stand.worker()
    stand.produce(range(COUNT))
    until(lambda: len(stand.values()) >= COUNT // 10, "work under way")
    kill(victim)
    stand.produce(range(COUNT, 2 * COUNT))
    until(lambda: stand.committed() == 2 * COUNT, "everything committed")

    assert stand.values() == set(range(2 * COUNT))


def test_kill_9_of_the_broker_loses_nothing(apache: Kafka, stand: Stand) -> None:
    """Away for longer than the session: chunks in hand are delivered again where they are."""
    stand.worker()
    stand.produce(range(COUNT))
    until(lambda: len(stand.values()) >= COUNT // 10, "work under way")
    apache.kill()
    apache.start()
    stand.produce(range(COUNT, 2 * COUNT))
    until(lambda: stand.committed() == 2 * COUNT, "everything committed")

    assert stand.values() == set(range(2 * COUNT))


def test_offsets_committed_beyond_the_end_hide_nothing(stand: Stand) -> None:
    """A log cut short, or a topic made again: its records lie below the committed offsets."""
    stand.produce(range(40))
    stand.commit_beyond_the_end()
    stand.worker()
    until(lambda: stand.values() == set(range(40)), "all records")
    until(lambda: stand.committed() == 40, "the offsets of the records committed")
