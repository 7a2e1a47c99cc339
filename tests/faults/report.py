"""The table of all rounds, kept in a file to which later runs add."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.rounds import Round

KEPT = 20  # findings of a fault


@dataclass
class Row:
    """All rounds of one fault on one kind of stack.

    stuck     rounds that did not become quiet again; they are not checked
    first_s   of each round: from the end of the fault to the next acknowledged event
    last_s    ... until everything from before it is acknowledged
    """

    name: str
    on: str
    rounds: int = 0
    events: int = 0
    lost: int = 0
    doubled: int = 0
    unpublished: int = 0
    stuck: int = 0
    first_s: list[float] = field(default_factory=list)
    last_s: list[float] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    def add(self, one: Round) -> None:
        self.rounds += 1
        self.events += one.events
        self.lost += one.tally.lost
        self.doubled += one.tally.doubled
        self.unpublished += one.tally.unpublished
        self.first_s.append(round(one.first_s, 2))
        self.last_s.append(round(one.last_s, 2))
        self.findings = (self.findings + list(one.tally.findings))[:KEPT]

    def add_stuck(self, why: str) -> None:
        self.rounds += 1
        self.stuck += 1
        self.findings = [*self.findings, why][:KEPT]

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.unpublished or self.stuck)

    @property
    def recovery_s(self) -> dict[str, float | None]:
        """Until everything from before the end of the fault is acknowledged."""
        if not self.last_s:
            return {"p50": None, "max": None}
        return {"p50": round(statistics.median(self.last_s), 2), "max": max(self.last_s)}


class Report:
    """Rows by fault and stack; read from `out` where it exists."""

    def __init__(self, out: Path | None = None) -> None:
        self._out = out
        self.rows: dict[tuple[str, str], Row] = {}
        if out is not None and out.exists():
            for told in json.loads(out.read_text())["faults"]:
                told.pop("recovery_s")
                self.rows[told["name"], told["on"]] = Row(**told)

    def row(self, name: str, on: str) -> Row:
        return self.rows.setdefault((name, on), Row(name, on))

    @property
    def rounds(self) -> int:
        return sum(row.rounds for row in self.rows.values())

    @property
    def clean(self) -> bool:
        return all(row.clean for row in self.rows.values())

    def save(self) -> None:
        """Write all of it, at once: a run may be stopped at any time."""
        if self._out is None:
            return
        part = self._out.with_suffix(".part")
        part.write_text(json.dumps({"faults": [_told(r) for r in self.rows.values()]}, indent=1))
        part.replace(self._out)

    def table(self) -> str:
        """For people, and for a page of Markdown.

        Times are from the end of the fault: to the next acknowledged event, and until all that
        was sent before it is acknowledged.
        """
        head = (
            "| fault | on | rounds | events | lost | doubled | unpublished | stuck "
            "| first p50, s | all p50, s | all max, s |\n"
            "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
        )
        return "\n".join([head, *map(_line, self.rows.values())])


def _told(row: Row) -> dict[str, Any]:
    return {**asdict(row), "recovery_s": row.recovery_s}


def _line(row: Row) -> str:
    first = statistics.median(row.first_s) if row.first_s else None
    values = [first, *row.recovery_s.values()]
    times = ["–" if value is None else f"{value:.1f}" for value in values]
    numbers = (row.rounds, row.events, row.lost, row.doubled, row.unpublished, row.stuck)
    return f"| {' | '.join([row.name, row.on, *map(str, numbers), *times])} |"
