"""The report as a PNG, drawn by matplotlib where it is installed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stream.commands.shown import moment
from stream.evaluate.picture import drawing
from stream.segment_report import layout
from stream.segment_report.history import chapters, counted, in_force, moving, shares
from stream.segment_report.marks import OTHERS, Mark, marks, short
from stream.segment_report.report import Report
from stream.segment_report.rivals import Comparison
from stream.segment_report.streams import Streams, streams

SIDE = 10
FONT = 8
HEADS = ("", "groups", "noise", "silh.", "ours there", "DB", "ARI", "no noise", "s")
#: Left, bottom, width and height as shares of the picture. By hand: with long names an automatic
#: layout finds no room and gives up.
PLACES = {
    "map": (0.015, 0.37, 0.56, 0.57),
    "bars": (0.72, 0.67, 0.265, 0.27),
    "sizes": (0.63, 0.385, 0.355, 0.22),
    "figures": (0.03, 0.1, 0.22, 0.21),
    "flow": (0.42, 0.1, 0.17, 0.21),
    "rivals": (0.62, 0.05, 0.37, 0.26),
}


def picture(report: Report, path: Path) -> None:
    """Map, sizes, figures over time, the last flow and other methods, in one picture.

    Raises Misconfigured without matplotlib.
    """
    figure = drawing()(figsize=(15, 10))
    axes = {name: figure.add_axes(place) for name, place in PLACES.items()}
    own = marks(report.segments)
    version = "no model yet" if report.version is None else f"model {report.version}"
    title = (
        f"{counted(len(report.segments), 'segment')}, {version}, {report.users:,} users looked at"
    )
    figure.suptitle(f"{title}, {moment(report.at)} UTC", fontsize=12)
    _map(axes["map"], report, own)
    _bars(axes["bars"], report, own)
    _sizes(axes["sizes"], report, own)
    _figures(axes["figures"], report)
    _flow(axes["flow"], report)
    _rivals(axes["rivals"], report.compared)
    figure.savefig(path, dpi=110)


def _map(axes: Any, report: Report, own: Sequence[Mark]) -> None:
    if report.map is None:
        _nothing(axes, "no map: there are no users who differ, or no segments")
        return
    named = [mark for mark in own if mark.number]
    found = layout.laid(report.map, [mark.text for mark in named])
    places = [min(place, len(own) - 1) for _, _, place in report.map.points]
    for n, mark in enumerate(own):
        dots = [point for point, place in zip(found.points, places, strict=True) if place == n]
        if dots:
            x, y = zip(*dots, strict=True)
            axes.scatter(x, y, s=9, c=mark.colour, marker=_shape(mark), alpha=0.55, linewidths=0)
    by_text = {mark.text: mark for mark in named}
    for label in found.labels:
        mark = by_text[label.text]
        axes.plot([label.at_x, label.x], [label.at_y, label.y], color="#555", linewidth=0.6)
        axes.scatter(
            [label.at_x],
            [label.at_y],
            s=45,
            c=mark.colour,
            marker=_shape(mark),
            edgecolors="black",
            zorder=3,
        )
        box = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1}
        _write(axes, label.x, label.y, label.text, va="center", bbox=box, fontsize=9)
    axes.set(xlim=(0, layout.WIDTH), ylim=(layout.HEIGHT, 0), xticks=[], yticks=[])
    axes.set_aspect("equal")
    across, up = report.map.variance
    axes.set_title(
        f"{len(found.points):,} users by PCA: {across + up:.0%} of the variance", fontsize=10
    )


def _bars(axes: Any, report: Report, own: Sequence[Mark]) -> None:
    if not report.segments:
        _nothing(axes, "no segments yet")
        return
    named = [mark for mark in own if mark.number]
    users = [group.users for group in report.segments]
    heights = users[: len(named)]
    if len(own) > len(named):
        heights.append(sum(users[len(named) :]))
    axes.barh(range(len(own)), heights, color=[mark.colour for mark in own])
    axes.set_yticks(range(len(own)))
    axes.set_yticklabels([_literal(mark.text) for mark in own], fontsize=FONT)
    axes.invert_yaxis()
    for n, height in enumerate(heights):
        _write(axes, height, n, f" {height:,}", va="center")
    axes.margins(x=0.15)
    axes.set_title("users looked at, by nearest centroid", fontsize=10)


def _sizes(axes: Any, report: Report, own: Sequence[Mark]) -> None:
    fits = in_force(report.fits)
    if not fits:
        _nothing(axes, "no record of a fit")
        return
    named = [mark for mark in own if mark.number]
    rows = shares(fits, [group.id for group in report.segments[: len(named)]])
    across = list(range(len(fits)))
    if len(fits) == 1:
        rows, across = [row * 2 for row in rows], [0, 1]
    axes.stackplot(across, rows, colors=[*(mark.colour for mark in named), OTHERS], alpha=0.85)
    axes.set(xlim=(across[0], across[-1]), ylim=(0, 1))
    axes.tick_params(labelsize=FONT)
    axes.set_xticks([])
    times = " to ".join(dict.fromkeys((moment(fits[0].at), moment(fits[-1].at))))
    axes.set_xlabel(f"fits: {len(fits)}, {times}", fontsize=FONT)
    axes.set_title("shares of the sample (grey: others and gone)", fontsize=10)


def _figures(axes: Any, report: Report) -> None:
    fits = in_force(report.fits)
    if not fits:
        _nothing(axes, "no record of a fit")
        return
    moved = [None if one.adjusted_rand is None else one.moved_share for one in fits]
    lines: tuple[tuple[str, list[float | None], str, str], ...] = (
        ("silhouette", [one.silhouette for one in fits], "#0072b2", "o-"),
        ("adjusted Rand to the model before", [f.adjusted_rand for f in fits], "#009e73", "s--"),
        ("share who move", moved, "#d55e00", "^:"),
    )
    for name, values, colour, style in lines:
        shown = [float("nan") if value is None else value for value in values]
        axes.plot(shown, style, color=colour, label=name, markersize=4, linewidth=1.4)
    spread = [float("nan") if f.davies_bouldin is None else f.davies_bouldin for f in fits]
    other = axes.twinx()
    other.plot(spread, "d-.", color="#777777", markersize=4, linewidth=1.2)
    other.set_ylabel("Davies–Bouldin (grey)", fontsize=FONT, color="#777777")
    other.set_ylim(bottom=0)
    other.tick_params(labelsize=FONT)
    axes.set_ylim(min(0.0, *(f.silhouette or 0.0 for f in fits), 0.0), 1.05)
    axes.set(xlim=(-0.5, len(fits) - 0.5), xticks=[])
    axes.tick_params(labelsize=FONT)
    axes.legend(fontsize=FONT, loc="upper center", bbox_to_anchor=(0.5, -0.05), ncols=2)
    axes.set_title("figures by fit, the oldest first", fontsize=10)


def _flow(axes: Any, report: Report) -> None:
    moved = moving(chapters(in_force(report.fits)))
    if not moved:
        _nothing(axes, "nobody was moved by a fit")
        return
    last = moved[-1]
    flow = streams(last.record, SIDE)
    matrix = _matrix(flow)
    axes.imshow(matrix, cmap="Blues", aspect="auto", vmin=0)
    highest = max(map(max, matrix))
    for i, row in enumerate(matrix):
        for j, users in enumerate(row):
            if users:
                colour = "white" if users > 0.6 * highest else "black"
                _write(axes, j, i, f"{users:,}", ha="center", va="center", color=colour)
    names = [
        [_literal(short(last.labels.get(one) or one) if one else "others") for one, _ in side]
        for side in (flow.before, flow.after)
    ]
    axes.set_yticks(range(len(names[0])))
    axes.set_yticklabels(names[0], fontsize=FONT)
    axes.set_xticks(range(len(names[1])))
    axes.set_xticklabels(names[1], fontsize=FONT, rotation=30, ha="right")
    axes.set_title(f"who went where, {moment(last.record.at)}: from (rows) to", fontsize=10)


def _matrix(flow: Streams) -> list[list[int]]:
    rows = [[0] * len(flow.after) for _ in flow.before]
    for i, j, users in flow.ribbons:
        rows[i][j] = users
    return rows


def _rivals(axes: Any, compared: Comparison | None) -> None:
    if compared is None:
        _nothing(axes, "too few users to compare methods on")
        return
    cells = [
        [
            one.name,
            f"{one.groups}",
            f"{one.noise:.0%}",
            *map(_number, (one.silhouette, one.silhouette_ours, one.davies_bouldin)),
            *map(_number, (one.adjusted_rand, one.adjusted_rand_clustered)),
            "–" if one.seconds is None else f"{one.seconds:.1f}",
        ]
        for one in compared.methods
    ]
    axes.axis("off")
    widths = [0.24, *[0.095] * (len(HEADS) - 1)]
    table = axes.table(
        cells,
        colLabels=HEADS,
        loc="center",
        cellLoc="right",
        colWidths=widths,
        edges="horizontal",
    )
    table.auto_set_font_size(False)
    table.set_fontsize(FONT)
    table.scale(1, 1.6)
    axes.set_title(f"other methods, the same {compared.users:,} users", fontsize=10)
    note = (
        "silh. and DB without noise; “ours there”: our silhouette on the users who are left;\n"
        "ARI against the segments in force, noise as one group; “no noise”: without it"
    )
    _write(axes, 0.5, 0.02, note, ha="center", transform=axes.transAxes)


def _nothing(axes: Any, why: str) -> None:
    axes.axis("off")
    _write(axes, 0.5, 0.5, why, ha="center", transform=axes.transAxes)


def _write(axes: Any, x: float, y: float, text: str, **how: Any) -> None:
    """Text as it is: a label may have a dollar sign, which is no formula."""
    axes.text(x, y, text, **{"fontsize": FONT, "parse_math": False, **how})


def _literal(text: str) -> str:
    """For ticks, which have no such switch."""
    return text.replace("$", r"\$")


def _shape(mark: Mark) -> str:
    return "s" if mark.square else "o"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
