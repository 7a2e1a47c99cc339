"""`interestream tune` from arguments to files, on an encoder without a model."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from stream.cli import app
from stream.commands import tune as command
from stream.commands.tuning import Watched
from stream.core.tuning import Tuning
from stream.evaluate import search as searching
from stream.evaluate import verdict
from stream.evaluate.envfile import render
from stream.evaluate.goal import Goal
from stream.evaluate.recorded import Rankings, Recorder, Window
from stream.evaluate.search import Trial
from stream.settings import load
from tests.evaluate.planted import fake_encoder, planted_file

Run = Callable[..., Result]

SMALL = ("--window", "60:160", "--holdout", "160:260", "--every", "2", "--trials", "5")
#: Popularity alone, so that whatever knows a taste is better.
BLIND = {
    "NEIGHBOURS_PART": "0",
    "INTEREST_PART": "0",
    "SESSION_PART": "0",
    "AVERSION_PART": "0",
    "FRESHNESS_PART": "0",
    "HOTNESS_PART": "0.1",
    "EXPLORATION_PLACES": "0",
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command on the planted world as JSON lines."""
    fake_encoder(monkeypatch)
    data = planted_file(tmp_path, monkeypatch)

    def invoked(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["tune", str(data), *SMALL, *arguments])

    return invoked


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in BLIND.items():
        monkeypatch.setenv(f"INTERESTREAM_{name}", value)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> list[Window]:
    """The windows that were ranked, in order."""
    seen: list[Window] = []
    ranks = Recorder.rankings

    def spied(self: Recorder, tuning: Tuning, window: Window) -> Rankings:
        seen.append(window)
        return ranks(self, tuning, window)

    monkeypatch.setattr(Recorder, "rankings", spied)
    return seen


def in_a_shell(path: Path) -> dict[str, str]:
    """The variables after `set -a; . FILE`."""
    shell = shutil.which("sh")
    assert shell is not None
    script = 'set -eua; . "$1"; env'
    done = subprocess.run(
        [shell, "-c", script, "sh", str(path)], capture_output=True, text=True, check=True, env={}
    )
    pairs = (line.partition("=") for line in done.stdout.splitlines())
    return {name: value for name, _, value in pairs if name.startswith("INTERESTREAM_")}


@pytest.mark.usefixtures("blind")
def test_a_planted_weight_is_found_told_and_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, report = tmp_path / "tuned.env", tmp_path / "trials.json"
    done = run("--only", "neighbours_part", "--force", "--out", str(out), "--json", str(report))

    assert done.exit_code == 0, done.output
    found = json.loads(report.read_text())
    assert found["best"]["figures"]["ndcg@10"] > found["present"]["figures"]["ndcg@10"]
    assert found["verdict"]["against"]["difference"]["value"] > 0
    assert found["changed"]
    assert len(found["trials"]) == 5
    text = out.read_text()
    for told in ("hold-out  events 160 to 260", "5 trials", found["digest"], "before: 0.0"):
        assert told in text
    for name, value in in_a_shell(out).items():
        monkeypatch.setenv(name, value)
    assert load().neighbours_part == found["values"]["neighbours_part"] > 0


@pytest.mark.usefixtures("blind")
def test_the_hold_out_is_not_looked_at_before_the_end(run: Run, windows: list[Window]) -> None:
    assert run("--only", "neighbours_part").exit_code == 0

    assert windows == [Window(60, 160, 2)] * 5 + [Window(160, 260, 2)] * 2


