"""The table of faults as its page of the documentation shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

HEAD = (
    *("fault", "on", "rounds", "events", "lost", "doubled", "unpublished", "stuck"),
    *("back p50, s", "back max, s", "all max, s"),
)
COUNTED = ("rounds", "events", "lost", "doubled", "unpublished", "stuck")


def lines(result: Mapping[str, Any]) -> list[str]:
    """One line for all of it, the rows, and what was found where something was."""
    rows = result["faults"]
    sums = {name: sum(row[name] for row in rows) for name in COUNTED}
    kinds = len({row["name"] for row in rows})
    found = [f"- `{row['name']}`: {one}" for row in rows for one in row["findings"]]
    return [
        f"{kinds} faults, {sums['rounds']:,} rounds, {sums['events']:,} events: "
        f"{sums['lost']} lost, {sums['doubled']} doubled, {sums['unpublished']} unpublished, "
        f"{sums['stuck']} stuck.",
        "",
        *table(rows),
        *(["", *found] if found else []),
    ]


def table(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Markdown, which is fit for a terminal too."""
    marks = ["---", "---", *["--:"] * (len(HEAD) - 2)]
    return [_line(HEAD), _line(marks), *(_line(_cells(row)) for row in rows)]


def _cells(row: Mapping[str, Any]) -> list[str]:
    times = [*row["recovery_s"].values(), max(row["last_s"], default=None)]
    counts = [f"{row[name]:,}" for name in COUNTED]
    return [row["name"], row["on"], *counts, *("–" if t is None else f"{t:.1f}" for t in times)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
