"""`interestream segments report`: what is read for it, and what it says and writes."""

from __future__ import annotations

import time
from pathlib import Path

from stream.commands.explain import reader
from stream.commands.shown import columns, moment, plain
from stream.core.segment_history import Record
from stream.core.segments import SegmentModel
from stream.errors import Misconfigured
from stream.evaluate.picture import drawing
from stream.reads.names import Catalogued, StoredItems, cut
from stream.segment_report.history import FORCED, chapters, counted
from stream.segment_report.page import GROUPS_TOLD, page
from stream.segment_report.picture import picture
from stream.segment_report.report import Group, Item, Report, Sampled
from stream.segment_report.rivals import Comparison, Method
from stream.settings import Settings
from stream.store.segment_history import SegmentHistory

#: Items that stand for a segment.
ITEMS = 8
#: On a terminal: segments, fits, and what became of segments at one of them.
GROUPS, FITS, HAPPENINGS = 20, 5, 6
LABEL_CHARS = 40
TERMS = 4


def check(out: Path | None) -> None:
    """Refuse now what could not be written at the end. Raises Misconfigured."""
    if out is None or out.suffix == ".html":
        return
    if out.suffix != ".png":
        raise Misconfigured(f"--out is {out}: name a file that ends in .html or .png")
    drawing()


async def sampled(settings: Settings, users: int) -> Sampled:
    """Up to `users` users, the model in force and the records.

    Raises Misconfigured if there is no store, Unavailable while Qdrant does not answer.
    """
    async with reader(settings) as store:
        model = await store.segments.current()
        fits = await SegmentHistory(store.meta, store.segments).records()
        _, tastes = await store.users.tastes(users, settings.segment_min_weight)
        items = await typical(StoredItems(store.items), model)
    return Sampled(time.time(), model, fits, tastes, items)


async def typical(
    items: Catalogued, model: SegmentModel | None, most: int = ITEMS
) -> dict[str, tuple[Item, ...]]:
    """By id of a segment the items on offer nearest to its centroid, of the largest segments."""
    segments = sorted(model.segments if model else (), key=lambda s: -s.size)[:GROUPS_TOLD]
    found = await items.nearest([segment.centroid for segment in segments], most)
    return {
        segment.id: tuple(Item(entry.item_id, cut(entry.title)) for entry in near)
        for segment, near in zip(segments, found, strict=True)
    }


def write(report: Report, out: Path) -> None:
    """The page or, where the name ends in .png, the picture. Raises Misconfigured as `check`."""
    if out.suffix == ".png":
        picture(report, out)
        return
    out.write_text(page(report), encoding="utf-8")


def tell(report: Report) -> list[str]:
    """Lines for a terminal."""
    if report.version is None:
        return ["no segments yet: they are fitted when enough users have a taste"]
    lines = [
        f"model {report.version}, {counted(len(report.segments), 'segment')}; {report.users:,} "
        "users looked at, each counted where the nearest centroid is"
    ]
    if report.held is not None:
        lines.append(f"held: model {report.held}; see `interestream segments list`")
    titles = ("id", "label", "users", "of the fit", "special about it")
    lines += columns([titles, *(_group(one) for one in report.segments[:GROUPS])])
    if (rest := len(report.segments) - GROUPS) > 0:
        lines.append(f"  and {rest} smaller ones")
    return [*lines, *_compared(report.compared), *_story(report)]


def _group(one: Group) -> tuple[str, ...]:
    terms = ", ".join(plain(term, LABEL_CHARS) for term in one.terms[:TERMS])
    label = plain(one.label, LABEL_CHARS) or "-"
    return plain(one.id), label, f"{one.users:,}", f"{one.size:,}", terms or "-"


def _compared(compared: Comparison | None) -> list[str]:
    if compared is None:
        return []
    titles = (
        "method", "groups", "noise", "silhouette", "ours there", "Davies–Bouldin", "ARI",
        "without noise", "seconds",
    )  # fmt: skip
    return [
        "",
        *columns([titles, *map(_method, compared.methods)]),
        "  silhouette and Davies–Bouldin are without noise; `ours there` is that of the segments "
        "on the users who are left; ARI, the adjusted Rand index, is against the segments, noise "
        "as one group",
    ]


def _method(one: Method) -> tuple[str, ...]:
    measures = (
        one.silhouette,
        one.silhouette_ours,
        one.davies_bouldin,
        one.adjusted_rand,
        one.adjusted_rand_clustered,
    )
    return (
        one.name,
        str(one.groups),
        f"{one.noise:.1%}",
        *("-" if measure is None else f"{measure:.3f}" for measure in measures),
        "-" if one.seconds is None else f"{one.seconds:.1f}",
    )


def _story(report: Report) -> list[str]:
    told = [one for one in chapters(report.fits) if one.happenings]
    lines = []
    for one in told[-FITS:]:
        lines += ["", _head(one.record)]
        lines += [f"  {happening.text}" for happening in one.happenings[:HAPPENINGS]]
        if len(one.happenings) > HAPPENINGS:
            lines.append(f"  and {len(one.happenings) - HAPPENINGS} more")
    return lines


def _head(record: Record) -> str:
    users = f"{record.moved_share:.1%} of {record.users:,} users"
    fit = f"{moment(record.at)} model {record.version} ({record.reason})"
    if record.outcome in FORCED:
        return f"{fit}: {users} moved"
    return f"{fit} is not in force but {record.outcome}; it would move {users}"
