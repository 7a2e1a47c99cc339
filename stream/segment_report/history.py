"""The records of fits as a story: what became of which segment, and how sizes went.

Pure, and light: nothing of scikit-learn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from stream.commands.shown import plain
from stream.core.segment_history import ACCEPTED, HELD, IN_FORCE, Record

NAME_CHARS = 40
#: Share of the users who move at a fit that is worth a picture.
MANY = 0.01
FORCED = frozenset({IN_FORCE, ACCEPTED})

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that became of segments; `text` is for people, `segments` are the ids in it."""

    segments: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """What a fit did, or would have done where its model did not come into force.

    labels  by id, of the segments before and after
    """

    record: Record
    happenings: tuple[Happening, ...]
    labels: Labels


def in_force(fits: Iterable[Record]) -> tuple[Record, ...]:
    """Those whose model came into force."""
    return tuple(one for one in fits if one.outcome in FORCED)


def chapters(fits: Iterable[Record]) -> tuple[Chapter, ...]:
    """One for each fit, in their order, which is the oldest first."""
    found, before = [], dict[str, str]()
    for record in fits:
        after = before | {one.id: one.label for one in record.segments}
        happenings = tuple(_happenings(record, before, after))
        found.append(Chapter(record, happenings, after))
        if record.outcome in FORCED:
            before = after
    return tuple(found)


def about(segment_id: str, story: Iterable[Chapter]) -> tuple[Chapter, ...]:
    """What became of one segment; of models that are or were in force, or wait for a decision."""
    told = []
    for one in story:
        own = tuple(h for h in one.happenings if segment_id in h.segments)
        if own and one.record.outcome in FORCED | {HELD}:
            told.append(Chapter(one.record, own, one.labels))
    return tuple(told)


def since(segment_id: str, fits: Iterable[Record]) -> tuple[Record, bool] | None:
    """The first fit that had it in force, and whether that is its birth rather than only as far as
    the records reach back; None where no record has it."""
    for record in in_force(fits):
        if any(one.id == segment_id for one in record.segments):
            return record, segment_id in record.births
    return None


def shares(fits: Sequence[Record], ids: Sequence[str]) -> list[list[float]]:
    """(len(ids) + 1) rows of len(fits) shares of the sample's users: those in each of the ids, then
    those in all other segments. Each fit's add up to 1, or are all 0 where it had no users."""
    rows = []
    for record in fits:
        sizes = {one.id: one.size for one in record.segments}
        total = max(sum(sizes.values()), 1)
        own = [sizes.get(name, 0) for name in ids]
        rows.append([size / total for size in (*own, sum(sizes.values()) - sum(own))])
    return [list(row) for row in zip(*rows, strict=True)] if rows else [[] for _ in (*ids, "")]


def name(segment_id: str, labels: Labels) -> str:
    """Label and id on one line; the id alone where it has no label."""
    label = plain(labels.get(segment_id, ""), NAME_CHARS)
    return f"{label} ({plain(segment_id)})" if label else plain(segment_id)


def moving(story: Iterable[Chapter]) -> list[Chapter]:
    """Those that moved more than a few users, or will if a person says yes; where none did, those
    that moved anybody."""
    standing = FORCED | {HELD}
    found = [one for one in story if one.record.flow and one.record.outcome in standing]
    return [one for one in found if one.record.moved_share >= MANY] or found


def counted(count: int, what: str) -> str:
    """`1 fit`, `2 fits`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _happenings(record: Record, before: Labels, after: Labels) -> Iterator[Happening]:
    if record.adjusted_rand is None:
        if record.births:
            yield Happening(record.births, f"the first {len(record.births)} segments")
        return
    told = set[str]()
    for split in record.splits:
        told |= {split.before, *split.after}
        text = f"{name(split.before, before)} split into {_listed(split.after, after)}"
        yield Happening((split.before, *split.after), text)
    for merge in record.merges:
        told |= {*merge.before, merge.after}
        text = f"{_listed(merge.before, before)} merged into {name(merge.after, after)}"
        yield Happening((*merge.before, merge.after), text)
    for born in record.births:
        if born not in told:
            yield Happening((born,), f"{name(born, after)} is new")
    for gone in record.deaths:
        if gone not in told:
            yield Happening((gone,), f"{name(gone, before)} is gone")
    for renamed in record.relabelled:
        old, new = (plain(names.get(renamed, ""), NAME_CHARS) or "-" for names in (before, after))
        yield Happening((renamed,), f"{plain(renamed)} is called “{new}” now, it was “{old}”")


def _listed(ids: Sequence[str], labels: Labels) -> str:
    names = [name(each, labels) for each in ids]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
