"""The table of all rounds, kept in a file to which later runs add."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.machine import facts
from tests.faults.page import table
from tests.faults.rounds import Round

PACKAGES = ("faust-streaming", "aiokafka", "kafka-python", "qdrant-client", "qdrant-edge-py")
KEPT = 20  # findings of a fault


@dataclass
class Row:
    """All rounds of one fault on one kind of stack.

    stuck     rounds that did not become quiet again; they are not checked
    back_s    of each round: from the end of the fault until every partition goes on
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
    back_s: list[float] = field(default_factory=list)
    last_s: list[float] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    def add(self, one: Round) -> None:
        self.rounds += 1
        self.events += one.events
        self.lost += one.tally.lost
        self.doubled += one.tally.doubled
        self.unpublished += one.tally.unpublished
        self.back_s.append(round(one.back_s, 2))
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
        """Until every partition goes on."""
        if not self.back_s:
            return {"p50": None, "max": None}
        return {"p50": round(statistics.median(self.back_s), 2), "max": max(self.back_s)}


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

    def rounds_of(self, name: str, on: str) -> int:
        row = self.rows.get((name, on))
        return 0 if row is None else row.rounds

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
        told = {**facts("tests.faults.run", PACKAGES), "faults": list(map(_told, self._sorted()))}
        part.write_text(json.dumps(told, indent=1) + "\n")
        part.replace(self._out)

    def _sorted(self) -> list[Row]:
        """By name, so that the file of a stopped run differs from the next only where it grew."""
        return [self.rows[key] for key in sorted(self.rows)]

    def table(self) -> str:
        """Times are from the end of the fault."""
        return "\n".join(table(map(_told, self._sorted())))


def _told(row: Row) -> dict[str, Any]:
    return {**asdict(row), "recovery_s": row.recovery_s}
