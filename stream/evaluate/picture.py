"""The curves over time as a PNG, drawn by matplotlib where it is installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stream.errors import Misconfigured


def save(curves: Mapping[str, Sequence[float]], result: Mapping[str, Any], path: Path) -> None:
    """Draw NDCG over time. Raises Misconfigured without matplotlib."""
    figure_class = drawing()
    figure = figure_class(figsize=(9, 4), layout="constrained")
    axes = figure.subplots()
    for number, (name, line) in enumerate(curves.items()):
        axes.plot(line, label=name, linewidth=2.2 if number == 0 else 1.1)
    axes.set_title(f"{result['data']}, {result['protocol']}")
    axes.set_xlabel("parts of the ranked events, in time order")
    axes.set_ylabel(f"NDCG@{result['list_size']}")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=8, ncols=2)
    figure.savefig(path, dpi=130)


def drawing() -> Any:
    """matplotlib's Figure. Raises Misconfigured where it is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError as missing:
        raise Misconfigured(
            "a PNG needs matplotlib, which is not here: pip install matplotlib, or write the "
            "report as .html"
        ) from missing
    return Figure
