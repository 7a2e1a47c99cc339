"""Foreign text and numbers as a terminal may show them: one line, nothing that steers it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400


def plain(text: str, width: int | None = None) -> str:
    """The text with everything unprintable as `�`, cut to `width` characters with an ellipsis."""
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return clean if width is None or len(clean) <= width else f"{clean[: width - 1]}…"


def moment(at: float) -> str:
    """UTC to the second, e.g. `2025-01-31 08:00:00`; `at` in seconds since the epoch."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def age(seconds: float) -> str:
    """Rounded to one unit, e.g. `5 s`, `3 min`, `2 h`, `4 d`; "in 5 s" for what is ahead."""
    if seconds < 0:
        return f"in {age(-seconds)}"
    for unit, length in (("d", DAY_S), ("h", HOUR_S), ("min", MINUTE_S)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def columns(rows: Iterable[Iterable[str]], indent: int = 2) -> list[str]:
    """Lines with the cells of `rows` aligned to the left; the last column runs free."""
    table = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    widths[-1:] = [0]
    return [
        " " * indent
        + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    ]
