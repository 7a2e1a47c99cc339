"""Where things go on a map, in pixels from the upper left: the same in a page and in a picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stream.segment_report.plane import Plane

WIDTH, HEIGHT = 860, 560
EDGE = 24
#: Of a label: height, and width of a character at font size 12.
LINE, CHAR = 15.0, 7.0
#: From a centroid to the near end of its label.
GAP = 9.0

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text; (x, y) is the middle of its left end, (at_x, at_y) what it belongs to."""

    text: str
    x: float
    y: float
    at_x: float
    at_y: float


@dataclass(frozen=True, slots=True)
class Laid:
    """points  of the plane, in its order"""

    points: tuple[Point, ...]
    labels: tuple[Label, ...]


def laid(plane: Plane, texts: Sequence[str]) -> Laid:
    """The plane scaled to fit, one scale for both directions, with a text at each of the first
    `len(texts)` centroids."""
    every = [(x, y) for x, y, _ in plane.points] + list(plane.middles[: len(texts)])
    left, right = min(x for x, _ in every), max(x for x, _ in every)
    low, high = min(y for _, y in every), max(y for _, y in every)
    wide, tall = max(right - left, 1e-9), max(high - low, 1e-9)
    scale = min((WIDTH - 2 * EDGE) / wide, (HEIGHT - 2 * EDGE) / tall)

    def put(x: float, y: float) -> Point:
        return (
            WIDTH / 2 + (x - (left + right) / 2) * scale,
            HEIGHT / 2 - (y - (low + high) / 2) * scale,
        )

    points = tuple(put(x, y) for x, y, _ in plane.points)
    middles = [put(x, y) for x, y in plane.middles[: len(texts)]]
    return Laid(points, tuple(_labels(zip(texts, middles, strict=True))))


def _labels(named: Iterable[tuple[str, Point]]) -> list[Label]:
    """Beside their centroids, the lower ones pushed down or up until none lies over another."""
    done: list[Label] = []
    for text, (x, y) in sorted(named, key=lambda one: one[1][1]):
        wide = CHAR * len(text)
        start = x + GAP if x + GAP + wide < WIDTH else x - GAP - wide
        start = min(max(start, 0.0), max(WIDTH - wide, 0.0))
        tries = [y + step * LINE / 3 for n in range(3 * HEIGHT // 10) for step in (n, -n)]
        inside = [each for each in tries if LINE / 2 <= each <= HEIGHT - LINE / 2]
        free = (each for each in inside if not _hits(done, start, each, wide))
        done.append(Label(text, start, next(free, y), x, y))
    return done


def _hits(done: Sequence[Label], x: float, y: float, wide: float) -> bool:
    return any(
        abs(one.y - y) < LINE and x < one.x + CHAR * len(one.text) and one.x < x + wide
        for one in done
    )
