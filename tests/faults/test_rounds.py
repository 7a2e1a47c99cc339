"""A round's load, and one round for real."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults import run
from tests.faults.rounds import Share


def test_rounds_share_no_event_id() -> None:
    def ids(number: int) -> set[str]:
        plan = Share(number, users=20, events=100, now=1e9, seed=1)
        texts = [one.value or b"" for one in plan.events if one.fate == ""]
        return {found for text in texts if (found := json.loads(text).get("event_id"))}

    assert ids(0)
    assert not ids(0) & ids(1)


@pytest.mark.integration
@pytest.mark.timeout(300)
def test_a_store_killed_under_load_is_no_loss(
    tmp_path: Path, model_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole way from the command to the file."""
    out = tmp_path / "faults.json"
    code = run.main(["--faults", "qdrant-kill", "--events", "200", "--out", str(out)])

    (row,) = json.loads(out.read_text())["faults"]
    assert row["findings"] == []
    assert (code, row["name"], row["rounds"]) == (0, "qdrant-kill", 1)
    assert row["events"] > 200
    assert row["recovery_s"]["max"] >= row["recovery_s"]["p50"] > 0
    assert "| qdrant-kill | embedded | 1 |" in capsys.readouterr().out
