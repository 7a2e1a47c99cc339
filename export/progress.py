"""What an export tells while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

Advance = Callable[[], None]


class Reports(Protocol):
    """Takes note of one step after the other."""

    def step(self, what: str, total: int = 1) -> Advance:
        """Begin a step of `total` parts; the one before it is over. Call the answer a part."""


class Silent:
    """For programs: says nothing."""

    def step(self, what: str, total: int = 1) -> Advance:
        return lambda: None


class Lines:
    """A line a step, with a bar where it has parts."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._current: TaskID | None = None

    def step(self, what: str, total: int = 1) -> Advance:
        self.finish()
        task = self._current = self._progress.add_task(what, total=total)
        return lambda: self._progress.advance(task)

    def finish(self) -> None:
        """The step at hand is over."""
        if self._current is not None:
            total = self._progress.tasks[self._progress.task_ids.index(self._current)].total
            self._progress.update(self._current, completed=total)


@contextmanager
def shown(console: Console) -> Iterator[Lines]:
    """Steps on the console until the block ends; the last counts as done if it ends well."""
    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        lines = Lines(progress)
        yield lines
        lines.finish()
