"""The report as one HTML page: nothing is loaded from elsewhere, and names are never markup."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from stream.commands.shown import moment, plain
from stream.core.segment_history import Record
from stream.evaluate.page import STYLE
from stream.segment_report import svg
from stream.segment_report.history import (
    FORCED,
    Chapter,
    chapters,
    counted,
    in_force,
    moving,
    name,
    shares,
)
from stream.segment_report.marks import OTHERS, Mark, marks
from stream.segment_report.report import Group, Report
from stream.segment_report.rivals import COMPONENTS_MAX, Comparison, Method
from stream.segment_report.streams import streams

#: Segments, fits and pictures of flows on a page, and segments on a side of those.
GROUPS_TOLD = 200
FITS_TOLD = 30
FLOWS_DRAWN = 3
FLOW_SIDE = 10
FLOWS_TOLD = 3

TERMS, ITEMS, CHARS = 8, 5, 60
OWN_STYLE = (
    "svg{color:inherit}.pair{display:grid;grid-template-columns:1fr 1fr;gap:0 1rem}"
    ".dots{stroke-opacity:.55}.over{paint-order:stroke;stroke:#fff;stroke-width:3px;stroke-linejoin:round}"
    "td.words,th.words{text-align:left}td{vertical-align:top}.wide{overflow-x:auto}"
    "h3{font-size:14px;margin:.6rem 0 0}small{opacity:.75}"
    "@media(prefers-color-scheme:dark){.over{stroke:#181818}.dots{stroke-opacity:.85}}"
    "@media(max-width:640px){.pair{grid-template-columns:1fr}}"
)


def page(report: Report) -> str:
    """A whole page."""
    own = marks(report.segments)
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width">',
            "<title>interestream segments</title>",
            f"<style>{STYLE}{OWN_STYLE}</style></head><body>",
            "<h1>Segments</h1>",
            *_head(report),
            *_segments(report, own),
            *_map(report, own),
            *_over_time(report, own),
            *_flows(report, own),
            *_rivals(report.compared),
            *_story(report),
            "</body></html>",
            "",
        ]
    )


def _head(report: Report) -> Iterator[str]:
    at = f"{moment(report.at)} UTC"
    if report.version is None:
        yield f"<p>{at}: no segments yet. They are fitted when enough users have a taste.</p>"
    else:
        segments = counted(len(report.segments), "segment")
        yield (
            f"<p>{at}: model {report.version} with {segments} is in force. "
            f"{report.users:,} users were looked at, each counted where the nearest centroid "
            "is.</p>"
        )
    if report.held is not None:
        yield (
            f"<p><b>Model {report.held} is held</b> and waits for <code>interestream segments "
            "accept</code> or <code>reject</code>.</p>"
        )


def _segments(report: Report, own: Sequence[Mark]) -> Iterator[str]:
    if not report.segments:
        return
    yield "<h2>In force</h2>"
    heads = ("", "segment", "users looked at", "of the fit", "special about it", "typical items")
    told = report.segments[:GROUPS_TOLD]
    rows = [
        _group(n, group, own[min(n, len(own) - 1)], report.users) for n, group in enumerate(told)
    ]
    yield _table(heads, rows, words={1, 4, 5})
    if rest := len(report.segments) - len(told):
        yield f"<p>{rest:,} smaller segments are left out here.</p>"


def _group(place: int, group: Group, mark: Mark, users: int) -> list[str]:
    shape = "■" if mark.square else "●"
    titles = [escape(plain(item.title or item.item_id, CHARS)) for item in group.items[:ITEMS]]
    share = f" <small>{group.users / users:.1%}</small>" if users else ""
    return [
        f'<b style="color:{mark.colour}">{shape}</b> {place + 1}',
        f"<b>{escape(plain(group.label, CHARS)) or '–'}</b><br>"
        f"<small>{escape(plain(group.id))}</small>",
        f"{group.users:,}{share}",
        f"{group.size:,}",
        escape(", ".join(plain(term, CHARS) for term in group.terms[:TERMS])) or "–",
        "<br>".join(titles) or "–",
    ]


def _map(report: Report, own: Sequence[Mark]) -> Iterator[str]:
    if report.map is None:
        return
    across, up = report.map.variance
    yield "<h2>Map</h2>"
    yield svg.cloud(report.map, own)
    yield svg.key(own)
    yield (
        f"<p>{len(report.map.points):,} of the users, drawn along the two directions in which they "
        f"differ most (PCA): these show {across + up:.0%} of the variance ({across:.0%} across, "
        f"{up:.0%} up), so segments that overlap here may be apart in the rest. Rings are the "
        "centroids.</p>"
    )


def _over_time(report: Report, own: Sequence[Mark]) -> Iterator[str]:
    fits = in_force(report.fits)
    if not fits:
        if report.version is not None:
            yield "<h2>Over time</h2><p>No record of a fit is kept.</p>"
        return
    first, last = moment(fits[0].at), moment(fits[-1].at)
    named = [mark for mark in own if mark.number]
    rows = shares(fits, [group.id for group in report.segments[: len(named)]])
    rest = Mark(0, "others, and those that are gone", OTHERS)
    yield "<h2>Sizes over time</h2>"
    yield f"<p>Shares of each fit's sample, {counted(len(fits), 'fit')}.</p>"
    yield svg.sizes(rows, [*named, rest], first, last)
    yield svg.key([*named, rest])
    yield "<h2>Figures over time</h2>"
    yield '<div class="pair">'
    for title, values, ends in _figures(fits):
        yield f"<div><h3>{escape(title)}</h3>{svg.curve(values, title, ends=ends)}</div>"
    yield "</div>"


def _figures(
    fits: Sequence[Record],
) -> Iterator[tuple[str, list[float | None], tuple[float, float] | None]]:
    yield "silhouette (by cosine; 1 is best)", [one.silhouette for one in fits], (0.0, 1.0)
    yield "Davies–Bouldin (0 is best)", [one.davies_bouldin for one in fits], None
    stable = [one.adjusted_rand for one in fits]
    yield "stability: adjusted Rand to the model before", stable, (0.0, 1.0)
    moved = [None if one.adjusted_rand is None else one.moved_share for one in fits]
    yield "share of the users who move", moved, None


def _flows(report: Report, own: Sequence[Mark]) -> Iterator[str]:
    last = moving(chapters(report.fits))[-FLOWS_DRAWN:]
    if not last:
        return
    named = [mark for mark in own if mark.number]
    colours = {group.id: mark.colour for group, mark in zip(report.segments, named, strict=False)}
    yield f"<h2>Who went where</h2><p>At the last {counted(len(last), 'fit')} that moved some; "
    yield "who stayed is not drawn. Heights are shares of the sample, the same in each picture.</p>"
    most = max(one.record.moved_share for one in last)
    for one in reversed(last):
        flow = streams(one.record, FLOW_SIDE)
        users = f"{flow.users + flow.untold:,} of {one.record.users:,} users"
        yield f"<h3>{_of(one.record)}: {users}{_not_yet(one.record)}</h3>"
        yield svg.ribbons(flow, one.labels, colours, tall=one.record.moved_share / (most or 1.0))
        if flow.untold:
            yield f"<p><small>{flow.untold:,} users in smaller flows are not drawn.</small></p>"


def _rivals(compared: Comparison | None) -> Iterator[str]:
    if compared is None:
        return
    yield "<h2>What other methods make of the same users</h2>"
    heads = (
        "method", "groups", "noise", "silhouette", "ours there", "Davies–Bouldin", "ARI",
        "ARI without noise", "seconds", "how",
    )  # fmt: skip
    yield _table(heads, [_method(one) for one in compared.methods], words={0, 9})
    yield (
        f"<p>{compared.users:,} users. The other methods saw them in {compared.directions} "
        f"directions that keep {compared.variance:.0%} of the variance (PCA); all are measured on "
        "the whole tastes. <i>noise</i> is the share of the users whom a method leaves in no "
        "group; <i>silhouette</i> and <i>Davies–Bouldin</i> are without these, and <i>ours "
        "there</i> is the silhouette of the segments in force on just the users who are left. "
        "<i>ARI</i> is the adjusted Rand index against the segments in force, noise counted as one "
        "group: 1 is the same groups, 0 is chance. Mixtures have at most "
        f"{COMPONENTS_MAX} components.</p>"
    )


def _method(one: Method) -> list[str]:
    return [
        escape(one.name),
        f"{one.groups:,}",
        f"{one.noise:.1%}",
        _number(one.silhouette),
        _number(one.silhouette_ours),
        _number(one.davies_bouldin),
        _number(one.adjusted_rand),
        _number(one.adjusted_rand_clustered),
        "–" if one.seconds is None else f"{one.seconds:.1f}",
        f"<small>{escape(one.how)}</small>",
    ]


def _story(report: Report) -> Iterator[str]:
    told = chapters(report.fits)
    if not told:
        return
    yield "<h2>History</h2>"
    heads = ("fit", "users", "moved", "silhouette", "what became of segments, and who moved most")
    eventful = [one for one in told if one.happenings or one.record.flow]
    rows = [_chapter(one) for one in reversed(eventful[-FITS_TOLD:])]
    yield _table(heads, rows, words={0, 4})
    if (rest := len(eventful) - FITS_TOLD) > 0:
        yield f"<p>{counted(rest, 'fit')} before that are left out here.</p>"
    if quiet := len(told) - len(eventful):
        yield f"<p>{counted(quiet, 'fit')} more changed no segment and moved nobody.</p>"


def _chapter(one: Chapter) -> list[str]:
    record = one.record
    flows = [
        f"{name(flow.before, one.labels)} → {name(flow.after, one.labels)}: {flow.users:,}"
        for flow in record.flow[:FLOWS_TOLD]
    ]
    would = [] if record.outcome in FORCED else ["not in force, but it would be:"]
    lines = [*would, *(happening.text for happening in one.happenings), *flows]
    return [
        f"{_of(record)}<br><small>model {record.version}: {escape(record.outcome)}</small>",
        f"{record.users:,}",
        f"{record.moved_share:.1%}",
        _number(record.silhouette),
        "<br>".join(map(escape, lines)) or "–",
    ]


def _of(record: Record) -> str:
    return f"{moment(record.at)} {escape(record.reason)}"


def _not_yet(record: Record) -> str:
    return "" if record.outcome in FORCED else f", if it comes into force: it is {record.outcome}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, words: set[int]) -> str:
    """`rows` are markup already; the columns in `words` are text, the others numbers."""

    def line(tag: str, cells: Sequence[str]) -> str:
        kinds = (' class="words"' if n in words else "" for n in range(len(cells)))
        pairs = zip(cells, kinds, strict=True)
        return f"<tr>{''.join(f'<{tag}{kind}>{cell}</{tag}>' for cell, kind in pairs)}</tr>"

    head, body = line("th", heads), "".join(line("td", row) for row in rows)
    return f'<div class="wide"><table><thead>{head}</thead><tbody>{body}</tbody></table></div>'
