"""How far a snapshot or a restore is: a bar for each file on a terminal, else a line for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from stream.reembed.copying import Tells

Say = Callable[[str], object]


@contextmanager
def shown(say: Say) -> Iterator[Tells]:
    """Where the parts tell how far they are; bars go to stderr."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines(say)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
    with Progress(*columns, TimeRemainingColumn(), console=console) as bars:
        yield Bars(bars)


class Bars:
    """A bar for each part, of points or of bytes, whichever its total counts."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def begins(self, what: str, total: int) -> None:
        self._tasks[what] = self._bars.add_task(what, total=total)

    def advances(self, what: str, by: int) -> None:
        self._bars.advance(self._tasks[what], by)


class Lines:
    """A line for each part, for a log."""

    def __init__(self, say: Say) -> None:
        self._say = say

    def begins(self, what: str, total: int) -> None:
        self._say(f"{what} …")

    def advances(self, what: str, by: int) -> None:
        """A log has no bars."""
