"""What holds for every command."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stream import cli
from stream.errors import Unavailable

STREAM = Path(cli.__file__).parent
DECLARING = [STREAM / "cli.py", *sorted((STREAM / "commands").glob("*_cli.py"))]
LIGHT = {"typer", "stream.errors", "stream.settings", "stream.commands", "stream.commands.terminal"}


def test_the_version_is_shown() -> None:
    shown = CliRunner().invoke(cli.app, ["--version"])

    assert shown.exit_code == 0
    assert shown.output.startswith("interestream 0.")


def test_a_file_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    refused = CliRunner().invoke(cli.app, ["demo", "--json", str(tmp_path / "no" / "f.json")])

    assert refused.exit_code == 2
    assert "cannot be written" in refused.output


@pytest.mark.parametrize("part", ["kafka", "qdrant", "encoder"])
def test_what_is_away_comes_with_a_remedy(
    part: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away() -> None:
        raise Unavailable(part, "refused")

    monkeypatch.setattr(cli, "app", away)
    with pytest.raises(SystemExit) as end:
        cli.main()

    assert end.value.code == 1
    said = capsys.readouterr().err
    assert f"{part}: refused" in said
    assert cli.REMEDIES[part] in said


def test_a_reason_that_does_not_exist_is_not_all_clear(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["interestream", "dead-letters", "list", "--reason", "futur"])
    with pytest.raises(SystemExit) as end:
        cli.main()

    assert end.value.code == 2
    assert "in_future" in capsys.readouterr().err


@pytest.mark.parametrize("path", DECLARING, ids=lambda path: path.name)
def test_what_takes_time_to_import_waits_until_the_command_runs(path: Path) -> None:
    """Else `--help` takes seconds."""
    declaring = {f"stream.commands.{each.stem}" for each in DECLARING}

    assert set(_imported(path)) - sys.stdlib_module_names <= LIGHT | declaring


def _imported(path: Path) -> Iterator[str]:
    """Modules that the file imports at once."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            name = node.module or ""
            yield name if name.startswith("stream") else name.partition(".")[0]
