"""The demo as a newcomer runs it, in a small size."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stream.encoder import manifest
from tests.conftest import CACHE

pytestmark = pytest.mark.integration

PROMISED = {
    "events_in", "applied", "already_applied", "skipped", "dead_letters", "users", "lists",
    "segment_changes", "events_per_s", "user_updates_per_s", "latency_ms", "hit_rate_at_10",
    "popularity_hit_rate_at_10", "seconds_to_first_list", "encoder", "segment_changes_by_cause",
    "segments", "moves",
}  # fmt: skip


def test_the_demo_ends_well_and_its_summary_adds_up(tmp_path: Path, model_dir: Path) -> None:
    """`demo` itself fails where events are missing or a touched user has no list."""
    argv = ["demo", "--events", "1500", "--live", "300", "--rate", "150", "--json", "demo.json"]
    ran = subprocess.run(
        [sys.executable, "-m", "stream.cli", *argv],
        cwd=tmp_path,
        env={**os.environ, "INTERESTREAM_CACHE_DIR": str(CACHE), "PYTHONPATH": str(CACHE.parent)},
        capture_output=True,
        text=True,
        timeout=110,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    facts = json.loads((tmp_path / "demo.json").read_text())
    assert facts.keys() >= PROMISED
    fates = facts["applied"] + facts["already_applied"]
    fates += sum(facts["skipped"].values()) + sum(facts["dead_letters"].values())
    assert facts["events_in"] == fates
    assert facts["already_applied"] == 10
    assert sum(facts["dead_letters"].values()) == 12
    assert facts["segment_changes"] == sum(facts["segment_changes_by_cause"].values())
    assert facts["encoder"] == manifest.read(model_dir).hash
    assert "because you liked" in ran.stdout
    for segment in facts["segments"]["segments"]:
        assert f"{segment['id']}  {segment['label']}" in ran.stdout
