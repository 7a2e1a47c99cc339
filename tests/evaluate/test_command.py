"""`interestream evaluate` from arguments to files, on an encoder without a model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from stream.cli import app
from stream.encoder.fake import FakeEncoder
from stream.errors import Misconfigured
from tests.evaluate.parts import START, dataset
from tests.evaluate.planted import fake_encoder, planted_file
from tests.sequence.parts import ITEMS as LEARNED
from tests.sequence.parts import model_folder

Run = Callable[..., Result]


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> FakeEncoder:
    return fake_encoder(monkeypatch)


@pytest.fixture
def run(encoder: FakeEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command on the planted world as JSON lines."""
    data = planted_file(tmp_path, monkeypatch)

    def invoked(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["evaluate", str(data), *arguments])

    return invoked


def test_figures_go_to_the_screen_and_to_files(run: Run, tmp_path: Path) -> None:
    out, page = tmp_path / "out.json", tmp_path / "page.html"

    done = run("--first", "60", "--every", "4", "--json", str(out), "--report", str(page))

    assert done.exit_code == 0, done.output
    assert "50 events ranked, 260 learned" in done.output
    found = json.loads(out.read_text())
    assert found["data"] == "planted"
    assert found["settings"]["every"] == 4
    assert found["ablation"] == {}
    assert page.read_text().startswith("<!doctype html>")


def test_items_are_encoded_once_for_all_runs(run: Run, encoder: FakeEncoder) -> None:
    assert run("--first", "200").exit_code == 0
    texts = len(encoder.seen)
    assert run("--first", "200").exit_code == 0

    assert len(encoder.seen) == texts == len(dataset().items)


@pytest.mark.parametrize(
    ("arguments", "protocol", "events"),
    [
        (("--protocol", "leave-one-out"), "leave-one-out", 16),
        (("--protocol", "time-split", "--split", "0.9", "--every", "2"), "time-split", 13),
        (
            ("--protocol", "time-split", "--split", "0.9", "--every", "1", "--frozen"),
            "time-split, frozen",
            26,
        ),
    ],
)
def test_other_protocols(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], protocol: str, events: int
) -> None:
    out = tmp_path / "out.json"

    assert run(*arguments, "--json", str(out)).exit_code == 0

    found = json.loads(out.read_text())
    assert (found["protocol"], found["events"]) == (protocol, events)


def test_an_ablation_says_what_each_part_is_worth(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.json"

    done = run("--first", "230", "--every", "3", "--ablate", "--json", str(out))

    assert done.exit_code == 0, done.output
    assert "what each part is worth" in done.output
    assert {"neighbours", "hotness", "interest"} <= json.loads(out.read_text())["ablation"].keys()


def test_nothing_to_rank_is_told_with_the_remedy(run: Run) -> None:
    refused = run("--first", "5000")

    assert refused.exit_code != 0
    assert "lower --first (5,000)" in str(refused.exception)


def test_the_ablation_says_what_a_sequence_model_is_worth(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERESTREAM_SEQUENCE_PART", "0.5")
    folder = model_folder(
        tmp_path / "model", [f"i{n}" for n in range(LEARNED)], trained_until=START
    )
    out = tmp_path / "out.json"

    done = run("--first", "60", "--ablate", "--sequence", str(folder), "--json", str(out))

    assert done.exit_code == 0, done.output
    found = json.loads(out.read_text())
    assert found["ablation"]["sequence"]["ndcg@10"]["difference"] != 0
    assert found["settings"]["sequence_part"] == 0.5
    assert found["settings"]["sequence"] == ["model"]


def test_a_sequence_model_without_a_weight_is_refused(run: Run, tmp_path: Path) -> None:
    done = run("--first", "60", "--sequence", str(model_folder(tmp_path / "model")))

    assert isinstance(done.exception, Misconfigured)
    assert "INTERESTREAM_SEQUENCE_PART is 0" in str(done.exception)
