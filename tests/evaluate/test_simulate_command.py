"""`interestream simulate` from arguments to files."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from stream.cli import app
from stream.commands import lines
from stream.commands import simulate as command
from stream.errors import Misconfigured
from stream.evaluate.simulate import Plan, read
from stream.evaluate.simulation.files import EVENTS, ITEMS, NAMES, TRUTH, WITHDRAWN
from stream.evaluate.simulation.plan import as_settings
from stream.settings import load

FEW = ("--users", "12", "--items", "40", "--days", "4")


def run(out: Path, *more: str) -> Result:
    return CliRunner().invoke(app, ["simulate", *FEW, "--out", str(out), *more])


def refused(result: Result) -> str:
    assert isinstance(result.exception, Misconfigured)
    return str(result.exception)


def test_the_files_are_written_and_told_of(tmp_path: Path) -> None:
    done = run(tmp_path / "new" / "world", "--bots", "0.2", "--drifting", "0.5")

    assert done.exit_code == 0, done.output
    truth = read(tmp_path / "new" / "world" / TRUTH)
    drifting = sum(map(bool, truth.drifts.values()))
    assert truth.bots
    assert f"12 users: 6 groups, {drifting} drift, {len(truth.bots)} are bots" in done.output
    assert {path.name for path in (tmp_path / "new" / "world").iterdir()} == {*NAMES}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (ITEMS, lines.Kind.ITEMS),
        (WITHDRAWN, lines.Kind.ITEMS),
        (EVENTS, lines.Kind.EVENTS),
    ],
)
def test_produce_would_send_every_line(name: str, kind: lines.Kind, tmp_path: Path) -> None:
    assert run(tmp_path, "--ends-now", "--deaths", "0.9").exit_code == 0
    with (tmp_path / name).open("rb") as source:
        found = list(lines.read(source, kind, load()))

    assert found
    assert all(line.key and not line.refused and not line.skipped for line in found)


def test_an_earlier_world_is_kept_unless_told_otherwise(tmp_path: Path) -> None:
    assert run(tmp_path).exit_code == 0
    before = (tmp_path / EVENTS).read_bytes()

    said = refused(run(tmp_path, "--seed", "1"))

    assert "events.jsonl, items.jsonl, truth.json, withdrawn.jsonl already" in said
    assert "--force" in said
    assert (tmp_path / EVENTS).read_bytes() == before

    assert run(tmp_path, "--seed", "1", "--force").exit_code == 0
    assert (tmp_path / EVENTS).read_bytes() != before


def test_a_world_that_was_cut_short_leaves_no_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(tmp_path).exit_code == 0

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("stream.evaluate.simulation.world.World.step", interrupted)
    run(tmp_path, "--force")

    assert not (tmp_path / TRUTH).exists()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert "cannot be written" in refused(run(tmp_path / "file"))
    assert "cannot be written" in refused(run(tmp_path / "file" / "below"))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--quiet", "2"), "--quiet is '2': write the first day and the day after the last"),
        (("--quiet", "3:2"), "quiet span 3:2 does not fit"),
        (("--start", "soon"), "--start is 'soon': write a date or a time"),
        (("--bots", "2"), "bots is 2.0, limit 0 to 1"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_remedy(
    options: tuple[str, str], says: str, tmp_path: Path
) -> None:
    assert says in refused(run(tmp_path, *options))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2025-01-01", 1_735_689_600),
        ("2025-01-01T00:00:00Z", 1_735_689_600),
        ("2025-01-01T00:00", 1_735_689_600),
        ("2025-01-01T02:00:00+02:00", 1_735_689_600),
    ],
)
def test_a_start_without_an_offset_is_utc(text: str, seconds: float) -> None:
    assert command.moment(text) == seconds


def test_what_is_not_given_is_as_in_a_plan(tmp_path: Path) -> None:
    assert run(tmp_path).exit_code == 0

    assert read(tmp_path / TRUTH).plan == {
        **as_settings(Plan(users=12, items=40, days=4)),
        "quiet": [],
    }


def test_every_option_reaches_the_plan(tmp_path: Path) -> None:
    given = {
        "seed": 5,
        "groups": 3,
        "categories": 4,
        "events-per-day": 2.5,
        "drifting": 0.3,
        "bots": 0.2,
        "births": 0.4,
        "deaths": 0.5,
        "bursts": 2,
        "list-size": 7,
        "position-bias": 0.2,
        "concentration": 33.0,
        "vectors": 8,
    }
    options = [word for name, value in given.items() for word in (f"--{name}", str(value))]

    assert run(tmp_path, *options, "--quiet", "1:2", "--start", "2024-02-29").exit_code == 0

    plan = read(tmp_path / TRUTH).plan
    given["dimension"] = given.pop("vectors")
    assert {name.replace("-", "_"): value for name, value in given.items()}.items() <= plan.items()
    assert plan["quiet"] == [[1, 2]]
    assert plan["start"] == command.moment("2024-02-29")
    assert (plan["users"], plan["items"], plan["days"]) == (12, 40, 4)
