"""A round's load, and one round for real."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stream.core.tuning import EVENT_IDS_MAX
from tests.faults import run
from tests.faults.share import Share


def test_rounds_share_no_event_id() -> None:
    def ids(number: int) -> set[str]:
        plan = Share(number, users=20, events=100, now=1e9, seed=1)
        texts = [one.value or b"" for one in plan.events if one.fate == ""]
        return {found for text in texts if (found := json.loads(text).get("event_id"))}

    assert ids(0)
    assert not ids(0) & ids(1)


def test_somebody_has_more_events_than_a_profile_keeps_ids_of() -> None:
    plan = Share(2, users=42, events=600, now=1e9, seed=1)
    his = [one for one in plan.events if one.key == b"regular-2"]

    assert len(his) * 0.8 > EVENT_IDS_MAX, "most of them come before the fault"
    assert all(json.loads(one.value or b"")["user_id"] == "regular-2" for one in his)
    assert all(plan.fate(one.value) == one.fate for one in plan.events)


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
