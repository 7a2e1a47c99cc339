"""From which records the group goes on after a restore, and what that means. Pure.

Whatever the snapshot lacks must come again, and what it has is recognised by its marks. So items
and events go back to the snapshot's offsets. Signals have no marks: an event that comes again
sends its own again, so where events come again, the signals that wait are passed over, or each
would count twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from stream.backup.manifest import Positions, Topic

INPUTS = ("events", "items", "signals")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a partition holds now: offsets `start` to `end` - 1."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TopicNow:
    """An input topic as the broker has it; no partitions: there is no such topic."""

    name: str
    topic_id: str
    partitions: Mapping[int, Bounds] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """Where the group goes on in one topic.

    same     it is the topic of the snapshot, not one that was made since
    offsets  partition -> the next offset to read
    again    records that will be read, at most: a compacted topic has gaps
    missing  partition -> records behind the snapshot that the topic has no more
    beyond   partition -> offsets of the snapshot that the topic has not reached, though it is the
             same: it has lost its end
    """

    name: str
    same: bool
    offsets: Mapping[int, int]
    again: int
    missing: Mapping[int, int]
    beyond: Mapping[int, int]
    skips: bool = False


def decide(then: Positions, cluster_id: str, now: Sequence[TopicNow]) -> list[Decision]:
    """For each input topic, in the order of INPUTS."""
    topics = {topic.name: topic for topic in then.topics}
    found = {topic.name: topic for topic in now}
    made = {
        name: _decision(topics[name], found[name], then.cluster_id == cluster_id) for name in INPUTS
    }
    if made["events"].again:
        made["signals"] = _passed(made["signals"], found["signals"])
    return [made[name] for name in INPUTS]


def _decision(then: Topic, now: TopicNow, same_cluster: bool) -> Decision:
    same = same_cluster and then.topic_id == now.topic_id
    offsets, missing, beyond = {}, {}, {}
    for number, bounds in now.partitions.items():
        # a partition that was added since begins at 0
        wanted = then.offsets.get(number, 0) if same else bounds.start
        offsets[number] = min(max(wanted, bounds.start), bounds.end)
        if wanted < bounds.start:
            missing[number] = bounds.start - wanted
        if wanted > bounds.end:
            beyond[number] = wanted - bounds.end
    again = sum(now.partitions[number].end - offset for number, offset in offsets.items())
    return Decision(then.name, same, offsets, again, missing, beyond)


def _passed(signals: Decision, now: TopicNow) -> Decision:
    ends = {number: bounds.end for number, bounds in now.partitions.items()}
    return Decision(signals.name, signals.same, ends, 0, {}, {}, skips=True)


def words(decision: Decision, full_name: str) -> Iterator[str]:
    """What happens with one topic, for a person."""
    if not decision.offsets:
        yield f"{full_name}: there is no such topic; workers make it, and read it from its start"
        return
    if decision.skips:
        yield (
            f"{full_name}: what waits is passed over, because events that come again send their "
            "signals again; those of the moments around the snapshot may be missed"
        )
        return
    if not decision.same:
        yield (
            f"{full_name}: not the topic of the snapshot but one made since, or on another "
            f"cluster: read from its start, up to {decision.again} records; no mark of the "
            "snapshot matches them, so any that repeat what the snapshot holds count twice"
        )
        return
    yield f"{full_name}: back to the snapshot's offsets; up to {decision.again} records come again"
    if decision.missing:
        total = sum(decision.missing.values())
        yield (
            f"{full_name}: {total} records behind the snapshot are gone from the topic "
            f"({_by_partition(decision.missing)}): their effects are missing"
            + (
                ", and users who were forgotten by one of them are back"
                if _events(decision)
                else ""
            )
        )
    if decision.beyond:
        yield (
            f"{full_name}: the topic ends before the snapshot's offsets "
            f"({_by_partition(decision.beyond)}): the broker has lost records, and new ones under "
            "their offsets will be taken for applied"
        )


def _events(decision: Decision) -> bool:
    return decision.name == "events"


def _by_partition(counts: Mapping[int, int]) -> str:
    return ", ".join(f"partition {number}: {count}" for number, count in sorted(counts.items()))
