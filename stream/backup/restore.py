"""Going back to a snapshot, in steps that can be taken up again where they ended.

    1. bar      the fact that a restore is under way: workers that start wait for its end
    2. shut     all aliases: a stalled worker that knows nothing yet can write no more
    3. fill     each collection anew, under its own name
    4. check    that each holds what was saved
    5. facts    in place of what `meta` holds, all but the bar
    6. open     the snapshot's aliases
    7. offsets  the group goes back to where the snapshot was begun
    8. unbar    workers begin

Run again it goes on from step 1, leaving out collections that are whole; a run that still goes on
elsewhere finds before its next step that it was taken over, and ends. Rows keep their etags, so
what a stalled worker had read after the snapshot it cannot write, and what it had read before is
the same row.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from uuid import uuid4

from qdrant_client import AsyncQdrantClient, models

from stream.backup import layout
from stream.backup.exported import import_points
from stream.backup.manifest import Kind, Manifest, Saved
from stream.backup.plan import Broker, Options, Plan
from stream.backup.snapshots import Snapshots
from stream.errors import Failed
from stream.reembed.copying import Tells, patiently
from stream.settings import Settings
from stream.store import names
from stream.store.client import Points, outages
from stream.store.collections import change_aliases, collections_of, open_meta
from stream.store.convert import point_uuid
from stream.store.meta import Meta
from stream.store.restoring import RESTORE_FACT, Restoring, as_value, restoring


async def restore(
    settings: Settings,
    client: AsyncQdrantClient,
    rest: Snapshots,
    source: Path,
    plan: Plan,
    around: Broker,
    options: Options,
    tells: Tells,
) -> None:
    """Carry out a plan without obstacles.

    Raises Failed where members have come to the group meanwhile or a collection does not hold
    what was saved, and Unavailable where a part stays away; run it again then.
    """
    if plan.obstacles:
        raise ValueError(f"the plan has obstacles: {plan.obstacles}")
    await _Restorer(settings, client, rest, source, plan.manifest, tells).run(plan, around, options)


class _Restorer:
    def __init__(
        self,
        settings: Settings,
        client: AsyncQdrantClient,
        rest: Snapshots,
        source: Path,
        manifest: Manifest,
        tells: Tells,
    ) -> None:
        self._settings = settings
        self._client = client
        self._rest = rest
        self._source = source
        self._manifest = manifest
        self._tells = tells
        self._run = uuid4().hex

    async def run(self, plan: Plan, around: Broker, options: Options) -> None:
        meta = await patiently(partial(open_meta, self._client, self._settings))
        done = await patiently(partial(self._bar, meta))  # 1
        due = partial(patiently, partial(self._ours, meta))
        await self._shut()  # 2
        there = await patiently(partial(collections_of, self._client))
        for saved in self._manifest.collections:
            if saved.part == names.META or (saved.name in done and saved.name in there):
                continue
            await due()
            await self._fill(saved)  # 3
            await self._check(saved)  # 4
            done = (*done, saved.name)
            await patiently(partial(self._note, meta, done))
        await due()
        await self._facts()  # 5
        await due()
        await patiently(partial(change_aliases, self._client, made=self._manifest.aliases))  # 6
        await self._offsets(plan, around, options)  # 7
        await due()
        await self._unbar()  # 8

    # --- 1. bar

    async def _bar(self, meta: Meta) -> tuple[str, ...]:
        """The collections that a run before this one has restored; that run is over."""
        before, etag = await restoring(meta)
        same = before is not None and before.snapshot == self._manifest.snapshot
        done = before.done if before is not None and same else ()
        # where an outage cut short a write that was done, the fact is this run's already
        if (before is None or before.run != self._run) and not await meta.put(
            RESTORE_FACT, as_value(self._fact(done)), etag
        ):
            raise Failed("another restore begins at this moment: let it end, then look again")
        return done

    async def _ours(self, meta: Meta) -> int | None:
        """The fact's etag. Raises Failed where another run has taken over, or ended it."""
        found, etag = await restoring(meta)
        if found is None or found.run != self._run:
            raise Failed("another run of `interestream restore` took over: leave it to that one")
        return etag

    async def _note(self, meta: Meta, done: tuple[str, ...]) -> None:
        if not await meta.put(RESTORE_FACT, as_value(self._fact(done)), await self._ours(meta)):
            await self._ours(meta)

    def _fact(self, done: Sequence[str]) -> Restoring:
        return Restoring(self._manifest.snapshot, str(self._source), tuple(done), self._run)

    # --- 2. shut

    async def _shut(self) -> None:
        led = await patiently(partial(layout.our_aliases, self._client, self._settings.namespace))
        await patiently(partial(change_aliases, self._client, gone=tuple(led)))

    # --- 3. fill

    async def _fill(self, saved: Saved) -> None:
        await patiently(partial(self._delete, saved.name))
        path = self._source / saved.file.name
        advances = partial(self._tells.advances, saved.part)
        if saved.kind is Kind.SNAPSHOT:
            self._tells.begins(saved.part, saved.file.size)
            await self._rest.recover(saved.name, path, saved.file, advances)
            return
        self._tells.begins(saved.part, saved.points)
        await patiently(partial(self._create, saved))
        await import_points(self._points(saved.name), path, advances)

    async def _delete(self, name: str) -> None:
        if name in await collections_of(self._client):
            with outages():
                await self._client.delete_collection(name)

    async def _create(self, saved: Saved) -> None:
        """Repeatable: one that an outage cut short may have been made."""
        params = models.CollectionParams.model_validate(saved.params)
        if saved.name not in await collections_of(self._client):
            with outages():
                await self._client.create_collection(
                    saved.name,
                    vectors_config=params.vectors,
                    sparse_vectors_config=params.sparse_vectors,
                    on_disk_payload=params.on_disk_payload,
                )
        for field, kind in saved.indexes.items():
            with outages():
                await self._client.create_payload_index(
                    saved.name,
                    field,
                    field_schema=models.PayloadSchemaType(kind),
                    wait=True,
                )

    # --- 4. check

    async def _check(self, saved: Saved) -> None:
        """Of a server's own snapshot the number of points is known but for what was written
        while it was made."""
        count = await patiently(self._points(saved.name).count)
        if saved.kind is Kind.POINTS and count != saved.points:
            raise Failed(
                f"{saved.name} holds {count} points, {saved.points} were saved: does something "
                "else write it? Run the same command again"
            )

    # --- 5. facts

    async def _facts(self) -> None:
        saved = self._manifest.of(names.META)
        points = self._points(names.meta(self._settings.namespace))
        bar = point_uuid(RESTORE_FACT)
        await patiently(partial(self._clear, points, bar))
        self._tells.begins(saved.part, saved.points)
        await import_points(
            points, self._source / saved.file.name, partial(self._tells.advances, saved.part)
        )

    async def _clear(self, points: Points, keep: str) -> None:
        pages = points.scroll(fields=["name"])
        gone = [point.id.uuid async for page in pages for point in page if point.id.uuid != keep]
        if gone:
            await points.delete(gone)

    # --- 7. offsets

    async def _offsets(self, plan: Plan, around: Broker, options: Options) -> None:
        if options.evict:
            await asyncio.to_thread(around.evict)
        if members := await asyncio.to_thread(around.members):
            raise Failed(
                f"everything is restored but the group's offsets: {', '.join(members)} came to "
                "the group meanwhile; stop them, then run the same command again"
            )
        await asyncio.to_thread(around.go_on_at, plan.decisions)

    # --- 8. unbar

    async def _unbar(self) -> None:
        points = self._points(names.meta(self._settings.namespace))
        await patiently(partial(points.delete, [point_uuid(RESTORE_FACT)]))

    def _points(self, name: str) -> Points:
        return Points(self._client, name, timeout_s=self._settings.qdrant_timeout_s)
