"""Laws of a worker's copy of the segment model."""

from __future__ import annotations

import asyncio

import pytest

from stream.core.segments import SegmentModel
from stream.errors import Unavailable
from stream.store.segment_keeper import SegmentKeeper
from tests.agents.segment_parts import FakeSegments, FakeStore, axis, model, until


class Counting(FakeSegments):
    """Counts how often a model was loaded."""

    loads = 0

    async def load(self, version: int) -> SegmentModel | None:
        self.loads += 1
        return await super().load(version)


@pytest.fixture
def segments() -> Counting:
    return Counting()


async def test_it_follows_the_model_in_force_and_loads_each_once(segments: Counting) -> None:
    keeper = SegmentKeeper(FakeStore(segments=segments))
    await keeper.refresh()
    seen = [keeper.model]

    for version in (1, 2):
        segments.put_in_force(model(version, s=axis(0)))
        await keeper.refresh()
        await keeper.refresh()
        seen.append(keeper.model)
        assert segments.loads == version
    assert seen == [None, segments.models[1], segments.models[2]]


async def test_an_outage_leaves_the_last_model(segments: Counting) -> None:
    keeper = SegmentKeeper(FakeStore(segments=segments), poll_s=0)
    segments.put_in_force(model(1, s=axis(0)))
    await keeper.refresh()
    segments.away = True
    with pytest.raises(Unavailable):
        await keeper.refresh()
    assert keeper.model is segments.models[1]

    running = asyncio.create_task(keeper.run())
    segments.put_in_force(model(2, s=axis(0)))
    segments.away = False
    await until(lambda: keeper.model is segments.models[2])
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_model_that_is_gone_when_it_is_loaded_leaves_the_last_one(
    segments: Counting,
) -> None:
    keeper = SegmentKeeper(FakeStore(segments=segments))
    segments.put_in_force(model(1, s=axis(0)))
    await keeper.refresh()
    segments.in_force = 2
    await keeper.refresh()
    assert keeper.model is segments.models[1]