def test_the_present_settings_stay_where_nothing_is_better(
    run: Run, windows: list[Window], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flat = {"ndcg@10": 0.1, "coverage": 0.5, "calibration_kl": 0.0}
    monkeypatch.setattr("stream.evaluate.goal.Goal.figures", lambda *_: flat)
    out = tmp_path / "tuned.env"
    done = run("--only", "hotness_part", "--out", str(out))

    assert "nothing better was found" in done.output
    assert {window.end for window in windows} == {160}
    assert in_a_shell(out) == {"INTERESTREAM_HOTNESS_PART": "0.1"}


@pytest.mark.usefixtures("blind")
@pytest.mark.parametrize(("forced", "stays"), [((), True), (("--force",), False)])
def test_what_the_hold_out_does_not_confirm_is_told_and_written_by_force_alone(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    forced: tuple[str, ...],
    stays: bool,
) -> None:
    says = verdict.verdict

    def doubted(*arguments: Any, **options: Any) -> Any:
        return replace(says(*arguments, **options), confirmed=False)

    monkeypatch.setattr(command, "verdict", doubted)
    out = tmp_path / "tuned.env"
    done = run("--only", "neighbours_part", "--out", str(out), *forced)

    assert "NOT confirmed" in done.output
    assert (float(in_a_shell(out)["INTERESTREAM_NEIGHBOURS_PART"]) == 0) is stays
    assert ("# found: " in out.read_text()) is stays


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--only", "interest_half_life_s"), "MovieLens"),
        (("--only", "diversity"), "--min-coverage"),
        (("--window", "60"), "FIRST:END"),
        (("--holdout", "100:200"), "before --window ends"),
        (("--holdout", "200:900"), "has 260 events"),
        (("--metric", "ndcg@50"), "INTERESTREAM_LIST_SIZE"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_the_work(
    run: Run, windows: list[Window], arguments: tuple[str, ...], why: str
) -> None:
    refused = run(*arguments)

    assert refused.exit_code != 0
    assert why in str(refused.exception)
    assert not windows


def test_without_optuna_the_extra_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "find_spec", lambda _: None)

    assert "pip install 'interestream[tune]'" in str(run().exception)


@pytest.mark.usefixtures("blind")
def test_ctrl_c_ends_the_search_and_still_asks_the_hold_out(
    run: Run, windows: list[Window], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suggested, count = searching._suggested, iter(range(10))

    def stopped(*arguments: Any) -> Any:
        if next(count) == 3:
            raise KeyboardInterrupt
        return suggested(*arguments)

    monkeypatch.setattr(searching, "_suggested", stopped)
    out = tmp_path / "tuned.env"
    done = run("--only", "neighbours_part", "--out", str(out))

    assert done.exit_code == 0, done.output
    assert "ended by Ctrl-C" in out.read_text()
    assert windows[-1] == Window(160, 260, 2)


@pytest.mark.usefixtures("blind")
def test_a_study_goes_on(run: Run, windows: list[Window], tmp_path: Path) -> None:
    study = ("--study", str(tmp_path / "study.db"), "--only", "neighbours_part")
    assert run(*study, "--trials", "2").exit_code == 0
    windows.clear()
    assert run(*study, "--trials", "3").exit_code == 0

    assert windows.count(Window(60, 160, 2)) == 1


def test_a_person_sees_bars_with_the_best_so_far() -> None:
    screen = StringIO()
    console = Console(file=screen, force_terminal=True, width=100)
    trial = Trial(0, {}, {"mrr": 0.123456}, holds=True, seconds=1.0)
    with Watched(console, Goal("mrr", 10), 4) as bars:
        bars.begins(100)
        bars.passed(50)
        bars.tried(trial, trial)
        bars.holds_out(200)

    assert "trials, best mrr 0.1235" in screen.getvalue()
    assert "hold-out" in screen.getvalue()


def test_a_log_has_a_line_for_each_new_best() -> None:
    screen = StringIO()
    first, second, third = (
        Trial(n, {}, {"mrr": value}, holds=True, seconds=1.0)
        for n, value in enumerate((0.1, 0.05, 0.2))
    )
    with Watched(Console(file=screen), Goal("mrr", 10), 3) as bars:
        bars.tried(first, first)
        bars.tried(second, first)
        bars.tried(third, third)

    assert screen.getvalue().splitlines() == [
        "trial 1 of 3: best mrr 0.1000",
        "trial 3 of 3: best mrr 0.2000",
    ]


def test_a_comment_stays_a_comment(tmp_path: Path) -> None:
    """The name of a data file has a line of its own in it: a shell must not run it."""
    out = tmp_path / "tuned.env"
    text = render(
        ["data a\nINTERESTREAM_LIST_SIZE=1"], {"hotness_part": 0.2}, {"hotness_part": 0.2}, ""
    )
    out.write_text(text)

    assert in_a_shell(out) == {"INTERESTREAM_HOTNESS_PART": "0.2"}
