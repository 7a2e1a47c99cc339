"""The figures of `segments.json` as an SVG, legible on light and dark pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

from tests.soak.picture import COLOURS, GREY, round_up, text

WIDTH, HEIGHT = 460, 250  # of a panel
LEFT, TOP, RIGHT, BOTTOM = 52, 52, 14, 30
TICKS = 4

ALL, ONE, TASTE = "of all kinds", "of one kind", "triple"
MS_TICKS = (10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0)

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Panel:
    """Lines over one scale, or dots where there is no order between them.

    ticks   across; none: evenly
    names   of the places 0, 1, … across, instead of numbers
    target  a line across, and what it says
    """

    title: str
    series: Mapping[str, Sequence[Point]]
    across: str = ""
    ticks: Sequence[float] = ()
    names: Sequence[str] = ()
    target: float | None = None
    target_across: float | None = None
    top: float | None = None
    least: float | None = None
    most: float | None = None
    log: bool = False
    dots: bool = False


def svg(result: Mapping[str, Any]) -> str:
    """Four panels: groups found, turns seen, shares, latencies beside a refit."""
    panels = [each(result) for each in (_groups, _turns, _shares, _latencies)]
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {2 * HEIGHT}" '
        'font-family="sans-serif" font-size="11" role="img" '
        'aria-label="Segments measured on planted worlds">'
    ]
    for number, panel in enumerate(panels):
        x, y = number % 2 * WIDTH, number // 2 * HEIGHT
        lines.append(f'<g transform="translate({x} {y})">')
        lines += _drawn(panel)
        lines.append("</g>")
    return "\n".join([*lines, "</svg>", ""])


def _groups(result: Mapping[str, Any]) -> Panel:
    kinds = result["recovery"]
    shift = {"given": -0.12, "chosen": 0.12}
    return Panel(
        "adjusted Rand index against planted groups, a dot a world",
        {
            f"{name} number": [
                (place + shift[name], value)
                for place, one in enumerate(kinds.values())
                for value in one[name]["each"]
            ]
            for name in shift
        },
        names=list(kinds),
        target=0.9,
        top=1.0,
        dots=True,
    )


def _turns(result: Mapping[str, Any]) -> Panel:
    series = {}
    for name, delays in result["drift"]["delays"].items():
        ordered = sorted(delays)
        count = len(ordered)
        series[f"{name} taste"] = [
            (late, (place + 1) / count) for place, late in enumerate(ordered)
        ]
    return Panel(
        "share of turned users whose change is out",
        series,
        "events since the new taste's majority",
        target_across=result["drift"]["target"],
        top=1.0,
        least=-60,
        most=100,
    )


def _shares(result: Mapping[str, Any]) -> Panel:
    shares = result["shares"]
    named = {
        "interests": (ALL, "interests"),
        "categories": (ALL, "categories"),
        "of one kind": (ONE, "categories"),
        "draw": (ALL, "draw"),
    }
    series = {
        name: [(float(at.split()[1]), one[of]) for at, one in shares[how].items() if TASTE in at]
        for name, (how, of) in named.items()
    }
    ticks = [at for at, _ in series["draw"]]
    title = "L1 to the planted shares of three tastes"
    return Panel(title, series, "events", ticks, target=0.1, log=True)


def _latencies(result: Mapping[str, Any]) -> Panel:
    runs = result.get("refit", {}).get("runs", [])
    series = {}
    for run in runs[:1]:
        for name, curve in run["curves"].items():
            series[name] = [(max(ms, 1.0), 0.02 * place) for place, ms in enumerate(curve)]
    return Panel(
        "share of events whose list was out, sample of all users",
        series,
        "ms from event to recommendation",
        MS_TICKS,
        top=1.0,
        log=True,
    )


def _drawn(panel: Panel) -> Iterator[str]:
    points = [point for series in panel.series.values() for point in series]
    low, high = _range(panel, [x for x, _ in points])
    top = panel.top or round_up(max([y for _, y in points], default=1.0) * 100) / 100
    wide, tall = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def across(value: float) -> float:
        share = (_scaled(value, panel) - low) / ((high - low) or 1.0)
        return LEFT + wide * min(max(share, 0.0), 1.0)

    def up(value: float) -> float:
        return TOP + tall * (1 - value / top)

    yield text(LEFT, 14, panel.title, "start", weight="bold")
    for tick in range(TICKS + 1):
        value = top * tick / TICKS
        yield _line(LEFT, LEFT + wide, up(value), up(value), GREY, 0.5)
        yield text(LEFT - 6, up(value) + 4, f"{value:g}", "end")
    yield from _ticks(panel, low, high, wide)
    if panel.target is not None:
        yield _line(LEFT, LEFT + wide, up(panel.target), up(panel.target), GREY, 1.4, "4 3")
    if panel.target_across is not None:
        x = across(panel.target_across)
        yield _line(x, x, TOP, TOP + tall, GREY, 1.4, "4 3")
    for place, (name, series) in enumerate(panel.series.items()):
        colour = COLOURS[place]
        yield text(LEFT + 8 + 96 * place, 32, name, "start", colour=colour)
        if panel.dots:
            for x, y in series:
                yield (
                    f'<circle cx="{across(x):.1f}" cy="{up(max(y, 0.0)):.1f}" r="3" '
                    f'fill="{colour}" fill-opacity="0.6"/>'
                )
            continue
        line = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in series)
        yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.6"/>'


def _ticks(panel: Panel, low: float, high: float, wide: float) -> Iterator[str]:
    y = HEIGHT - 14
    if panel.names:
        for number, name in enumerate(panel.names):
            x = LEFT + wide * (number - low) / (high - low)
            yield text(x, y, name, "middle")
        return
    evenly = [low + (high - low) * tick / TICKS for tick in range(TICKS + 1)]
    for place in [_scaled(tick, panel) for tick in panel.ticks] or evenly:
        if low <= place <= high:
            shown = 10**place if panel.log else place
            x = LEFT + wide * (place - low) / ((high - low) or 1.0)
            yield text(x, y, f"{shown:.4g}", "middle")
    yield text(LEFT + wide, HEIGHT - 2, panel.across, "end")


def _range(panel: Panel, values: Sequence[float]) -> tuple[float, float]:
    if panel.names:
        return -0.5, len(panel.names) - 0.5
    scaled = [_scaled(value, panel) for value in values] or [0.0, 1.0]
    least = min(scaled) if panel.least is None else panel.least
    return least, max(scaled) if panel.most is None else panel.most


def _scaled(value: float, panel: Panel) -> float:
    return log10(value) if panel.log else value


def _line(
    x1: float, x2: float, y1: float, y2: float, colour: str, width: float, dashes: str = ""
) -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<line x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width}" opacity="0.6"{dashed}/>'
    )
