"""The result as tables for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

COLUMNS = ("hr", "ndcg", "coverage", "gini", "novelty", "diversity", "calibration_kl")
SHORT = {"coverage": "cover", "diversity": "divers", "calibration_kl": "KL"}
#: In the tables by user and item; the file has all of them.
SHOWN = ("interestream", "interestream (score)", "popularity", "item-knn")


def show(result: Mapping[str, Any], console: Console) -> None:
    """Methods, then what differs by user and item, ratings and parts."""
    console.print(_methods(result))
    for kind in result["by"]:
        console.print(_by(kind, result["by"][kind], result["list_size"]))
    if result["ratings"]:
        console.print(_ratings(result["ratings"]))
    if result["ablation"]:
        console.print(_ablation(result["ablation"], result["list_size"]))
    console.print(
        f"{result['events']:,} events ranked, {result['learned']:,} learned in "
        f"{result['seconds']:.0f} s ({result['events_per_s']:,.0f}/s), {result['protocol']}; "
        f"{result['repeats']} repeated uses were not ranked",
        highlight=False,
    )


def _methods(result: Mapping[str, Any]) -> Table:
    size = result["list_size"]
    table = Table(title=f"{result['data']}: lists of {size}, the next item against all unseen ones")
    table.add_column("method")
    for name in COLUMNS:
        head = SHORT.get(name, f"{name}@{size}" if name in ("hr", "ndcg") else name)
        table.add_column(head, justify="right", no_wrap=True)
    for method, figures in result["methods"].items():
        table.add_row(method, *(_cell(figures, name, size) for name in COLUMNS))
    return table


def _cell(figures: Mapping[str, Any], column: str, size: int) -> str:
    name = column if column in figures else f"{column}@{size}"
    value = figures.get(name)
    if value is None:
        return "–"
    ends = figures.get(f"{name}_interval")
    if ends is None:
        return f"{value:.3f}"
    return f"{value:.4f} ±{(ends[1] - ends[0]) / 2:.3f}"


def _by(kind: str, buckets: Mapping[str, Any], size: int) -> Table:
    table = Table(title=f"NDCG@{size} by {kind.replace('_', ' ')}")
    named = {name: one for name, one in buckets.items() if name != "gap"}
    methods = [name for one in [*named.values()][:1] for name in SHOWN if name in one]
    table.add_column("")
    for name in ("events", *methods):
        table.add_column(name, justify="right")
    for bucket, one in named.items():
        cells = (f"{one[name][f'ndcg@{size}']:.3f}" for name in methods)
        table.add_row(bucket, f"{one['events']:,}", *cells)
    if "gap" in buckets:
        table.add_row("gap", "", *(f"{buckets['gap'][name]:.3f}" for name in methods))
    return table


def _ratings(rows: Mapping[str, Any]) -> Table:
    table = Table(title="ratings, in shares of their scale")
    for name in ("guessed by", "MAE", "RMSE", "precision", "recall", "F1"):
        table.add_column(name, justify="left" if name == "guessed by" else "right")
    for name, row in rows.items():
        table.add_row(name, *(f"{value:.4f}" for value in row.values()))
    return table


def _ablation(rows: Mapping[str, Any], size: int) -> Table:
    table = Table(title=f"what each part is worth: NDCG@{size} lost without it")
    for name in ("part", "worth", "95 % interval", "gain", ""):
        table.add_column(name, justify="left" if name in ("part", "") else "right")
    for part, row in sorted(rows.items(), key=lambda one: -one[1][f"ndcg@{size}"]["difference"]):
        far = row[f"ndcg@{size}"]
        low, high = far["interval"]
        share = "–" if far["change"] is None else f"{far['change']:+.1%}"
        verdict = "" if far["sure"] else "not sure"
        table.add_row(
            part, f"{far['difference']:+.4f}", f"{low:+.4f} … {high:+.4f}", share, verdict
        )
    return table
