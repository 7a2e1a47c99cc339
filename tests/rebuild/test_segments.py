"""A model of segments that comes into force while profiles are rebuilt."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from stream.core.segments import Segment, SegmentModel
from stream.reembed.switch import Switch
from stream.store.segments import Claim
from tests.core.samples import axis
from tests.rebuild.world import DIMENSION, World, lived

pytestmark = pytest.mark.integration


async def saved(world: World) -> Claim:
    claim = await world.store.segments.claim(1)
    assert claim is not None
    found = Segment("s-1", "sea", axis(0, DIMENSION), 6)
    await world.store.segments.save(SegmentModel(claim.version, (found,)))
    return claim


@pytest.mark.parametrize("late", [False, True], ids=["while it is closed", "after its end"])
async def test_a_leader_that_was_stalled_may_put_its_model_in_force(
    world: World, late: bool
) -> None:
    """Only the profiles have other collections then: the model's points are where they were."""
    await lived(world)
    made = await world.begun()
    await made.catch_up()
    claim = await saved(world)

    async def members() -> Sequence[str]:
        assert late or await world.store.segments.switch(claim.version, claim.etag)
        return []

    await Switch(made, members=members, wait_s=0, strict=False, say=str).run()
    assert not late or await world.store.segments.switch(claim.version, claim.etag)

    next_one = await world.worker()
    found = await next_one.segments.current()
    await next_one.close()
    assert found is not None
    assert found.version == claim.version
    assert [one.id for one in found.segments] == ["s-1"]
