"""Segment models in Qdrant: one point a (model version, segment), and a fact that names the model.

A model's points are written under a version that nobody else has, and readers follow the fact
`segment_model`, so they see one model or the next, whole. The fact changes only by compare-and-set.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from qdrant_client import grpc as pb

from stream.core.segments import Segment, SegmentModel
from stream.errors import Unavailable
from stream.store import convert, guarded
from stream.store.client import PART, Points, any_of, below
from stream.store.guarded import Draft
from stream.store.meta import Meta
from stream.store.rows import fresh_etag

MODEL_FACT = "segment_model"
CENTROID = "centroid"
VERSION = "version"
PLACE = "place"


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write the model `version`; `etag` goes into `Segments.switch`."""

    version: int
    etag: int


class Segments:
    """The `segments` collection and its fact; methods raise Unavailable while Qdrant is away.

    The fact holds `version`, the model in force (0: none yet), `previous`, the one before it, and
    `claimed`, the newest version that somebody took for a model to come.
    """

    def __init__(self, points: Points, meta: Meta) -> None:
        self._points = points
        self._meta = meta

    # --- readers

    async def current_version(self) -> int | None:
        """Version of the model in force; None before the first."""
        fact = await self._meta.get(MODEL_FACT)
        return None if fact is None else fact.value["version"] or None

    async def current(self) -> SegmentModel | None:
        """The model in force; None before the first."""
        version = await self.current_version()
        return None if version is None else await self.load(version)

    async def load(self, version: int) -> SegmentModel | None:
        """The model of this version, its segments in the order of the fit; None if it is gone."""
        here = pb.Filter(must=[any_of(VERSION, [version])])
        pages = self._points.scroll(here, vectors=(CENTROID,))
        found = [point async for page in pages for point in page]
        found.sort(key=lambda point: point.payload[PLACE].integer_value)
        return SegmentModel(version, tuple(map(_segment, found))) if found else None

    # --- the leader

    async def claim(self, now_ms: int) -> Claim | None:
        """A version for a new model that is nobody else's; None if another leader was faster.

        max(newest + 1, wall clock), so that versions grow even where the fact was lost.
        """
        fact = await self._meta.get(MODEL_FACT)
        known = {"version": 0, "previous": 0, "claimed": 0} if fact is None else fact.value
        version = max(known["claimed"] + 1, now_ms)
        if not await self._meta.put(
            MODEL_FACT, known | {"claimed": version}, fact.etag if fact else None
        ):
            return None
        ours = await self._meta.get(MODEL_FACT)
        return Claim(version, ours.etag) if ours and ours.value["claimed"] == version else None

    async def save(self, model: SegmentModel) -> None:
        """Write the points of a claimed version; nobody reads them before the switch.

        Raises Unavailable also where only some of the points are known to be stored.
        """
        drafts = [_draft(model.version, place, s) for place, s in enumerate(model.segments)]
        stored = await guarded.save(self._points, drafts, dict.fromkeys(d.point for d in drafts))
        if len(stored) < len(drafts):
            raise Unavailable(PART, f"{len(stored)} of {len(drafts)} segments are stored")

    async def replace(self, model: SegmentModel) -> None:
        """This model and nothing else; for collections that nobody reads yet.

        Raises Unavailable also where only some of the points are known to be stored.
        """
        pages = self._points.scroll(fields=[PLACE])
        gone = [point.id.uuid async for page in pages for point in page]
        if gone:
            await self._points.delete(gone)
        await self.save(model)

    async def switch(self, version: int, read_etag: int) -> bool:
        """Put the model in force, unless somebody claimed or switched since `read_etag`.

        Models older than the one it replaces are deleted; readers may still be at that one.
        """
        fact = await self._meta.get(MODEL_FACT)
        if fact is None:
            return False
        previous = fact.value["version"]
        value = fact.value | {"version": version, "previous": previous}
        if not await self._meta.put(MODEL_FACT, value, read_etag):
            return False
        with suppress(Unavailable):  # the switch is done; the next one deletes what is left
            await self._prune(previous)
        return True

    async def _prune(self, oldest: int) -> None:
        older = pb.Filter(must=[below(VERSION, oldest)])
        pages = self._points.scroll(older, fields=[PLACE])
        gone = [point.id.uuid async for page in pages for point in page]
        if gone:
            await self._points.delete(gone)


def _draft(version: int, place: int, segment: Segment) -> Draft:
    fields: dict[str, convert.Field] = {
        VERSION: version,
        PLACE: place,
        "id": segment.id,
        "label": segment.label,
        "size": segment.size,
    }
    point = convert.point_uuid(f"{version}/{segment.id}")
    return Draft(point, fresh_etag(), fields, {CENTROID: convert.dense(segment.centroid)})


def _segment(point: pb.RetrievedPoint) -> Segment:
    fields, vectors = convert.read_payload(point.payload), convert.named_vectors(point)
    return Segment(
        id=convert.text(fields, "id"),
        label=convert.text(fields, "label"),
        centroid=convert.read_dense(vectors[CENTROID]),
        size=convert.integer(fields, "size"),
    )
