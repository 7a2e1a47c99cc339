"""Throughput and padding waste by batch budget, as one picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt  # the backend must be chosen before

COLOURS = ("#1f5fa8", "#d1651a", "#3a8f4d", "#7b4fa3")
DEFAULT_BUDGET = 256


def plot(result: Mapping[str, Any], path: Path) -> None:
    """Write a PNG; lines are medians over the rounds, bands their extremes."""
    style = {"font.size": 11, "axes.spines.top": False, "axes.spines.right": False}
    with plt.rc_context(style):
        figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.9), layout="constrained")
        models = list(dict.fromkeys(point["model"] for point in result["budgets"]))
        for model, colour in zip(models, COLOURS, strict=False):
            points = [point for point in result["budgets"] if point["model"] == model]
            _line(left, points, "texts_per_s", 1, model, colour)
            _line(right, points, "padding_waste", 100, model, colour)
        _axes(left, result, "texts a second", "Throughput")
        _axes(right, result, "padding, % of all tokens", "Padding waste")
        right.set_ylim(0, max(12.0, right.get_ylim()[1]))
        right.axhline(10, color="grey", linestyle=":", linewidth=1)
        right.annotate("target: at most 10 %", (64, 10), xytext=(0, 4), textcoords="offset points")
        left.legend(frameon=False, loc="best")
        figure.suptitle("Mixed texts by batch budget, 64 callers one by one", fontsize=12)
        figure.savefig(path, dpi=120)
        plt.close(figure)


def _line(axes: Any, points: Any, name: str, scale: float, label: str, colour: str) -> None:
    budgets = [point["batch_tokens"] for point in points]
    every = [[scale * one[name] for one in point["rounds"]] for point in points]
    middle = [scale * point["median"][name] for point in points]
    axes.fill_between(
        budgets,
        *zip(*((min(e), max(e)) for e in every), strict=True),
        color=colour,
        alpha=0.15,
        linewidth=0,
    )
    axes.plot(budgets, middle, color=colour, marker="o", label=label)


def _axes(axes: Any, result: Mapping[str, Any], unit: str, title: str) -> None:
    budgets = sorted({point["batch_tokens"] for point in result["budgets"]})
    axes.set_xscale("log", base=2)
    axes.set_xticks(budgets, [str(budget) for budget in budgets])
    axes.set_ylim(bottom=0)
    axes.axvline(DEFAULT_BUDGET, color="lightgrey", linewidth=1, zorder=0)
    axes.set_xlabel("padded tokens of a batch (default 256)")
    axes.set_ylabel(unit)
    axes.set_title(title)
