"""The samples over time as an SVG, legible on light and dark pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 460, 190  # of a panel
LEFT, TOP, RIGHT, BOTTOM = 52, 34, 12, 28
TICKS = 4
COLOURS = ("#2a78c2", "#d1651a", "#3a8f4d", "#8a5fc0")
GREY = "#8a8a8a"
PANELS = (
    ("resident memory, MiB", {"rss_mib": "worker", "store_rss_mib": "store"}),
    (
        "worker's counts",
        {"files": "files", "connections": "connections", "threads": "threads", "tasks": "tasks"},
    ),
    ("records", {"lag": "behind", "held": "in the worker"}),
    ("event to recommendation, ms", {"p99_ms": "p99", "p50_ms": "p50"}),
)

Series = Mapping[str, Sequence[float | None]]


def svg(result: Mapping[str, Any]) -> str:
    """Four panels: memory, counts, records behind, latency; the warm-up is shaded."""
    samples: Series = result["samples"]
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {2 * HEIGHT}" '
        'font-family="sans-serif" font-size="11" role="img" '
        f'aria-label="A worker under load for {result["minutes"]:g} minutes">'
    ]
    for number, (title, names) in enumerate(PANELS):
        x, y = number % 2 * WIDTH, number // 2 * HEIGHT
        lines.append(f'<g transform="translate({x} {y})">')
        lines += _panel(title, names, samples, result["warm_up_minutes"])
        lines.append("</g>")
    return "\n".join([*lines, "</svg>", ""])


def _panel(title: str, names: Mapping[str, str], samples: Series, warm: float) -> Iterator[str]:
    minutes = [at / 60 for at in samples["at_s"] if at is not None]
    end = max(minutes) or 1.0
    top = round_up(max([0.0, *(v for name in names for v in samples[name] if v is not None)]))
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def across(minute: float) -> float:
        return LEFT + wide * minute / end

    def up(value: float) -> float:
        return TOP + high * (1 - value / top)

    yield (
        f'<rect x="{LEFT}" y="{TOP}" width="{across(warm) - LEFT:.1f}" height="{high}" '
        f'fill="{GREY}" opacity="0.12"/>'
    )
    for tick in range(TICKS + 1):
        value, minute = top * tick / TICKS, end * tick / TICKS
        yield (
            f'<line x1="{LEFT}" x2="{LEFT + wide}" y1="{up(value):.1f}" y2="{up(value):.1f}" '
            f'stroke="{GREY}" stroke-width="0.5" opacity="0.5"/>'
        )
        yield text(LEFT - 6, up(value) + 4, f"{value:g}", "end")
        yield text(across(minute), HEIGHT - 12, f"{minute:.3g} min", "middle")
    yield text(LEFT, 14, title, "start", weight="bold")
    for place, (name, words) in enumerate(names.items()):
        yield text(LEFT + 8 + 92 * place, 28, words, "start", colour=COLOURS[place])
        points = " ".join(
            f"{across(minute):.1f},{up(value):.1f}"
            for minute, value in zip(minutes, samples[name], strict=True)
            if value is not None
        )
        yield (
            f'<polyline points="{points}" fill="none" stroke="{COLOURS[place]}" '
            'stroke-width="1.4"/>'
        )


def text(
    x: float, y: float, words: str, anchor: str, *, colour: str = GREY, weight: str = "normal"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" '
        f'font-weight="{weight}">{escape(words)}</text>'
    )


def round_up(value: float) -> float:
    """The next number of which a quarter is a round one, at least 4."""
    step = 1.0
    while True:
        for factor in (1.0, 2.0, 2.5, 5.0):
            if value <= factor * step * TICKS:
                return factor * step * TICKS
        step *= 10
