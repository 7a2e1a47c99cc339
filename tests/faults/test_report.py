"""The table adds up, is a file after every round, and goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path

from tests.faults.report import KEPT, Report
from tests.faults.rounds import Round
from tests.faults.tally import Tally

CLEAN = Tally()


def found(last_s: float, tally: Tally = CLEAN) -> Round:
    return Round("rain", 100, tally, first_s=0.5, last_s=last_s)


def test_rounds_add_up() -> None:
    report = Report()
    for one in (found(1.0), found(5.0), found(2.0, Tally(1, 2, 3, ("a", "b")))):
        report.row("rain", "kafka").add(one)
    report.row("rain", "embedded").add(found(9.0))
    row = report.row("rain", "kafka")

    assert (row.rounds, row.events, row.lost, row.doubled, row.unpublished) == (3, 300, 1, 2, 3)
    assert row.recovery_s == {"p50": 2.0, "max": 5.0}
    assert row.findings == ["a", "b"]
    assert (row.clean, report.row("rain", "embedded").clean, report.clean) == (False, True, False)
    assert report.rounds == 4
    assert report.table().splitlines()[2] == (
        "| rain | kafka | 3 | 300 | 1 | 2 | 3 | 0 | 0.5 | 2.0 | 5.0 |"
    )


def test_a_round_that_never_ended_is_counted_and_has_no_time() -> None:
    report = Report()
    report.row("rain", "kafka").add_stuck("AssertionError: not within 120 s")
    row = report.row("rain", "kafka")

    assert (row.rounds, row.stuck, row.clean) == (1, 1, False)
    assert row.recovery_s == {"p50": None, "max": None}
    assert report.table().splitlines()[-1] == "| rain | kafka | 1 | 0 | 0 | 0 | 0 | 1 | – | – | – |"


def test_a_later_run_goes_on_where_the_file_ends(tmp_path: Path) -> None:
    out = tmp_path / "faults.json"
    first = Report(out)
    first.row("rain", "kafka").add(found(1.0))
    first.save()
    second = Report(out)
    second.row("rain", "kafka").add(found(3.0))
    second.row("snow", "kafka").add(found(3.0))
    second.save()

    (rain, snow) = json.loads(out.read_text())["faults"]
    assert (rain["name"], rain["rounds"], rain["events"]) == ("rain", 2, 200)
    assert rain["recovery_s"] == {"p50": 2.0, "max": 3.0}
    assert snow["rounds"] == 1
    assert list(tmp_path.iterdir()) == [out]


def test_a_report_without_a_file_writes_none(tmp_path: Path) -> None:
    Report().save()

    assert list(tmp_path.iterdir()) == []


def test_a_file_of_findings_does_not_grow_without_end() -> None:
    row = Report().row("rain", "kafka")
    for _ in range(KEPT):
        row.add(found(1.0, Tally(2, findings=("a", "b"))))

    assert (row.lost, len(row.findings)) == (2 * KEPT, KEPT)
