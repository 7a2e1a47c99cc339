"""docs/cli.md and docs/settings.md, made from the commands and the settings themselves.

python -m stream.reference           write both
python -m stream.reference --check   exit 1 if one is stale
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from stream.cli import app
from stream.settings import EventType, Settings, default_event_types

DOCS = Path(__file__).parents[1] / "docs"
MADE = "<!-- Made by `python -m stream.reference`: do not edit. -->"
BOUNDS = {"ge": "≥ {}", "gt": "> {}", "le": "≤ {}", "lt": "< {}"}


def pages() -> dict[str, str]:
    """Text by file name."""
    return {"cli.md": cli_page(), "settings.md": settings_page()}


# --- settings


def settings_page() -> str:
    """Every setting with its default, what it may be, and what it means."""
    rows = [_setting_row(name, field) for name, field in Settings.model_fields.items()]
    head = ("variable", "default", "allowed", "meaning")
    kinds = default_event_types().items()
    types = [(f"`{name}`", *_cells(kind)) for name, kind in kinds]
    return "\n".join(
        [
            MADE,
            "# Settings",
            "",
            "Variables of the environment, read once at start and validated together. Names end "
            "in their unit: `_s` seconds, `_ms` milliseconds, `_bytes`, `_days`, `_port`. Tables "
            "and sets are JSON. `interestream doctor` shows the values in effect.",
            "",
            *_table(head, rows),
            "",
            "## Event types",
            "",
            "`INTERESTREAM_EVENT_TYPES` replaces this table as a whole: a JSON object of "
            "objects with these fields; what a row leaves out has the value in the first line.",
            "",
            *_table(
                ("type", *EventType.model_fields), [("left out", *_cells(EventType())), *types]
            ),
            "",
        ]
    )


def _setting_row(name: str, field: FieldInfo) -> tuple[str, ...]:
    variable = f"`INTERESTREAM_{name.upper()}`"
    if field.default_factory is not None:
        return variable, "see below", "JSON object", str(field.description)
    return variable, _default(field.default), _allowed(field), str(field.description)


def _default(value: object) -> str:
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, float):
        return f"`{value:.12g}`"
    if isinstance(value, frozenset):
        return f"`{json.dumps(sorted(value))}`"
    return f"`{value}`"


def _allowed(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{each}`" for each in get_args(field.annotation))
    bounds = (
        words.format(f"{getattr(rule, name):.12g}")
        for rule in field.metadata
        for name, words in BOUNDS.items()
        if getattr(rule, name, None) is not None
    )
    if shown := ", ".join(bounds):
        return shown
    if field.annotation is bool:
        return "`true`, `false`"
    return "JSON list" if get_origin(field.annotation) is frozenset else ""


def _cells(kind: EventType) -> tuple[str, ...]:
    values = kind.model_dump().values()
    return tuple("" if v is None else f"{v:g}" if isinstance(v, float) else str(v) for v in values)


# --- commands


def cli_page() -> str:
    """Every command with its arguments, options and an example."""
    lines = [
        MADE,
        "# Command line",
        "",
        "Settings are variables of the environment (see [settings.md](settings.md)). Exit codes: "
        "0 done; 1 something failed or was refused, and the message says what; 2 a setting, an "
        "option or a model does not fit.",
        "",
    ]
    for name, command in commands():
        lines += _command(name, command)
    return "\n".join(lines)


def commands() -> Iterator[tuple[str, Any]]:
    """Every command under its full name, such as `interestream topics create`."""
    yield from _leaves(app.info.name or "", typer.main.get_command(app))


def _leaves(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield name, command
        return
    for part, child in below.items():
        yield from _leaves(f"{name} {part}", child)


def _command(name: str, command: Any) -> list[str]:
    shown = [p for p in command.params if p.name != "help"]
    arguments = [p for p in shown if p.param_type_name == "argument"]
    words = [name, *(_metavar(p) for p in arguments), "[OPTIONS]"]
    lines = [
        f"## {name}",
        "",
        f"`{' '.join(words)}`",
        "",
        re.sub(r"\s+", " ", command.help).strip(),
    ]
    rows = [(_name(p), _parameter_default(p), p.help or "") for p in shown]
    if rows:
        lines += ["", *_table(("parameter", "default", "meaning"), rows)]
    example = str(command.epilog).removeprefix("Example: ")
    return [*lines, "", "```", example, "```", ""]


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{_metavar(parameter)}`"
    value = "" if parameter.is_flag else f" {parameter.name.upper()}"
    return f"`{', '.join(parameter.opts)}{value}`"


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _parameter_default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    default = parameter.default
    return "" if default is None or parameter.is_flag or callable(default) else f"`{default}`"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    lines = [head, tuple("---" for _ in head), *rows]
    return [f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines]


def main(arguments: list[str]) -> int:
    """Writes the pages, or with `--check` says whether they are what would be written."""
    parser = argparse.ArgumentParser(prog="python -m stream.reference")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if stale")
    check, code = parser.parse_args(arguments).check, 0
    for name, text in pages().items():
        path = DOCS / name
        if not check:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            print(f"{name} is stale: run python -m stream.reference", file=sys.stderr)  # noqa: T201  # a command's answer
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
