"""What became of the segments at each fit, as a record that lasts.

A record is written as `fitted` before its model can come into force, and its outcome is read off
what stands in the store then: whoever stops in between leaves a record that says no more than it
knows, and the next one to look completes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from stream.core.segments import SegmentModel

RECORDS_MAX = 100

# reasons
FIRST, PERIODIC, ASKED = "first", "periodic", "asked"
# outcomes
FITTED = "fitted"  # not known yet
IN_FORCE = "in force"
HELD = "held"  # waits for a person's yes or no
ACCEPTED, REJECTED, REPLACED = "accepted", "rejected", "replaced"  # what became of a held one
LIKE_HELD = "like held"  # dropped: the one that is held already says the same
OVERTAKEN = "overtaken"  # dropped: another model or decision came first
OPEN = frozenset({FITTED, HELD})


@dataclass(frozen=True, slots=True)
class Named:
    """A segment of a record. `size` counts users of the sample."""

    id: str
    label: str
    size: int


@dataclass(frozen=True, slots=True)
class Flow:
    """Users of the sample that go from one segment to another; `before` and `after` differ."""

    before: str
    after: str
    users: int


@dataclass(frozen=True, slots=True)
class Split:
    """One segment whose users are several now; it keeps its id in `after` where it lives on."""

    before: str
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Merge:
    """Several segments whose users are one now."""

    before: tuple[str, ...]
    after: str


@dataclass(frozen=True, slots=True)
class Record:
    """One fit. What compares is against the model in force then, on the sample's users.

    at             wall clock of the claim, seconds
    asked          id of the request that it answers, or ""
    users          of the sample
    moved_share    of the sample's users, in [0, 1]; 0.0 for the first
    adjusted_rand  of the nearest segments before and after; None for the first
    silhouette     by cosine, on a part of the sample; None with one segment
    flow           largest first
    relabelled     ids that were kept and have another label now
    """

    version: int
    at: float
    reason: str
    asked: str = ""
    outcome: str = FITTED
    users: int = 0
    segments: tuple[Named, ...] = ()
    births: tuple[str, ...] = ()
    deaths: tuple[str, ...] = ()
    splits: tuple[Split, ...] = ()
    merges: tuple[Merge, ...] = ()
    relabelled: tuple[str, ...] = ()
    moved_share: float = 0.0
    adjusted_rand: float | None = None
    silhouette: float | None = None
    davies_bouldin: float | None = None
    flow: tuple[Flow, ...] = ()


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model and the record of its fit.

    from_held  share of the users whom the held model groups differently; None where none is held
    """

    model: SegmentModel
    record: Record
    from_held: float | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What is true of segment models in the store; 0: none.

    claimed          the newest version that somebody took for a model to come
    held             waits for a decision
    decided, as_what the held one that was decided last, and how
    """

    version: int = 0
    previous: int = 0
    claimed: int = 0
    held: int = 0
    decided: int = 0
    as_what: str = ""


def named(record: Record, model: SegmentModel, before: SegmentModel | None) -> Record:
    """With the labels that the model's segments have got since."""
    earlier = {} if before is None else {s.id: s.label for s in before.segments}
    return replace(
        record,
        segments=tuple(Named(s.id, s.label, s.size) for s in model.segments),
        relabelled=tuple(s.id for s in model.segments if earlier.get(s.id, s.label) != s.label),
    )


def added(records: Sequence[Record], record: Record) -> tuple[Record, ...]:
    """With one more, in the order of versions; the same version again takes its place."""
    others = [one for one in records if one.version != record.version]
    ordered = sorted([*others, record], key=lambda one: one.version)
    return tuple(ordered[-RECORDS_MAX:])


def settled(records: Iterable[Record], now: Standing) -> tuple[Record, ...]:
    """With the outcomes that follow from what stands; what is not open any more stays."""
    return tuple(replace(one, outcome=_outcome(one, now)) for one in records)


def _outcome(record: Record, now: Standing) -> str:
    if record.outcome not in OPEN:
        return record.outcome
    if record.version == now.decided:
        return now.as_what
    if record.version == now.held:
        return HELD
    if record.version in (now.version, now.previous):
        return IN_FORCE
    if record.outcome == HELD:  # decided, and so was another one since
        return REPLACED
    return OVERTAKEN if record.version < now.claimed else FITTED
