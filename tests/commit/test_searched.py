"""A worker that may not hold its catalogue: candidates are looked up for each user."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from stream.core import candidates
from stream.core.catalogue import Catalogue
from stream.core.parts import PARTS, Part, Scores
from stream.core.profile import Profile
from stream.core.tuning import Tuning
from tests.commit.world import World, catalogue, event
from tests.support.rows import item_row

USERS = ("ada", "bob", "cleo")


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few candidates that users of different tastes have different ones."""
    for name, most in {"HOTTEST": 1, "NEWEST": 1, "BY_PARTS": 1}.items():
        monkeypatch.setattr(candidates, name, most)
    monkeypatch.setattr("stream.store.candidates.BY_QUERY", 2)


def searching(at_once: int, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world whose worker has the items in its store alone, and ranks so many users at once."""
    monkeypatch.setattr("stream.store.candidates.AT_ONCE", at_once)
    world = World()
    for entry in catalogue().entries:
        world.store.items.rows[entry.item_id] = item_row(
            entry.item_id, title=entry.title, categories=entry.categories, vector=entry.vector
        )
    world.catalogue = catalogue().lightened()
    return world


async def offered(world: World) -> dict[str, list[tuple[str, float]]]:
    """What a chunk with one click of each user, on items of different clusters, brings them."""
    world.produce(*(event(item_id=f"i{n}", user_id=user) for n, user in enumerate(USERS)))
    await world.consume(world.commit())
    found = {}
    for user in USERS:
        (fresh,) = world.lists(user)
        assert fresh is not None
        found[user] = [(offer["item_id"], offer["score"]) for offer in fresh["items"]]
    return found


@pytest.mark.parametrize("at_once", [1, 2])
async def test_a_list_does_not_depend_on_the_group_it_is_made_in(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = await offered(searching(16, monkeypatch))
    apart = await offered(searching(at_once, monkeypatch))

    assert together == apart
    assert all(0 < len(own) < len(catalogue()) - 1 for own in together.values())
    assert len({tuple(own) for own in together.values()}) == len(USERS)


@pytest.mark.parametrize("light", [True, False], ids=["searched", "scored"])
async def test_a_part_that_is_plugged_in_finds_and_ranks(
    light: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though nothing else speaks for its item, and the message names it in its ranker."""
    monkeypatch.setattr("stream.core.candidates.BY_QUERY", 1)
    world = searching(16, monkeypatch)
    world.catalogue = world.catalogue if light else catalogue()

    def only_i8(profiles: Sequence[Profile], items: Catalogue, _: Tuning) -> Scores:
        return np.array([[e.item_id == "i8" for e in items.entries]] * len(profiles), np.float32)

    plugged = Part("planted", lambda _: 1.0, only_i8, version="v7")
    world.scored_by = lambda: (*PARTS, plugged)

    found = await offered(world)

    assert [own[0][0] for own in found.values()] == ["i8"] * len(USERS)
    (message,) = world.lists("ada")
    assert message is not None
    assert message["items"][0]["source"] == "planted"
    assert "planted@v7" in message["model"]["ranker"]


async def test_an_interest_starts_from_a_vector_that_the_worker_does_not_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = searching(16, monkeypatch)

    await offered(world)

    assert {user: one.interests[0].medoid for user, one in world.profiles().items()} == {
        "ada": "i0",
        "bob": "i1",
        "cleo": "i2",
    }
