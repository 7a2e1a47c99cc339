"""`interestream segments`: the model in force, what the last fits did, and decisions about one."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from stream.commands.explain import reader
from stream.commands.shown import columns, moment, plain
from stream.core.segment_history import Record
from stream.core.segments import Segment, SegmentModel
from stream.errors import Failed
from stream.settings import Settings
from stream.store.segment_decisions import accept, reject
from stream.store.segment_history import SegmentHistory
from stream.store.segment_requests import Request, SegmentRequests

LABEL_CHARS = 40
TERMS = 6
POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Overview:
    """What there is. `held` is the record of the model that waits; `fits` are the oldest first."""

    model: SegmentModel | None
    held: Record | None
    fits: tuple[Record, ...]


async def overview(settings: Settings) -> Overview:
    """Raises Misconfigured if there is no store, Unavailable while Qdrant does not answer."""
    async with reader(settings) as store:
        fits = await SegmentHistory(store.meta, store.segments).records()
        held = (await store.segments.standing()).held
        return Overview(
            await store.segments.current(),
            next((one for one in fits if held and one.version == held), None),
            fits,
        )


async def decide(settings: Settings, version: int | None, *, yes: bool) -> int:
    """Accept or reject the model that is held, of this version if one is given; its version.

    Raises Failed where it is not held, Unavailable also while the store is closed for a move or a
    restore, and as `overview`.
    """
    step = accept if yes else reject
    async with reader(settings) as store:
        await store.segments.check_open()  # in the middle of a restore nothing is held yet
        wanted = version or (await store.segments.standing()).held
        if not wanted:
            raise Failed("no model is held: nothing waits for a decision")
        history = SegmentHistory(store.meta, store.segments)
        decision = await step(store.segments, history, wanted)
    if not decision.done:
        raise Failed(decision.why)
    return wanted


async def refit(settings: Settings, wait_s: float, say: Callable[[str], object]) -> Request:
    """Ask the worker that leads for a fit; its answer.

    Raises Failed where it has no model to give or does not answer in time, and as `overview`.
    """
    async with reader(settings) as store:
        requests = SegmentRequests(store.meta)
        asked = await requests.ask(uuid.uuid4().hex, time.time())
        say("asked for a fit; the worker that leads looks every few seconds")
        deadline = time.monotonic() + wait_s
        while True:
            found = await requests.newest()
            if found is None or found.id != asked.id:
                raise Failed("somebody asked again meanwhile: the answer will be theirs")
            if found.why:
                raise Failed(f"there is no new model: {found.why}")
            if found.answered:
                return found
            if time.monotonic() >= deadline:
                raise Failed(
                    f"no answer within {wait_s:g} s (--wait-s): does a worker of namespace "
                    f"{settings.namespace!r} run? The next that leads will fit all the same"
                )
            await asyncio.sleep(POLL_S)


def tell(found: Overview, *, fits: int) -> list[str]:
    """Lines for a terminal: the segments, what waits, and the last fits."""
    if found.model is None:
        lines = ["no segments yet: they are fitted when enough users have a taste"]
    else:
        titles = ("id", "label", "users of the sample", "special about it")
        rows = columns([titles, *map(_segment, found.model.segments)])
        lines = [f"model {found.model.version}, {len(found.model.segments)} segments", *rows]
    if found.held is not None:
        lines += [
            "",
            f"held: model {found.held.version}, which would move {found.held.moved_share:.1%} of "
            "the users. `interestream segments accept` puts it in force, `interestream segments "
            "reject` drops it",
        ]
    if last := _last(found, fits):
        titles_of_fits = ("fit", "at", "why", "users", "moved", "same", "new", "gone", "became")
        lines += ["", *columns([titles_of_fits, *map(_fit, last)])]
    return lines


def as_json(found: Overview, *, fits: int) -> dict[str, object]:
    """The same for programs; centroids are left out."""
    model = found.model
    return {
        "version": None if model is None else model.version,
        "segments": [
            {"id": s.id, "label": s.label, "size": s.size, "terms": s.terms}
            for s in (model.segments if model else ())
        ],
        "held": found.held,
        "fits": _last(found, fits),
    }


def _last(found: Overview, fits: int) -> tuple[Record, ...]:
    return found.fits[max(len(found.fits) - fits, 0) :]


def _segment(one: Segment) -> tuple[str, ...]:
    terms = ", ".join(plain(term, LABEL_CHARS) for term in one.terms[:TERMS])
    return one.id, plain(one.label, LABEL_CHARS) or "-", f"{one.size:,}", terms or "-"


def _fit(one: Record) -> tuple[str, ...]:
    same = "-" if one.adjusted_rand is None else f"{one.adjusted_rand:.2f}"
    return (
        str(one.version),
        moment(one.at),
        one.reason,
        f"{one.users:,}",
        f"{one.moved_share:.1%}",
        same,
        str(len(one.births)),
        str(len(one.deaths)),
        one.outcome,
    )
