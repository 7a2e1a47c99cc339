"""What a task asks of the outside: the places where it stands still and the scheduler decides."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

Effect = Callable[[], None]


@dataclass(slots=True, eq=False)
class Request:
    """A task waits in it until the scheduler lets it happen, whole or in part, or fail.

    what     for the trace
    part     who may fail to answer: "qdrant", "kafka", or "" for nobody
    effects  what changes outside, one after the other; each by itself is seen at once
    answer   what the task gets once all of them are done
    ready    whether it can be answered yet
    """

    what: str
    part: str = ""
    effects: list[Effect] = field(default_factory=list)
    answer: Callable[[], Any] = lambda: None
    ready: Callable[[], bool] = lambda: True

    def __await__(self) -> Generator[Request, Any, Any]:
        return (yield self)

    def happen(self, first: int | None = None) -> None:
        """All that has not happened yet, or only the `first` effects of it."""
        count = len(self.effects) if first is None else first
        now, self.effects = self.effects[:count], self.effects[count:]
        run(now)


def run(effects: Sequence[Effect]) -> None:
    for effect in effects:
        effect()
