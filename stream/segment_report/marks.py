"""How segments are told apart in pictures: a number, a colour and a shape, the same everywhere.

The colours are those of Okabe and Ito, which the colour-blind can tell apart, its yellow darkened
for white paper; a second shape doubles them. The number and the name stand beside them always.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stream.commands.shown import plain
from stream.segment_report.report import Group

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#a89400")
OTHERS = "#8c8c8c"
#: Segments with a mark of their own; all others share one.
MARKED = 2 * len(COLOURS)
NAME_CHARS = 26


@dataclass(frozen=True, slots=True)
class Mark:
    """number  from 1, the place among the segments; 0: all others"""

    number: int
    name: str
    colour: str
    square: bool = False

    @property
    def text(self) -> str:
        return f"{self.number} {self.name}" if self.number else self.name


def marks(groups: Sequence[Group]) -> list[Mark]:
    """Of the first `MARKED` of them, then one for the others, where there are any."""
    own = [
        Mark(n + 1, short(group.label or group.id), COLOURS[n % len(COLOURS)], n >= len(COLOURS))
        for n, group in enumerate(groups[:MARKED])
    ]
    rest = len(groups) - len(own)
    return [*own, Mark(0, f"{rest} others", OTHERS)] if rest else own


def short(name: str) -> str:
    """On one line, and not long."""
    return plain(name, NAME_CHARS)
