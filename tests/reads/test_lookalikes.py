"""Look-alikes over a planted world."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.errors import Unavailable
from stream.reads.answers import Lookalikes
from stream.reads.lookalikes import Asked
from stream.store.codec import pack, unpack
from stream.store.rows import fresh_etag
from tests.core.samples import NOW, law
from tests.reads.world import (
    BLANK,
    FORGOTTEN,
    GROUPS,
    NAMELESS,
    TUNING,
    USERS_EACH,
    World,
    profiles,
)

FANS = [p.user_id for p in profiles() if p.interests]
ALL = Asked(n=100)


async def alike(world: World, user_id: str, asked: Asked = ALL) -> Lookalikes:
    found = await world.reads.lookalikes(user_id, asked)
    assert found is not None
    return found


@pytest.mark.parametrize("user", FANS)
async def test_nobody_is_their_own_lookalike_and_forgotten_users_are_nobody_s(user: str) -> None:
    found = {one.user_id for one in (await alike(World(), user)).users}

    assert not found & {user, FORGOTTEN, NAMELESS, BLANK}
    assert not any(name.startswith("\0") for name in found)


@pytest.mark.parametrize("user", [name for name in FANS if not name.endswith("4")])
async def test_the_own_group_comes_before_all_others_by_both_measures(user: str) -> None:
    group = user.split()[0] if " fan " in user else GROUPS[0]
    found = (await alike(World(), user)).users
    pure = [one for one in found if not one.user_id.endswith("4")]  # the others like two things
    own = [one for one in pure if one.segment == f"s{GROUPS.index(group)}"]
    others = [one for one in pure if one not in own]

    assert len(own) >= USERS_EACH - 2
    assert found[: len(own)] == own
    for measure in ("similarity", "taste", "interests"):
        least = min(getattr(one, measure) for one in own)
        assert least > max((getattr(one, measure) for one in others), default=0.0)


async def test_measures_are_the_same_from_either_side() -> None:
    world = World()
    table = {user: {o.user_id: o for o in (await alike(world, user)).users} for user in FANS}

    for user, found in table.items():
        for other, there in found.items():
            back = table[other][user]
            for measure in ("similarity", "taste", "interests", "overlap"):
                assert getattr(there, measure) == pytest.approx(getattr(back, measure), abs=3e-6)
            shared = {(s.label, s.theirs) for s in there.shared_interests}
            assert shared == {(s.theirs, s.label) for s in back.shared_interests}


@law
@given(st.sampled_from(FANS), st.integers(1, 30))
async def test_pages_part_the_result(user: str, n: int) -> None:
    world = World()
    whole = await alike(world, user)
    pages = [await alike(world, user, Asked(page=p, n=n)) for p in range(1, whole.total // n + 3)]

    assert [one for page in pages for one in page.users] == whole.users
    assert len(whole.users) == whole.total
    full = [page for page in pages if page.users]
    assert {page.pages for page in pages} == {len(full)}


async def test_reasons_name_interests_items_and_categories() -> None:
    first = (await alike(World(), "space fan 0")).users[0]

    assert [(s.label, s.theirs) for s in first.shared_interests] == [("space", "space")]
    assert first.shared_interests[0].nearness > 0.9
    assert first.shared_items[0].title.startswith("Space ")
    assert first.shared_categories == ["space"]
    assert first.overlap > 0.9


async def test_padding_does_not_change_the_result() -> None:
    """Rows of zeros match nothing, however many there are."""
    few, many = World(), World()
    few.store.users.places, many.store.users.places = 1, 20

    assert await alike(few, "space fan 4") == await alike(many, "space fan 4")


async def test_only_users_of_a_segment_are_found_if_it_is_asked_for() -> None:
    found = await alike(World(), "space fan 4", Asked(n=100, segment="s1"))

    assert {one.segment for one in found.users} == {"s1"}
    assert (await alike(World(), "space fan 4", Asked(segment="none"))).users == []


async def test_only_active_users_are_found_if_it_is_asked_for() -> None:
    world = World()
    late = unpack(world.store.users.rows["space fan 1"])
    row = pack(replace(late, as_of=NOW + 500), fresh_etag(), TUNING, now=NOW)
    world.store.users.rows["space fan 1"] = row

    found = await alike(world, "space fan 0", Asked(since=NOW + 400))
    assert [one.user_id for one in found.users] == ["space fan 1"]
    assert found.users[0].last_active_at == "2023-11-14T22:21:40.000Z"


async def test_a_segment_s_lookalikes_are_users_of_other_segments() -> None:
    found = await World().reads.lookalikes_of_segment("s1", ALL)

    assert found is not None
    assert found.segment is not None
    assert (found.segment.label, found.user_id) == ("cooking", None)
    assert "s1" not in {one.segment for one in found.users}
    assert found.users[0].user_id == "space fan 4"  # who likes cooking too
    assert [s.theirs for s in found.users[0].shared_interests] == ["cooking"]
    assert found.users[0].shared_categories[0] == "cooking"
    assert found.users[0].shared_items


async def test_who_has_no_interest_has_no_lookalikes() -> None:
    found = await alike(World(), BLANK)

    assert (found.total, found.pages, found.users) == (0, 0, [])


@pytest.mark.parametrize("user", [FORGOTTEN, NAMELESS, "nobody"])
async def test_who_is_not_here_has_no_answer(user: str) -> None:
    assert await World().reads.lookalikes(user, ALL) is None
    assert await World().reads.lookalikes_of_segment(user, ALL) is None


async def test_who_is_forgotten_while_a_page_is_made_is_left_out() -> None:
    world = World()
    gone = world.store.users.rows[FORGOTTEN]

    async def forget(point: str) -> None:
        if point == "users.nearest":
            world.store.users.hook = lambda _: _forgets(world, gone)

    world.store.users.hook = forget
    found = await alike(world, "space fan 0")

    assert "space fan 1" not in {one.user_id for one in found.users}
    assert len(found.users) == found.total - 1


async def _forgets(world: World, gone: object) -> None:
    row = replace(world.store.users.rows[FORGOTTEN], user_id="space fan 1")
    world.store.users.rows["space fan 1"] = row


@pytest.mark.parametrize("point", ["users.load", "users.nearest"])
async def test_an_outage_is_told(point: str) -> None:
    world = World()

    async def away(reached: str) -> None:
        if reached == point:
            raise Unavailable("qdrant", "injected")

    world.store.users.hook = away
    with pytest.raises(Unavailable, match="injected"):
        await world.reads.lookalikes("space fan 0", ALL)


def test_the_world_is_what_it_says() -> None:
    world = World()
    blank = world.store.users.rows[BLANK]

    assert blank.taste is None
    assert not len(blank.interests)
    assert world.store.users.rows[NAMELESS].user_id.startswith("\0")
    assert np.isclose(np.linalg.norm(world.store.users.rows["space fan 4"].interests[1]), 1)
