"""Every command and every setting is documented, and the pages are current."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from stream import reference
from stream.cli import app
from stream.settings import Settings, default_event_types


@pytest.mark.parametrize("name", reference.pages())
def test_the_committed_pages_are_what_would_be_made(name: str) -> None:
    text = (reference.DOCS / name).read_text(encoding="utf-8")
    assert text == reference.pages()[name], "stale: run python -m stream.reference"


def test_check_tells_stale_from_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reference, "DOCS", tmp_path)

    assert reference.main(["--check"]) == 1
    assert reference.main([]) == 0
    assert reference.main(["--check"]) == 0
    (tmp_path / "cli.md").write_text("old", encoding="utf-8")
    assert reference.main(["--check"]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("cli.md is stale")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_says_what_it_means(name: str) -> None:
    field = Settings.model_fields[name]
    page = reference.settings_page()

    assert field.description
    row = re.search(rf"^\| `INTERESTREAM_{name.upper()}` \| (.+?) \| .* \| (.+) \|$", page, re.M)
    assert row is not None
    assert row[2] == field.description


def test_defaults_and_bounds_are_shown() -> None:
    page = reference.settings_page()

    assert "| `INTERESTREAM_TOPIC_PARTITIONS` | `4` | ≥ 1, ≤ 1024 |" in page
    assert "| `INTERESTREAM_KAFKA_CA_FILE` | unset |" in page
    assert "| `INTERESTREAM_INTEREST_MERGE_COSINE` | `0.42` | ≥ 0, ≤ 1 |" in page
    assert all(f"| `{name}` |" in page for name in default_event_types())


def leaves(command: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    below = getattr(command, "commands", None)
    if below is None:
        return [path]
    return [leaf for name, child in below.items() for leaf in leaves(child, (*path, name))]


COMMANDS = leaves(typer.main.get_command(app))


def test_these_are_the_commands() -> None:
    assert len(COMMANDS) == len({*COMMANDS}) == len(list(reference.commands()))
    assert {("demo",), ("doctor",), ("topics", "list"), ("dead-letters", "replay")} <= {*COMMANDS}


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_is_documented_with_an_example(words: tuple[str, ...]) -> None:
    name = " ".join(["interestream", *words])
    (section,) = re.findall(rf"^## {name}\n(.*?)(?=^## |\Z)", reference.cli_page(), re.M | re.S)
    command = dict(reference.commands())[name]

    assert command.help
    assert command.epilog.startswith("Example: ")
    assert f"```\n{command.epilog.removeprefix('Example: ')}\n```" in section
    for parameter in command.params:
        assert parameter.name == "help" or parameter.help in section, parameter.name
        assert parameter.name == "help" or parameter.help
