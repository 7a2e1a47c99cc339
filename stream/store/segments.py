"""Segment models in Qdrant: one point a (model version, segment), and a fact that names the model.

A model's points are written under a version that nobody else has, and readers follow the fact
`segment_model`, so they see one model or the next, whole. The fact changes only by compare-and-set.
So does what is held: a model whose points are there and that only a person's yes puts in force.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from qdrant_client import grpc as pb

from stream.core.segment_history import ACCEPTED, REJECTED, REPLACED, Standing
from stream.core.segments import Segment, SegmentModel
from stream.errors import Unavailable
from stream.store import convert, guarded
from stream.store.client import PART, Points, any_of, below
from stream.store.guarded import Draft
from stream.store.meta import Fact, Meta
from stream.store.moves import refuse_while_closed
from stream.store.restoring import refuse_while_restoring
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

    The fact holds what a `Standing` does: `version`, the model in force (0: none yet), `previous`,
    the one before it, `claimed`, the newest version that somebody took for a model to come, `held`,
    which waits for a decision, and what the last such decision was.
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

    async def standing(self) -> Standing:
        """What is true now of all versions."""
        return _standing(await self._meta.get(MODEL_FACT))

    # --- the leader

    async def claim(self, now_ms: int) -> Claim | None:
        """A version for a new model that is nobody else's; None if another leader was faster.

        max(newest + 1, wall clock), so that versions grow even where the fact was lost.
        """
        fact = await self._meta.get(MODEL_FACT)
        known: dict[str, Any] = (
            {"version": 0, "previous": 0, "claimed": 0} if fact is None else fact.value
        )
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
        """Put the model in force, unless somebody claimed, switched or decided since `read_etag`.

        One that was held is replaced by it. Models older than the one that was in force are
        deleted; readers may still be at that one.
        """
        fact = await self._meta.get(MODEL_FACT)
        if fact is None:
            return False
        replaced = _decided(fact, REPLACED) if fact.value.get("held") else {}
        new = {"version": version, "previous": fact.value["version"]}
        return await self._put(fact.value | replaced | new, read_etag)

    async def hold(self, version: int, read_etag: int) -> bool:
        """Keep the model for a person's decision, as `switch` puts one in force.

        It takes the place of another one that was held.
        """
        fact = await self._meta.get(MODEL_FACT)
        if fact is None:
            return False
        replaced = _decided(fact, REPLACED) if fact.value.get("held") else {}
        return await self._put(fact.value | replaced | {"held": version}, read_etag)

    # --- who decides about a model that is held

    async def check_open(self) -> None:
        """Raise Unavailable while the store is closed, for a move or a restore: what is decided
        then would be about a model that may not come along."""
        await refuse_while_restoring(self._meta)
        await refuse_while_closed(self._meta)

    async def accept(self, version: int) -> bool:
        """Put the held model in force; False where it is not the one that is held any more, or
        somebody else changed the fact at this moment, or its points are gone."""
        fact = await self._meta.get(MODEL_FACT)
        if fact is None or fact.value.get("held", 0) != version:
            return False
        if await self.load(version) is None:
            return False
        new = {"version": version, "previous": fact.value["version"]}
        return await self._put(fact.value | _decided(fact, ACCEPTED) | new, fact.etag)

    async def reject(self, version: int) -> bool:
        """Drop the held model; False where it is not held any more, or as with `accept`."""
        fact = await self._meta.get(MODEL_FACT)
        if fact is None or fact.value.get("held", 0) != version:
            return False
        return await self._put(fact.value | _decided(fact, REJECTED), fact.etag)

    async def _put(self, value: dict[str, Any], read_etag: int) -> bool:
        """Not during a restore: whoever was stalled may hold the etag that it brings back, and its
        model may be of points that it does not."""
        await refuse_while_restoring(self._meta)
        if not await self._meta.put(MODEL_FACT, value, read_etag):
            return False
        kept = {value["version"], value["previous"], value.get("held", 0)}
        with suppress(Unavailable):  # it is done; the next time deletes what is left
            await self._prune(kept)
        return True

    async def _prune(self, kept: set[int]) -> None:
        """Delete the models that nobody can read any more; one that is newer than all of these may
        be on its way here."""
        older = pb.Filter(must=[below(VERSION, max(kept))])
        pages = self._points.scroll(older, fields=[VERSION])
        gone = [
            point.id.uuid
            async for page in pages
            for point in page
            if point.payload[VERSION].integer_value not in kept
        ]
        if gone:
            await self._points.delete(gone)


def _standing(fact: Fact | None) -> Standing:
    if fact is None:
        return Standing()
    value = fact.value
    return Standing(
        version=value["version"],
        previous=value["previous"],
        claimed=value["claimed"],
        held=value.get("held", 0),
        decided=value.get("decided", 0),
        as_what=value.get("as_what", ""),
    )


def _decided(fact: Fact, as_what: str) -> dict[str, Any]:
    """What is to change in the fact when the model that is held is not any more."""
    return {"held": 0, "decided": fact.value["held"], "as_what": as_what}


def _draft(version: int, place: int, segment: Segment) -> Draft:
    fields: dict[str, convert.Field] = {
        VERSION: version,
        PLACE: place,
        "id": segment.id,
        "label": segment.label,
        "size": segment.size,
        "terms": segment.terms,
        "named": segment.named,
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
        terms=convert.texts(fields, "terms"),
        named=convert.texts(fields, "named"),
    )
