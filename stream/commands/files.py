"""A file of lines, and how far into it a command is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from stream.commands.lines import Line
from stream.errors import Misconfigured

STDIN = "-"
STEP_BYTES = 64 << 10

Passing = Callable[[Iterable[Line]], Iterator[Line]]


@contextmanager
def opened(file: str) -> Iterator[BinaryIO]:
    """The file's bytes, or standard input's for `-`. Raises Misconfigured if it cannot be read."""
    if file == STDIN:
        yield sys.stdin.buffer
        return
    with ExitStack() as stack:
        try:
            source = stack.enter_context(Path(file).open("rb"))
        except OSError as error:
            reason = error.strerror
            raise Misconfigured(f"{file} cannot be read ({reason}); - reads stdin") from error
        yield source


@contextmanager
def progress(file: str) -> Iterator[Passing]:
    """Passes lines on and shows a bar, where a person is watching and the end is known."""
    console = Console(stderr=True)
    if file == STDIN or not console.is_terminal:
        yield iter
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task(Path(file).name, total=Path(file).stat().st_size)

        def passing(lines: Iterable[Line]) -> Iterator[Line]:
            done = 0
            for line in lines:
                yield line
                done += line.size
                if done >= STEP_BYTES:
                    bar.advance(task, done)
                    done = 0
            bar.advance(task, done)

        yield passing
