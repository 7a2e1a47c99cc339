"""The picture, where matplotlib is; without it a refusal that says what to do."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from stream.errors import Misconfigured
from stream.segment_report.picture import picture
from stream.segment_report.report import Report, report
from tests.segment_report.world import START, fits, planted, sampled


def test_without_its_package_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(Misconfigured, match="pip install matplotlib"):
        picture(report(sampled(planted(2, 40))), tmp_path / "report.png")


@pytest.mark.parametrize(
    "made",
    [
        lambda: Report(START, None, None, 0, (), ()),
        lambda: report(sampled(planted(1, 40))),
        lambda: report(sampled(planted(3), fits()[:1])),
        lambda: report(sampled(planted(4, 60, labels=r"$\frac{{{} $ <b>"), fits())),
        lambda: report(sampled(planted(20, 200), fits())),
    ],
    ids=["nothing", "one segment", "one fit", "a label that is no formula", "many segments"],
)
def test_it_is_a_png(made: Callable[[], Report], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="pip install matplotlib")
    path = tmp_path / "report.png"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)  # matplotlib's own
        picture(made(), path)

    assert path.read_bytes().startswith(b"\x89PNG")
