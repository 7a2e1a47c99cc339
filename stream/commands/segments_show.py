"""`interestream segments show SEGMENT`: what is known of one segment, in plain words."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from stream.commands.explain import Reader, reader
from stream.commands.shown import columns, moment, plain
from stream.core.segments import Segment, SegmentModel
from stream.core.tuning import Tuning
from stream.errors import Failed
from stream.reads.alike import middle
from stream.reads.answers import ItemName, Member
from stream.reads.members import members
from stream.reads.names import StoredItems, cut, named
from stream.segment_report.history import Chapter, about, chapters, name, since
from stream.settings import Settings
from stream.store.segment_history import SegmentHistory
from stream.store.users import Alike

ITEMS, MEMBERS, NEXT_TO = 10, 10, 5
NAME_CHARS = 40


@dataclass(frozen=True, slots=True)
class NextTo:
    """Another segment, and the cosine between the two centroids."""

    id: str
    label: str
    cosine: float


@dataclass(frozen=True, slots=True)
class Became:
    """What became of the segment at a fit."""

    version: int
    at: float
    outcome: str
    what: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A segment of the model in force, or one of the records that is in force no more.

    label    the last one
    version  of the model in force
    size     users of the fit's sample, which had `sample`; None where it is not in force
    since    version and time of the first fit that had it, among the records that are kept; None
             where none is
    born     whether it was born then; else it is older than the records
    next_to  the nearest first
    members  some of those nearest to the centroid
    """

    id: str
    label: str
    in_force: bool
    version: int
    terms: tuple[str, ...] = ()
    size: int | None = None
    sample: int | None = None
    since_version: int | None = None
    since_at: float | None = None
    born: bool = False
    next_to: tuple[NextTo, ...] = ()
    items: tuple[ItemName, ...] = ()
    members: tuple[Member, ...] = ()
    became: tuple[Became, ...] = ()


async def shown(settings: Settings, segment_id: str) -> Shown:
    """Raises Failed where there is no such segment, Misconfigured if there is no store, and
    Unavailable while Qdrant does not answer."""
    async with reader(settings) as store:
        model = await store.segments.current()
        fits = await SegmentHistory(store.meta, store.segments).records()
        story = chapters(fits)
        segment = model.get(segment_id) if model else None
        if model is None or segment is None:
            return _gone(segment_id, model, story, settings.namespace)
        (near,) = await StoredItems(store.items).nearest([segment.centroid], ITEMS)
        first = since(segment_id, fits)
        return Shown(
            segment.id,
            segment.label,
            in_force=True,
            version=model.version,
            terms=segment.terms,
            size=segment.size,
            sample=sum(one.size for one in model.segments),
            since_version=first[0].version if first else None,
            since_at=first[0].at if first else None,
            born=bool(first and first[1]),
            next_to=neighbours(segment, model),
            items=tuple(named(e.item_id, {e.item_id: cut(e.title)}) for e in near),
            members=await _members(store, segment, settings.tuning()),
            became=_became(segment_id, story),
        )


def neighbours(segment: Segment, model: SegmentModel, most: int = NEXT_TO) -> tuple[NextTo, ...]:
    """The other segments whose centroids are nearest to this one's."""
    found = [
        NextTo(one.id, one.label, round(float(one.centroid @ segment.centroid), 6))
        for one in model.segments
        if one.id != segment.id
    ]
    return tuple(sorted(found, key=lambda one: (-one.cosine, one.id))[:most])


async def _members(store: Reader, segment: Segment, tuning: Tuning) -> tuple[Member, ...]:
    found = await store.users.nearest(Alike(middle(segment), segment=segment.id), MEMBERS)
    rows = await store.users.load([one.user_id for one in found])
    own = await asyncio.to_thread(members, rows.values(), segment, tuning)
    return tuple(sorted(own, key=lambda one: (-one.nearness, one.user_id))[:MEMBERS])


def _gone(
    segment_id: str, model: SegmentModel | None, story: tuple[Chapter, ...], namespace: str
) -> Shown:
    became = _became(segment_id, story)
    if not became:
        raise Failed(
            f"segment {segment_id!r} is not in namespace {namespace!r}: check the id "
            "(`interestream segments list` shows those in force, `interestream explain USER` the "
            "one a user is in)"
        )
    label = next(
        (one.labels[segment_id] for one in reversed(story) if segment_id in one.labels), ""
    )
    first = since(segment_id, [one.record for one in story])
    return Shown(
        segment_id,
        label,
        in_force=False,
        version=model.version if model else 0,
        since_version=first[0].version if first else None,
        since_at=first[0].at if first else None,
        born=bool(first and first[1]),
        became=became,
    )


def _became(segment_id: str, story: tuple[Chapter, ...]) -> tuple[Became, ...]:
    return tuple(
        Became(one.record.version, one.record.at, one.record.outcome, happening.text)
        for one in about(segment_id, story)
        for happening in one.happenings
    )


def tell(one: Shown) -> list[str]:
    """Lines for a terminal."""
    head = f"segment {name(one.id, {one.id: one.label})}"
    if not one.in_force:
        lines = [f"{head} is not in force" + (f": model {one.version} is" if one.version else "")]
        return [*lines, *_since(one), *_history(one)]
    share = f" ({one.size / one.sample:.1%})" if one.sample and one.size is not None else ""
    terms = ", ".join(plain(term, NAME_CHARS) for term in one.terms)
    near = [f"{name(n.id, {n.id: n.label})} {n.cosine:.2f}" for n in one.next_to]
    return [
        f"{head}, model {one.version}",
        f"  special about it: {terms or '-'}",
        f"  size: {one.size or 0:,} of {one.sample or 0:,} users of the sample{share}",
        *_since(one),
        f"  next to it, by cosine: {', '.join(near) or '-'}",
        *_items(one),
        *_users(one),
        *_history(one),
    ]


def _since(one: Shown) -> list[str]:
    if one.since_version is None or one.since_at is None:
        return ["  since: no record that is kept says so"]
    older = "" if one.born else " or earlier: the records do not reach back farther"
    return [f"  since: {moment(one.since_at)}, model {one.since_version}{older}"]


def _items(one: Shown) -> list[str]:
    if not one.items:
        return ["", "no typical items: nothing is on offer"]
    rows = [(plain(i.title, NAME_CHARS) or "-", plain(i.item_id, NAME_CHARS)) for i in one.items]
    return ["", "typical items", *columns(rows)]


def _users(one: Shown) -> list[str]:
    if not one.members:
        return ["", "nobody is in it now"]
    titles = ("user", "nearness", "since", "last active", "interests")
    rows = [
        (
            plain(user.user_id, NAME_CHARS),
            f"{user.nearness:.2f}",
            (user.since or "-")[:10],
            (user.last_active_at or "-")[:10],
            ", ".join(plain(label, NAME_CHARS) for label in user.interests) or "-",
        )
        for user in one.members
    ]
    return ["", "typical users", *columns([titles, *rows])]


def _history(one: Shown) -> list[str]:
    if not one.became:
        return ["", "nothing has become of it in the fits that are recorded"]
    rows = [(moment(b.at), str(b.version), b.outcome, b.what) for b in one.became]
    return ["", "what became of it", *columns([("fit", "model", "outcome", "what"), *rows])]
