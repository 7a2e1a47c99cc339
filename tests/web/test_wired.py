"""A worker's reads ask what the worker itself works with."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from stream.app import Worker
from stream.core.allowed import EVERYTHING
from stream.core.parts import PARTS
from stream.reads.lookalikes import Asked
from stream.settings import load
from tests.reads.world import World
from tests.support.candidates import candidates_of


async def test_the_worker_s_reads_go_by_its_store_replica_and_model() -> None:
    world, worker = World(), Worker(load(why_langs=("zh",)))
    tools = SimpleNamespace(
        store=world.store,
        replica=SimpleNamespace(catalogue=world.catalogue),
        candidates=candidates_of(world.catalogue, world.store),
        keeper=SimpleNamespace(model=world.model),
        in_force=SimpleNamespace(parts=lambda: PARTS),
    )
    reads = worker._reads(cast(Any, tools))

    assert worker.api.reads is None  # until it has started
    found = await reads.explain("space fan 0", lang=None)
    assert found is not None
    assert found.user.segment is not None
    assert found.user.segment.label == "space"
    assert found.published is not None
    assert any("喜欢" in one.why for one in found.published.items)
    fresh = await reads.recommendations("space fan 0", n=3, filters=EVERYTHING)
    assert fresh is not None
    assert fresh.as_of > found.published.as_of  # by the wall clock
    assert await reads.lookalikes("space fan 0", Asked()) is not None
    assert (await reads.segments()).version == 7
