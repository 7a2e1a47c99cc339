"""What became of the records of a delivery; counted when the delivery is acknowledged."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from stream.core.fold import Folded, Outcome
from stream.wire.reasons import Note, Reason


@dataclass
class Results:
    """Counts and durations. `events` = applied + already_applied + skipped + dead letters.

    skipped, dead_letters  by reason code
    notes                  by name: things worth counting that changed no fate
    latencies_s            arrival to confirmed publication, one a list
    stages_s               per step and stage, seconds
    """

    events: int = 0
    applied: int = 0
    already_applied: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    lists: int = 0
    segment_changes: int = 0
    user_updates: int = 0
    conflicts: int = 0
    latencies_s: list[float] = field(default_factory=list)
    stages_s: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure what happens inside as one run of stage `name`."""
        started = time.perf_counter()
        yield
        self.stages_s.append((name, time.perf_counter() - started))

    def user(self, folded: Folded, *, changes: int, waited_s: float) -> None:
        """Count what became of one user's events; `waited_s` from arrival to publication."""
        outcomes = folded.outcomes
        self.applied += outcomes.count(Outcome.APPLIED)
        self.already_applied += outcomes.count(Outcome.REDELIVERED)
        self.already_applied += outcomes.count(Outcome.REPEATED)
        self.skipped[Reason.FORGOTTEN] += outcomes.count(Outcome.FORGOTTEN)
        self.notes[Note.UNHEARD] += folded.unheard
        self.user_updates += folded.changed
        self.segment_changes += changes
        if folded.publishes:
            self.lists += 1
            self.latencies_s.append(max(waited_s, 0.0))

    def add(self, other: Results) -> None:
        """Take over what another one counted."""
        self.events += other.events
        self.applied += other.applied
        self.already_applied += other.already_applied
        self.skipped += other.skipped
        self.dead_letters += other.dead_letters
        self.notes += other.notes
        self.lists += other.lists
        self.segment_changes += other.segment_changes
        self.user_updates += other.user_updates
        self.conflicts += other.conflicts
        self.latencies_s += other.latencies_s
        self.stages_s += other.stages_s
