"""The worker as an operator sees it: its metrics, read over HTTP."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample


@dataclass(frozen=True, slots=True)
class Counters:
    """What became of the events, by the worker's own account."""

    events: int = 0
    applied: int = 0
    already_applied: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    dead_letters: dict[str, int] = field(default_factory=dict)
    lists: int = 0
    segment_changes: int = 0
    user_updates: int = 0
    conflicts: int = 0
    items: int = 0
    notes: dict[str, int] = field(default_factory=dict)


def read(port: int) -> Counters:
    """The counters of the worker on loopback. Raises OSError where it does not answer."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        samples = [
            sample
            for family in text_string_to_metric_families(answer.read().decode())
            for sample in family.samples
        ]
    topic = {"topic": "events"}

    def table(name: str, label: str, **where: str) -> dict[str, int]:
        found = _matching(samples, name, where)
        return {s.labels[label]: int(s.value) for s in found if s.value}

    def total(name: str, **where: str) -> int:
        return int(sum(sample.value for sample in _matching(samples, name, where)))

    return Counters(
        events=total("records_total", **topic),
        applied=total("results_total", result="applied", **topic),
        already_applied=total("results_total", result="already_applied", **topic),
        skipped=table("skipped_total", "reason"),
        dead_letters=table("dead_letters_total", "reason", **topic),
        lists=total("lists_total"),
        segment_changes=total("segment_changes_total"),
        user_updates=total("user_updates_total"),
        conflicts=total("conflicts_total"),
        items=total("records_total", topic="items"),
        notes=table("notes_total", "what"),
    )


def _matching(samples: Iterable[Sample], name: str, where: Mapping[str, str]) -> list[Sample]:
    full = f"interestream_{name}"
    return [s for s in samples if s.name == full and where.items() <= s.labels.items()]
