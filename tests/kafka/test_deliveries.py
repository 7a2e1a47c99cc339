"""What a delivery knows about its ownership and its time."""

from __future__ import annotations

import pytest

from stream.errors import OwnershipLost
from stream.kafka.deliveries import Delivery, Progress, TopicPartition
from tests.kafka.fakes import TOPIC, FakeFlow, chunk

TP = TopicPartition(TOPIC, 0)


def delivery(flow: FakeFlow) -> Delivery:
    made = chunk(10, 5)
    return Delivery(TOPIC, 0, made.records, "s", made.epoch, made.span, flow)


def test_it_knows_its_offsets() -> None:
    made = delivery(FakeFlow({TP: 1}))

    assert (made.first_offset, made.last_offset) == (10, 14)
    made.check_owned()


@pytest.mark.parametrize("epochs", [{}, {TP: 2}])
def test_a_partition_gone_or_come_back_is_no_longer_its_own(
    epochs: dict[TopicPartition, int],
) -> None:
    """After a rebalance that returns the partition the records are delivered anew."""
    made = delivery(FakeFlow(epochs))

    assert made.revoked
    with pytest.raises(OwnershipLost, match="in/0: the partition was revoked"):
        made.check_owned()


def test_silence_of_a_session_is_enough_to_doubt() -> None:
    flow = FakeFlow({TP: 1}, quiet=3.0)
    made = delivery(flow)
    made.check_owned()

    flow.quiet = 3.01
    assert not made.revoked
    with pytest.raises(OwnershipLost, match=r"no heartbeat answered for 3\.0 s"):
        made.check_owned()


def test_time_spent_waiting_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failed tries and the time between them are waiting; everything else may be a hang."""
    clock = [100.0]
    monkeypatch.setattr("stream.kafka.deliveries.time.monotonic", lambda: clock[0])
    progress = Progress()
    clock[0] += 7
    assert progress.idle_s() == 7
    with progress.waiting():
        clock[0] += 20
        assert progress.idle_s() == 0
        assert progress.waited_s() == 20
    clock[0] += 1
    progress.exclude(1)

    assert progress.waited_s() == 21
    assert progress.idle_s() == 0
