"""What commands share on the way in and out: options, lines, complaints."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer


def writable(path: Path | None) -> Path | None:
    """Refuse a file that cannot be written now, not at the end of a long run."""
    if path is not None and not os.access(path if path.exists() else path.parent, os.W_OK):
        raise typer.BadParameter(f"{path} cannot be written: choose a file in a folder of yours")
    return path


JsonFile = Annotated[
    Path | None,
    typer.Option("--json", help="write the summary here as JSON", callback=writable),
]
AsJson = Annotated[bool, typer.Option("--json", help="as JSON, for programs")]


def put(lines: Iterable[str]) -> None:
    """Print them, one under the other."""
    for line in lines:
        typer.echo(line)


def complain(line: str) -> None:
    """Print it where answers do not go: on stderr."""
    typer.echo(line, err=True)
