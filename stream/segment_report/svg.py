"""Pictures for the page. Everything that is named by somebody else is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from stream.segment_report import layout
from stream.segment_report.marks import OTHERS as GREY
from stream.segment_report.marks import Mark, short
from stream.segment_report.plane import Plane
from stream.segment_report.streams import OTHERS, Streams

WIDTH = 860
SIZES_HEIGHT = 260
SMALL_WIDTH, SMALL_HEIGHT = 420, 150
LINE = "#2f86c8"
LEFT, RIGHT, TOP, BOTTOM = 52, 8, 10, 26
#: Of a picture of flows: the users of all ribbons together, between two segments, a segment's bar,
#: the room for names at either side.
FLOW_HEIGHT, FLOW_GAP, BAR, NAMES = 220.0, 16.0, 14.0, 240.0


def sizes(shares: Sequence[Sequence[float]], marks: Sequence[Mark], first: str, last: str) -> str:
    """Stacked areas.

    shares  rows of shares of the users by fit, those of a fit adding up to at most 1
    marks   of each row
    """
    fits = len(shares[0])
    columns = [[row[0]] * 2 for row in shares] if fits == 1 else [list(row) for row in shares]
    count = len(columns[0])
    across = [LEFT + (WIDTH - LEFT - RIGHT) * n / (count - 1) for n in range(count)]
    floor, parts = [0.0] * count, []
    for row, mark in zip(columns, marks, strict=True):
        top = [low + share for low, share in zip(floor, row, strict=True)]
        upper = [_at(x, _share_y(v)) for x, v in zip(across, top, strict=True)]
        lower = [_at(x, _share_y(v)) for x, v in zip(across, floor, strict=True)]
        outline = " ".join([*upper, *reversed(lower)])
        title = f"<title>{escape(mark.text)}</title>"
        parts.append(
            f'<polygon fill="{mark.colour}" fill-opacity="{0.55 if mark.square else 0.9}" '
            f'stroke="#fff8" points="{outline}">{title}</polygon>'
        )
        floor = top
    grid = [
        _text(LEFT - 6, _share_y(v) + 4, f"{v:.0%}", "end") for v in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    ends = [_text(LEFT, SIZES_HEIGHT - 6, first)]
    if fits > 1:
        ends.append(_text(WIDTH - RIGHT, SIZES_HEIGHT - 6, last, "end"))
    return _svg(WIDTH, SIZES_HEIGHT, "share of the users by fit", [*parts, *grid, *ends])


def curve(values: Sequence[float | None], what: str, *, ends: tuple[float, float] | None) -> str:
    """A small line over the fits, with gaps where there is no value; the last value is written.

    ends  of the axis; None: 0 and the highest value
    """
    known = [value for value in values if value is not None]
    low, high = ends or (0.0, max(known, default=0.0))
    low, high = min([low, *known]), max([high, *known])
    high = high if high > low else low + 1.0
    step = (SMALL_WIDTH - LEFT - 56) / max(len(values) - 1, 1)

    def put(n: int, value: float) -> tuple[float, float]:
        share = (value - low) / (high - low)
        return LEFT + step * n, SMALL_HEIGHT - BOTTOM - (SMALL_HEIGHT - BOTTOM - TOP) * share

    parts = []
    for value in (low, high):
        _, y = put(0, value)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{SMALL_WIDTH - 56}" stroke="#8884"/>')
        parts.append(_text(LEFT - 6, y + 4, f"{value:.2f}", "end"))
    for run in _runs(values):
        dots = [put(n, value) for n, value in run]
        line = "L".join(_at(x, y) for x, y in dots)
        parts.append(f'<path d="M{line}" fill="none" stroke="{LINE}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{LINE}"/>' for x, y in dots]
    if known:
        n = max(n for n, value in enumerate(values) if value is not None)
        x, y = put(n, known[-1])
        parts.append(_text(x + 7, y + 4, f"{known[-1]:.3f}"))
    return _svg(SMALL_WIDTH, SMALL_HEIGHT, what, parts)


def cloud(plane: Plane, marks: Sequence[Mark]) -> str:
    """Users as dots in the colour and shape of their segment, centroids with their names."""
    named = [mark for mark in marks if mark.number]
    found = layout.laid(plane, [mark.text for mark in named])
    dots: list[list[str]] = [[] for _ in marks]
    for (x, y), (_, _, place) in zip(found.points, plane.points, strict=True):
        dots[min(place, len(marks) - 1)].append(f"M{x:.0f} {y:.0f}h0")
    parts = []
    for mark, own in zip(marks, dots, strict=True):
        if own:
            cap = "square" if mark.square else "round"
            parts.append(
                f'<path class="dots" d="{"".join(own)}" stroke="{mark.colour}" '
                f'stroke-width="4.5" stroke-linecap="{cap}"/>'
            )
    by_text = {mark.text: mark for mark in named}
    parts += [_middle(label, by_text[label.text]) for label in found.labels]
    return _svg(layout.WIDTH, layout.HEIGHT, "map of the users", parts)


def ribbons(
    flow: Streams, labels: Mapping[str, str], colours: Mapping[str, str], *, tall: float = 1.0
) -> str:
    """From the segments that users leave, at the left, to those where they go, at the right.

    tall  height of all ribbons together, as a share of the highest there may be
    """
    scale = FLOW_HEIGHT * tall / max(flow.users, 1)
    height = FLOW_HEIGHT * tall + FLOW_GAP * max(len(flow.before), len(flow.after)) + 10
    left, right = _tops(flow.before, scale), _tops(flow.after, scale)
    from_x, to_x = NAMES + BAR, WIDTH - NAMES - BAR
    parts = []
    out, into = list(left), list(right)
    for i, j, users in sorted(flow.ribbons):
        thick = users * scale
        a, b, half = out[i], into[j], (from_x + to_x) / 2
        out[i], into[j] = a + thick, b + thick
        name = f"{_name(flow.before[i][0], labels)} → {_name(flow.after[j][0], labels)}: {users:,}"
        parts.append(
            f'<path fill="{colours.get(flow.before[i][0], GREY)}" fill-opacity=".45" '
            f'd="M{from_x:.0f} {a:.1f}C{half:.0f} {a:.1f} {half:.0f} {b:.1f} {to_x:.0f} {b:.1f}'
            f"V{b + thick:.1f}C{half:.0f} {b + thick:.1f} {half:.0f} {a + thick:.1f} "
            f'{from_x:.0f} {a + thick:.1f}Z"><title>{escape(name)}</title></path>'
        )
    sides = ((flow.before, left, NAMES, "end", -8.0), (flow.after, right, to_x, "start", BAR + 8))
    for side, tops, x, anchor, off in sides:
        for (segment, users), top in zip(side, tops, strict=True):
            high = max(users * scale, 1.0)
            parts.append(
                f'<rect x="{x:.0f}" y="{top:.1f}" width="{BAR:.0f}" height="{high:.1f}" '
                f'fill="{colours.get(segment, GREY)}"/>'
            )
            text = f"{_name(segment, labels)}: {users:,}"
            parts.append(_text(x + off, top + high / 2 + 4, text, anchor))
    return _svg(WIDTH, height, "users who change segments", parts)


def key(marks: Iterable[Mark]) -> str:
    """What the colours mean, in words."""
    shapes = (
        f'<span class="key"><b style="color:{mark.colour}">{"■" if mark.square else "●"}</b> '
        f"{escape(mark.text)}</span>"
        for mark in marks
    )
    return f"<p>{' '.join(shapes)}</p>"


def _middle(label: layout.Label, mark: Mark) -> str:
    """A ring at a centroid and its name; a line between them where it had to make room."""
    line = ""
    if abs(label.y - label.at_y) > layout.LINE / 2:
        near = label.x if label.x > label.at_x else label.x + layout.CHAR * len(label.text)
        line = (
            f'<path d="M{label.at_x:.0f} {label.at_y:.0f}L{near:.0f} {label.y:.0f}" '
            'stroke="currentColor" stroke-opacity=".5"/>'
        )
    ring = f'fill="{mark.colour}" stroke="currentColor" stroke-width="1.5"/>'
    if mark.square:
        left, top = label.at_x - 5, label.at_y - 5
        shape = f'<rect x="{left:.1f}" y="{top:.1f}" width="10" height="10" {ring}'
    else:
        shape = f'<circle cx="{label.at_x:.1f}" cy="{label.at_y:.1f}" r="5.5" {ring}'
    text = escape(label.text)
    return f'{line}{shape}<text class="over" x="{label.x:.0f}" y="{label.y + 4:.0f}">{text}</text>'


def _tops(side: Sequence[tuple[str, int]], scale: float) -> list[float]:
    found, top = [], FLOW_GAP / 2
    for _, users in side:
        found.append(top)
        top += users * scale + FLOW_GAP
    return found


def _name(segment: str, labels: Mapping[str, str]) -> str:
    return "others" if segment == OTHERS else short(labels.get(segment) or segment)


def _runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """Values that follow each other, with their places."""
    found: list[list[tuple[int, float]]] = [[]]
    for n, value in enumerate(values):
        if value is None:
            found.append([])
        else:
            found[-1].append((n, value))
    return [run for run in found if run]


def _share_y(share: float) -> float:
    return SIZES_HEIGHT - BOTTOM - (SIZES_HEIGHT - BOTTOM - TOP) * share


def _at(x: float, y: float) -> str:
    return f"{x:.1f},{y:.1f}"


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(width: float, height: float, what: str, parts: Iterable[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(what)}" '
        f'font-size="12" fill="currentColor">{"".join(parts)}</svg>'
    )
