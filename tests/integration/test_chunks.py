"""Nothing is lost: workers that die, leave, join, hang and fail, over a real broker."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stream.embedded.broker import Broker
from tests.support.kafka_workers import Stand, kill, small_settings, until

pytestmark = pytest.mark.integration

COUNT = 6000


@pytest.fixture
def stand(broker: Broker, tmp_path: Path) -> Iterator[Stand]:
    made = Stand(small_settings(broker.url), tmp_path)
    yield made
    made.close()


def some(stand: Stand, at_least: int) -> Callable[[], bool]:
    return lambda: len(stand.values()) >= at_least


def all_committed(stand: Stand, count: int) -> Callable[[], bool]:
    return lambda: stand.committed() == count


def test_sigterm_and_a_new_worker_lose_nothing(stand: Stand) -> None:
    """What was finished is committed on the way out, so an orderly end repeats nothing."""
    stand.produce(range(COUNT))
    first = stand.worker()
    until(some(stand, 1), "the first records")
    first.send_signal(signal.SIGTERM)
    assert first.wait(20) == 0
    stand.produce(range(COUNT, 2 * COUNT))
    second = stand.worker()
    until(all_committed(stand, 2 * COUNT), "everything committed")
    second.send_signal(signal.SIGTERM)

    assert second.wait(20) == 0
    assert stand.values() == set(range(2 * COUNT))
    assert len(stand.lines()) == 2 * COUNT


def test_kill_9_under_load_loses_nothing(stand: Stand) -> None:
    """Two workers, one killed in the middle; the other takes over its partitions."""
    victim = stand.worker()
    stand.worker()
    stand.produce(range(COUNT))
    until(some(stand, COUNT // 10), "work under way")
    kill(victim)
    stand.produce(range(COUNT, 2 * COUNT))
    until(all_committed(stand, 2 * COUNT), "everything committed")

    assert stand.values() == set(range(2 * COUNT))


def test_an_exception_acknowledges_nothing_of_its_chunk(stand: Stand) -> None:
    """The worker exits with 1, and the record that failed is delivered again."""
    stand.produce(range(COUNT))
    planted = COUNT // 2
    broken = stand.worker(fail_at=planted)

    assert broken.wait(40) == 1
    assert "planted at b'3000'" in stand.log(0)
    assert planted not in stand.values()

    stand.worker()
    until(all_committed(stand, COUNT), "everything committed")
    assert stand.values() == set(range(COUNT))


def test_a_stopped_worker_s_late_steps_change_nothing(stand: Stand) -> None:
    """SIGSTOP for longer than the session, and back: nothing missing, the group goes on."""
    stand.worker()
    zombie = stand.worker()
    stand.produce(range(COUNT))
    until(some(stand, COUNT // 10), "work under way")
    zombie.send_signal(signal.SIGSTOP)
    stand.produce(range(COUNT, 2 * COUNT))
    until(some(stand, 2 * COUNT), "the other worker has taken over")
    zombie.send_signal(signal.SIGCONT)
    stand.produce(range(2 * COUNT, 3 * COUNT))
    until(all_committed(stand, 3 * COUNT), "everything committed")

    assert stand.values() == set(range(3 * COUNT))


def test_records_of_a_partition_stay_in_order(stand: Stand) -> None:
    """Sub-chunks of a partition follow each other, whatever the other partitions do."""
    stand.produce(range(COUNT))
    stand.worker()
    until(all_committed(stand, COUNT), "everything committed")

    lines = stand.lines()
    partitions = {partition for partition, _, _ in lines}
    assert len(partitions) == 4
    for wanted in partitions:
        offsets = [offset for partition, offset, _ in lines if partition == wanted]
        assert offsets == list(range(len(offsets)))


def test_a_worker_whose_broker_is_gone_still_ends(tmp_path: Path) -> None:
    """The commit on the way out would wait for ever: the process exits hard, with 1."""
    own = Broker(log=tmp_path / "broker.log").start()
    stand = Stand(small_settings(own.url, shutdown_s=1), tmp_path)
    try:
        worker = stand.worker()
        stand.produce(range(COUNT))
        until(some(stand, 1), "the first records")
        own.kill()
        worker.send_signal(signal.SIGTERM)

        assert worker.wait(20) in (0, 1)
    finally:
        stand.close()
        own.kill()
