"""The planted users in a store that the commands are told of, after two fits of segments."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from stream.core.segment_history import FIRST, PERIODIC, Flow, Merge, Named, Record
from stream.settings import load
from stream.store.codec import pack
from stream.store.collections import open_store
from stream.store.rows import fresh_etag
from stream.store.segment_history import SegmentHistory
from tests.commands.conftest import Command
from tests.core.samples import NOW
from tests.reads.world import DIMENSION, TUNING, catalogue, model, profiles
from tests.support.rows import item_row


async def said(command: Command, *arguments: str) -> str:
    """What `interestream segments` answers; fails where it does."""
    result = await asyncio.to_thread(command, "segments", *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


async def fill() -> None:
    """The world of the reads: segments s0 to s3, of which s3 has taken in `old`."""
    store = await open_store(load(), dimension=DIMENSION, encoder_hash="e1")
    rows = [pack(profile, fresh_etag(), TUNING, now=NOW) for profile in profiles()]
    await store.users.save(rows, {row.user_id: None for row in rows})
    items = [
        item_row(e.item_id, title=e.title, vector=e.vector, categories=e.categories)
        for e in catalogue().entries
        if not e.deleted
    ]
    await store.items.save(items, {row.item_id: None for row in items})
    history = SegmentHistory(store.meta, store.segments)
    for one in records():
        claim = await store.segments.claim(one.version)
        assert claim is not None
        await store.segments.save(replace(model(), version=one.version))
        await history.add(one)
        assert await store.segments.switch(one.version, claim.etag)
    await store.close()


def records() -> tuple[Record, ...]:
    named = tuple(Named(s.id, s.label, s.size) for s in model().segments)
    before = (*named[:3], Named("old", "opera", 4), Named("s3", "music", 1))
    return (
        Record(
            5, NOW - 7200, FIRST, outcome="fitted", users=20, segments=before,
            births=tuple(one.id for one in before), silhouette=0.4, davies_bouldin=1.0,
        ),
        Record(
            7, NOW - 3600, PERIODIC, outcome="fitted", users=20, segments=named, deaths=("old",),
            merges=(Merge(("s3", "old"), "s3"),), moved_share=0.2, adjusted_rand=0.9,
            silhouette=0.5, davies_bouldin=0.9, flow=(Flow("old", "s3", 4),),
        ),
    )  # fmt: skip
