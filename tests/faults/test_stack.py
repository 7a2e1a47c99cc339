"""What waits and sends around a fault: it goes on while parts are away, and not for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from stream.errors import Unavailable
from tests.faults import stack as module
from tests.faults.feed import Feed
from tests.faults.rounds import recovery
from tests.faults.stack import until
from tests.support.records import KeyValue

AWAY = Unavailable("kafka", "gone")
RECORDS: list[KeyValue] = [(b"k", b"%d" % number) for number in range(10)]


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """The clock of everything here."""
    found = Clock()
    monkeypatch.setattr(time, "monotonic", found.monotonic)
    monkeypatch.setattr(time, "sleep", found.sleep)
    yield found
    monkeypatch.undo()


class Group:
    """A stack whose group acknowledges as `says`, one answer after the other."""

    def __init__(self, says: list[dict[int, int] | Unavailable]) -> None:
        self._says = iter(says)
        self.revived = 0

    def revive(self) -> None:
        self.revived += 1

    def committed(self) -> dict[int, int]:
        told = next(self._says)
        if isinstance(told, Unavailable):
            raise told
        return told

    def tails(self) -> str:
        return "the end of the logs"


def test_a_wait_ends_when_the_condition_holds(clock: Clock) -> None:
    answers = iter([False, False, True])

    assert until(lambda: next(answers), "done") == pytest.approx(2 * module.POLL_S)


def test_a_part_that_is_away_is_waited_for(clock: Clock) -> None:
    def away() -> bool:
        if clock.now < 1:
            raise AWAY
        return True

    assert until(away, "back") >= 1


def test_a_wait_that_is_too_long_tells_what_for(clock: Clock) -> None:
    with pytest.raises(AssertionError, match=r"rain: not within 5 s\nthe log"):
        until(lambda: False, "rain", within_s=5, tell=lambda: "the log")


def test_recovery_is_until_all_go_on_and_until_all_that_was_sent_is_done(clock: Clock) -> None:
    """Partition 2 was done before; what was sent later than the fault is not waited for."""
    says = [(10, 5, 7), (12, 5, 7), (12, 6, 7), (20, 6, 7), (30, 9, 9)]
    group: Any = Group([AWAY, *(dict(enumerate(one)) for one in says)])

    back_s, last_s = recovery(group, {0: 10, 1: 5, 2: 7}, {0: 20, 1: 9, 2: 7})

    assert back_s == pytest.approx(3 * module.POLL_S)
    assert last_s == pytest.approx(5 * module.POLL_S)
    assert group.revived == 6


def test_where_all_was_acknowledged_before_there_is_nothing_to_recover(clock: Clock) -> None:
    group: Any = Group([{0: 10}])

    assert recovery(group, {0: 10}, {0: 10}) == (0.0, 0.0)


class Producer:
    """A sender whose broker refuses the calls of these numbers."""

    def __init__(self, refuses: set[int]) -> None:
        self.refuses = refuses
        self.calls = 0
        self.sent: list[KeyValue] = []

    def paced(self, name: str, records: list[KeyValue], rate: float) -> None:
        self.calls += 1
        if self.calls in self.refuses:
            raise AWAY
        self.sent += records

    def burst(self, name: str, records: list[KeyValue]) -> None:
        self.sent += records


def test_a_feed_sends_a_slice_again_until_it_is_confirmed(clock: Clock) -> None:
    producer: Any = Producer({2, 3})
    feed = Feed(producer, RECORDS, rate=8).start()
    feed.finish()

    assert producer.sent == RECORDS
    assert feed.failed_slices == 2


def test_a_feed_that_cannot_send_says_so_in_the_end(clock: Clock) -> None:
    producer: Any = Producer(set(range(10_000)))
    feed = Feed(producer, RECORDS, rate=8).start()

    with pytest.raises(Unavailable, match="gone"):
        feed.finish()


def test_a_feed_swells_when_it_is_told_to_and_sends_everything_once(clock: Clock) -> None:
    producer: Any = Producer(set())
    feed = Feed(producer, RECORDS[:8], rate=2, surge=RECORDS[8:]).start()
    feed.swell()
    feed.finish()

    assert sorted(producer.sent) == sorted(RECORDS)


def test_a_surge_that_nobody_asked_for_comes_in_the_end(clock: Clock) -> None:
    producer: Any = Producer(set())
    feed = Feed(producer, RECORDS[:8], rate=2, surge=RECORDS[8:]).start()
    feed.finish()

    assert producer.sent == RECORDS


def test_while_a_feed_is_paused_nothing_is_sent_and_the_rest_comes_changed(clock: Clock) -> None:
    producer: Any = Producer(set())
    feed = Feed(producer, RECORDS[:4], rate=2, surge=RECORDS[4:])
    with feed.paused(lambda record: (b"late", record[1])):
        feed.start()
        assert producer.sent == []
    feed.finish()

    assert producer.sent == [(b"late", value) for _, value in RECORDS]


def test_a_pause_waits_for_what_is_under_way(clock: Clock) -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Slow(Producer):
        def paced(self, name: str, records: list[KeyValue], rate: float) -> None:
            begun.set()
            go_on.wait()
            super().paced(name, records, rate)

    producer: Any = Slow(set())
    feed = Feed(producer, RECORDS, rate=2 * len(RECORDS)).start()
    begun.wait()
    threading.Timer(0, go_on.set).start()
    with feed.paused():
        assert producer.sent == RECORDS
    feed.finish()
