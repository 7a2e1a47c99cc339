"""An encoder that is told to be slow takes the multiple of its own time; its rows are the same."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.soak.slowed import slowing


class Clock:
    """Time that passes where somebody works or sleeps."""

    now = 0.0

    def perf_counter(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_run_takes_the_ordered_multiple(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, file = Clock(), tmp_path / "encoder"
    for name in ("perf_counter", "sleep"):
        monkeypatch.setattr(time, name, getattr(clock, name))

    class Session:
        def run(self, ids: str, mask: str) -> str:
            clock.now += 2.0
            return ids + mask

    slowing(Session, file)
    session = Session()
    assert (session.run("a", "b"), clock.now) == ("ab", 2.0)
    file.write_text("10")
    assert (session.run("a", "b"), clock.now) == ("ab", 22.0)
    file.unlink()
    assert (session.run("a", "b"), clock.now) == ("ab", 24.0)
