"""Segment changes of a run: how many by cause, and some of them in plain words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from stream.commands.segments import LABEL_CHARS
from stream.commands.shown import plain
from stream.core.segment_history import Record
from stream.wire.messages import SegmentChange

FIRST = "first assignment"
#: In this order; the last three are causes as messages name them.
CAUSES = (FIRST, "event", "refit", "sweep")


def cause(change: SegmentChange) -> str:
    """One of CAUSES: who had no segment before was not moved by anything."""
    return FIRST if change.from_ is None else change.cause


def by_cause(changes: Iterable[SegmentChange]) -> dict[str, int]:
    """Changes of each cause, also of those of which there are none."""
    found = Counter(map(cause, changes))
    return {name: found[name] for name in CAUSES}


def out_of_gone(changes: Iterable[SegmentChange], fits: Iterable[Record]) -> set[str]:
    """Ids of the changes of users whose segment is not part of the model that moved them."""
    there = {fit.version: {segment.id for segment in fit.segments} for fit in fits}
    return {
        change.change_id
        for change in changes
        if change.from_ not in (None, *there.get(change.model_version, {change.from_}))
    }


def telling(
    changes: Iterable[SegmentChange], count: int, gone: Collection[str]
) -> list[SegmentChange]:
    """Up to `count` moves from one segment to another: by each cause in turn the one that made the
    largest difference.

    gone  ids of the changes whose margin is over nothing; they come last
    """
    moves = sorted(
        (change for change in changes if change.from_ is not None),
        key=lambda change: (change.change_id in gone, -change.margin, change.change_id),
    )
    turn: Counter[str] = Counter()
    ranked = []
    for move in moves:
        ranked.append((turn[move.cause], CAUSES.index(move.cause), move))
        turn[move.cause] += 1
    return [move for *_, move in sorted(ranked, key=lambda one: one[:2])][:count]


def in_words(
    change: SegmentChange,
    labels: Mapping[str, str],
    events: Mapping[str, str],
    gone: Collection[str] = (),
) -> str:
    """A sentence for people.

    labels  of segments, by id
    events  what an event was, by its id, such as "rated Alien (1979) 5★"
    gone    ids of the changes out of segments that are gone
    """
    before, after = _called(change.from_ or "", labels), _called(change.to, labels)
    if before == after:  # one that is gone may have left its name to another
        before, after = f"{before} ({change.from_})", f"{after} ({change.to})"
    why = {
        "event": events.get(change.event_id or "", "did something"),
        "refit": "did something for the first time since segments were fitted anew",
        "sweep": "segments were fitted anew",
    }[change.cause]
    gain = (
        "out of one that is gone" if change.change_id in gone else f"nearer by {change.margin:.2f}"
    )
    drift = "" if change.drift is None else f", drift {change.drift:.2f} within a week"
    return f"user {change.user_id} went from {before} to {after}: {why} ({gain}{drift})"


def labels_of(changes: Iterable[SegmentChange]) -> dict[str, str]:
    """What each segment that somebody went to was called last."""
    ordered = sorted(changes, key=lambda change: (change.model_version, change.at))
    return {change.to: change.label for change in ordered}


def as_json(change: SegmentChange, words: str) -> dict[str, object]:
    """The same for programs."""
    return {
        "user_id": change.user_id,
        "at": change.at,
        "from": change.from_,
        "to": change.to,
        "cause": change.cause,
        "margin": change.margin,
        "drift": change.drift,
        "in_words": words,
    }


def _called(segment: str, labels: Mapping[str, str]) -> str:
    return plain(labels.get(segment) or segment, LABEL_CHARS)
