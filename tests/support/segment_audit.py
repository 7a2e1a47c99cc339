"""Whether what was told of users' segments is what is stored of them: all of it, and nothing twice.

A record that comes again is the same to the byte: key, value, headers and so its partition; only
its offset and its timestamp are of the sending.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from stream.core.profile import Profile
from stream.core.segments import SegmentModel
from stream.wire.messages import SegmentChange
from tests.support.records import Kept

Chains = Mapping[str, Sequence[SegmentChange]]


@dataclass(frozen=True)
class Found:
    """What there is once nothing moves any more.

    records  of the segments topic, in the order of their offsets
    stored   ids of changes that were seen in an outbox at any time before
    since    user -> the version of the model that the user's segment was of, at an earlier look
    """

    records: Sequence[Kept]
    profiles: Mapping[str, Profile]
    model: SegmentModel | None
    stored: Collection[str] = ()
    since: Mapping[str, int] = field(default_factory=dict)


def check(found: Found) -> None:
    """Raises AssertionError with everything that is wrong."""
    wrong = list(findings(found))
    assert not wrong, f"{len(wrong)} findings:\n" + "\n".join(wrong[:12])


def findings(found: Found) -> Iterator[str]:
    """Everything below, one line for each thing that is wrong."""
    changes = [decoded(one) for one in found.records if one.value is not None]
    yield from altered(found.records)
    yield from twice(chains(changes))
    yield from broken(changes, found.profiles)
    yield from untold(changes, found)
    yield from older(chains(changes), found)
    yield from nowhere(found)


def decoded(record: Kept) -> SegmentChange:
    """Raises msgspec.ValidationError where it is none."""
    return msgspec.json.decode(record.value or b"", type=SegmentChange)


def chains(changes: Iterable[SegmentChange]) -> dict[str, list[SegmentChange]]:
    """User -> the changes in the order of their first arrival, each id once."""
    found: dict[str, dict[str, SegmentChange]] = {}
    for change in changes:
        found.setdefault(change.user_id, {}).setdefault(change.change_id, change)
    return {user: list(chain.values()) for user, chain in found.items()}


def altered(records: Iterable[Kept]) -> Iterator[str]:
    """One id, one content."""
    first: dict[str, Kept] = {}
    for record in records:
        if record.value is None:
            continue
        name = decoded(record).change_id
        known = first.setdefault(name, record)
        for part in ("key", "value", "headers", "partition"):
            was, now = getattr(known, part), getattr(record, part)
            if was != now:
                yield f"{name} came again with another {part}: {now!r}, it was {was!r}"


def twice(told: Chains) -> Iterator[str]:
    """One change, one id."""
    for user, chain in told.items():
        known: dict[tuple[object, ...], str] = {}
        for change in chain:
            step = (change.at, change.from_, change.to, change.model_version)
            name = known.setdefault(step, change.change_id)
            if name != change.change_id:
                yield f"{user}: {step} is told as {name} and as {change.change_id}"


def broken(changes: Iterable[SegmentChange], profiles: Mapping[str, Profile]) -> Iterator[str]:
    """Each user's changes form one unbroken chain that ends where the profile is."""
    told = chains(changes)
    for user in told.keys() - profiles.keys():
        yield f"{user}: has no profile, and changes"
    for user, profile in profiles.items():
        chain = told.get(user, [])
        if unsent := {c.change_id for c in profile.outbox} - {c.change_id for c in chain}:
            yield f"{user}: {unsent} were not sent"
        if profile.forgotten_at is not None:  # a new life begins a new chain
            continue
        here = profile.membership.segment if profile.membership else None
        ends = [None, *(step.to for step in chain)]
        if [step.from_ for step in chain] != ends[:-1] or ends[-1] != here:
            yield f"{user}: {[(s.from_, s.to) for s in chain]} lead to {here}"


def untold(changes: Iterable[SegmentChange], found: Found) -> Iterator[str]:
    """What was stored once was told, also where the outbox has been emptied since."""
    for name in set(found.stored) - {change.change_id for change in changes}:
        yield f"{name} was stored, and never told"


def older(told: Chains, found: Found) -> Iterator[str]:
    """Nobody goes back to a model before."""
    for user, profile in found.profiles.items():
        versions = [change.model_version for change in told.get(user, ())]
        if profile.membership is not None:
            versions.append(profile.membership.model_version)
        if versions != sorted(versions):
            yield f"{user}: models {versions}"
        if versions and versions[-1] < found.since.get(user, 0):
            yield f"{user}: of model {versions[-1]}, was of {found.since[user]} before"


def nowhere(found: Found) -> Iterator[str]:
    """Everybody's segment is one of those in force."""
    there = set() if found.model is None else {segment.id for segment in found.model.segments}
    for user, profile in found.profiles.items():
        if profile.membership is not None and profile.membership.segment not in there:
            yield f"{user}: in {profile.membership.segment}, which is not one of {sorted(there)}"
