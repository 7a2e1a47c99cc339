"""Where the group goes on: nothing that the snapshot lacks is passed over, and what is missing is
told."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stream.backup.manifest import Positions, Topic
from stream.backup.positions import INPUTS, Bounds, Decision, TopicNow, decide, words

CLUSTER = "c1"


def then(**offsets: dict[int, int]) -> Positions:
    topics = tuple(Topic(name, f"id-{name}", 2, offsets.get(name, {0: 0, 1: 0})) for name in INPUTS)
    return Positions(CLUSTER, "group", topics)


def now(made_again: tuple[str, ...] = (), **bounds: dict[int, Bounds]) -> list[TopicNow]:
    empty = {0: Bounds(0, 0), 1: Bounds(0, 0)}
    return [
        TopicNow(name, "another" if name in made_again else f"id-{name}", bounds.get(name, empty))
        for name in INPUTS
    ]


def decided(
    before: Positions, after: list[TopicNow], cluster: str = CLUSTER
) -> dict[str, Decision]:
    return {one.name: one for one in decide(before, cluster, after)}


def told(decision: Decision) -> str:
    return "\n".join(words(decision, f"ns.{decision.name}"))


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_every_record_that_came_after_the_snapshot_is_read_or_said_to_be_missing(
    offset: int, start: int, length: int
) -> None:
    end = start + length
    found = decided(then(events={0: offset}), now(events={0: Bounds(start, end)}))["events"]
    came_after = set(range(offset, max(end, offset)))
    read = set(range(found.offsets[0], end))

    assert read == came_after & set(range(start, end))
    assert found.again == len(read)
    assert found.missing.get(0, 0) == len(range(offset, start))
    assert found.beyond.get(0, 0) == max(offset - end, 0)
    assert start <= found.offsets[0] <= end


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_another_topic_is_read_from_its_start(offset: int, start: int, length: int) -> None:
    after = now(("events",), events={0: Bounds(start, start + length)})
    found = decided(then(events={0: offset}), after)["events"]

    assert found.offsets == {0: start}
    assert (found.same, found.missing, found.beyond) == (False, {}, {})
    assert "count twice" in told(found)


def test_the_same_name_on_another_cluster_is_another_topic() -> None:
    found = decided(then(events={0: 5}), now(events={0: Bounds(0, 9)}), cluster="c2")

    assert found["events"].offsets == {0: 0}


def test_a_partition_that_was_added_since_is_read_from_its_first_record() -> None:
    found = decided(then(events={0: 5}), now(events={0: Bounds(0, 9), 1: Bounds(2, 9)}))["events"]

    assert found.offsets == {0: 5, 1: 2}
    assert found.missing == {1: 2}


def test_signals_are_passed_over_where_the_events_that_sent_them_come_again() -> None:
    before = then(events={0: 5}, signals={0: 3})
    after = now(events={0: Bounds(0, 6)}, signals={0: Bounds(0, 9)})

    assert decided(before, after)["signals"].offsets == {0: 9}
    assert "passed over" in told(decided(before, after)["signals"])


def test_signals_are_read_where_no_event_comes_again() -> None:
    before = then(events={0: 6}, signals={0: 3})
    after = now(events={0: Bounds(0, 6)}, signals={0: Bounds(0, 9)})

    assert decided(before, after)["signals"].offsets == {0: 3}


def test_a_topic_that_is_missing_is_left_to_the_workers() -> None:
    found = decided(then(), [TopicNow(name, "") for name in INPUTS])

    assert all(one.offsets == {} and "no such topic" in told(one) for one in found.values())


def test_what_retention_has_removed_is_told_by_partition_and_so_are_users_who_come_back() -> None:
    found = decided(
        then(events={0: 5, 1: 7}, items={0: 1}),
        now(events={0: Bounds(8, 9), 1: Bounds(7, 9)}, items={0: Bounds(2, 3)}),
    )

    assert "3 records behind the snapshot are gone" in told(found["events"])
    assert "partition 0: 3" in told(found["events"])
    assert "forgotten" in told(found["events"])
    assert "forgotten" not in told(found["items"])


def test_a_topic_that_has_lost_its_end_is_told() -> None:
    found = decided(then(events={0: 9}), now(events={0: Bounds(0, 4)}))["events"]

    assert found.offsets == {0: 4}
    assert "lost records" in told(found)
