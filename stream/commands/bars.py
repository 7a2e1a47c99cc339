"""How far a copy is: bars where a person is watching, else a line for each table and pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from stream.reembed.copying import Tells

Say = Callable[[str], object]


COPIED = ("items", "neighbours", "users")


@contextmanager
def shown(say: Say, parts: Sequence[str] = COPIED, verb: str = "copy") -> Iterator[Tells]:
    """Where the passes of a copy, or of something like it, tell how far they are."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines(say, verb)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}"))
    with Progress(*columns, Speed(), TimeRemainingColumn(), console=console) as bars:
        yield Bars(bars, parts)


class Speed(ProgressColumn):
    """Rows a second; of items: texts a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.0f}/s" if task.speed else "")


class Bars:
    """A bar for each table, begun anew with each pass."""

    def __init__(self, bars: Progress, parts: Sequence[str] = COPIED) -> None:
        self._bars = bars
        self._tasks = {part: bars.add_task(part, total=None) for part in parts}

    def begins(self, what: str, total: int) -> None:
        self._bars.reset(self._tasks[what], total=total)

    def advances(self, what: str, by: int) -> None:
        self._bars.advance(self._tasks[what], by)


class Lines:
    """A line for each table that has something to copy, for a log."""

    def __init__(self, say: Say, verb: str = "copy") -> None:
        self._say = say
        self._verb = verb

    def begins(self, what: str, total: int) -> None:
        if total:
            self._say(f"{what}: {total} to {self._verb}")

    def advances(self, what: str, by: int) -> None:
        """A log has no bars."""
