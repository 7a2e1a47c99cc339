"""The table adds up, is a file after every round, and goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path

from tests.faults.kinds import FAULTS
from tests.faults.page import lines
from tests.faults.report import KEPT, Report
from tests.faults.rounds import Round
from tests.faults.run import missing_rounds
from tests.faults.tally import Tally

CLEAN = Tally()


def found(back_s: float, tally: Tally = CLEAN) -> Round:
    return Round("rain", 100, tally, back_s=back_s, last_s=9.5)


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
    assert report.table().splitlines()[3] == (
        "| rain | kafka | 3 | 300 | 1 | 2 | 3 | 0 | 2.0 | 5.0 | 9.5 |"
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


def test_what_is_missing_is_played_round_by_round() -> None:
    """One of them has had its round: it is not played again before the others have theirs."""
    report = Report()
    report.row(FAULTS[1].name, "kafka").add(found(1.0))
    left = missing_rounds(report, FAULTS[:3], "kafka", 2)

    assert left == [FAULTS[0], FAULTS[2], *FAULTS[:3]]
    assert missing_rounds(report, FAULTS[1:2], "kafka", 1) == []
    assert missing_rounds(report, FAULTS[1:2], "embedded", 1) == [FAULTS[1]]


def test_the_file_says_where_and_with_what_it_was_measured(tmp_path: Path) -> None:
    report = Report(tmp_path / "faults.json")
    report.save()

    told = json.loads((tmp_path / "faults.json").read_text())
    assert {"machine", "versions", "command", "date", "commit", "faults"} <= told.keys()


def test_the_page_adds_up_and_names_what_was_found(tmp_path: Path) -> None:
    report = Report(tmp_path / "faults.json")
    report.row("rain", "kafka").add(found(1.0))
    report.row("rain", "embedded").add(found(2.0, Tally(1, 0, 0, ("user-1: wet",))))
    report.save()
    shown = lines(json.loads((tmp_path / "faults.json").read_text()))

    assert shown[0] == (
        "1 faults, 2 rounds, 200 events: 1 lost, 0 doubled, 0 unpublished, 0 stuck."
    )
    assert shown[4:6] == [
        "| rain | embedded | 1 | 100 | 1 | 0 | 0 | 0 | 2.0 | 2.0 | 9.5 |",
        "| rain | kafka | 1 | 100 | 0 | 0 | 0 | 0 | 1.0 | 1.0 | 9.5 |",
    ]
    assert shown[-1] == "- `rain`: user-1: wet"
