"""The result as one HTML page with curves over time: nothing is loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT = 860, 320
LEFT, BOTTOM, TOP = 56, 30, 12
COLOURS = ("#0b6e4f", "#4c9f70", "#c8553d", "#f28f3b", "#6d597a", "#355070", "#999999", "#b56576")
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:920px;margin:2rem auto;padding:0 1rem;"
    "color:#222}table{border-collapse:collapse;font-size:13px}td,th{padding:.25rem .6rem;"
    "border-bottom:1px solid #ddd;text-align:right}td:first-child,th:first-child{text-align:left}"
    "svg{width:100%;height:auto}.key{display:inline-block;margin-right:1rem}"
    "@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}td,th{border-color:#444}}"
)


def page(result: Mapping[str, Any], curves: Mapping[str, Sequence[float]]) -> str:
    """A whole page. `curves`: by method the NDCG of consecutive parts, in time order."""
    size = result["list_size"]
    title = f"{escape(result['data'])}, {escape(result['protocol'])}"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f"<title>interestream evaluate: {title}</title><style>{STYLE}</style></head><body>",
            f"<h1>{title}</h1>",
            f"<p>{result['events']:,} of {result['learned']:,} events were ranked before they were "
            f"learned, each against every item its user had not used.</p>",
            f"<h2>NDCG@{size} over time</h2>",
            _chart(curves),
            "<h2>Methods</h2>",
            _table(_figures(result["methods"])),
            *(
                f"<h2>By {escape(k.replace('_', ' '))}</h2>{_by(v, size)}"
                for k, v in result["by"].items()
            ),
            *(_section("Ratings", result["ratings"])),
            *(_section(f"What each part is worth (NDCG@{size})", _parts(result, size))),
            "</body></html>",
            "",
        ]
    )


def _chart(curves: Mapping[str, Sequence[float]]) -> str:
    top = max((value for line in curves.values() for value in line), default=0.0) * 1.08 or 1.0
    lines = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="NDCG over time">',
        *_grid(top),
    ]
    keys = []
    for number, (name, line) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in _points(line, top))
        wide = 2.5 if number == 0 else 1.4
        lines.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="{wide}" points="{points}"/>'
        )
        keys.append(f'<span class="key"><b style="color:{colour}">―</b> {escape(name)}</span>')
    return "\n".join([*lines, "</svg>", f"<p>{''.join(keys)}</p>"])


def _grid(top: float) -> list[str]:
    found = []
    for step in range(5):
        value = top * step / 4
        y = _height(value, top)
        found.append(
            f'<line x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#8884"/>'
            f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" font-size="12" '
            f'fill="currentColor">{value:.3f}</text>'
        )
    return found


def _points(line: Sequence[float], top: float) -> list[tuple[float, float]]:
    step = (WIDTH - LEFT) / max(len(line) - 1, 1)
    return [(LEFT + step * i, _height(value, top)) for i, value in enumerate(line)]


def _height(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / top


def _figures(methods: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        name: {key: value for key, value in row.items() if not key.endswith("_interval")}
        for name, row in methods.items()
    }


def _by(buckets: Mapping[str, Any], size: int) -> str:
    rows = {
        name: {"events": one["events"]}
        | {method: own[f"ndcg@{size}"] for method, own in one.items() if method != "events"}
        for name, one in buckets.items()
        if name != "gap"
    }
    if "gap" in buckets:
        rows["gap"] = dict(buckets["gap"])
    return _table(rows)


def _parts(result: Mapping[str, Any], size: int) -> dict[str, dict[str, Any]]:
    return {
        part: {
            "worth": row[f"ndcg@{size}"]["difference"],
            "from": row[f"ndcg@{size}"]["interval"][0],
            "to": row[f"ndcg@{size}"]["interval"][1],
        }
        for part, row in result["ablation"].items()
    }


def _section(title: str, rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [f"<h2>{escape(title)}</h2>", _table(rows)] if rows else []


def _table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    heads = list(dict.fromkeys(key for row in rows.values() for key in row))
    head = "".join(f"<th>{escape(name)}</th>" for name in ("", *heads))
    body = "".join(
        f"<tr><td>{escape(name)}</td>{''.join(f'<td>{_cell(row.get(h))}</td>' for h in heads)}</tr>"
        for name, row in rows.items()
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4f}" if isinstance(value, float) else escape(f"{value:,}")
