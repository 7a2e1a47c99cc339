"""Lists from candidates against lists from everything, over either store and its stand-in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest

from stream.core.allowed import Filters
from stream.core.arrange import POOL_LISTS, pool_of
from stream.core.candidates import Choice
from stream.core.fold import fold
from stream.core.profile import Profile
from stream.core.rank import rank, score
from stream.core.tuning import Tuning
from stream.store.candidates import Candidates
from stream.store.collections import Store
from stream.store.replica import Replica
from stream.store.shelf import Shelf
from tests.contracts.conftest import DIMENSION
from tests.core.samples import observation
from tests.support.candidates import chosen
from tests.support.large import Large, large
from tests.support.rows import item_row, neighbour_row

pytestmark = pytest.mark.integration

TUNING = Tuning()
ITEMS, USERS = 3000, 12
RECALL = 0.95


@cache
def world() -> Large:
    return large(items=ITEMS, dimension=DIMENSION, clusters=40, users=USERS, tuning=TUNING)


@dataclass
class Searched:
    """The same world in a store, and a replica that may hold a third of it."""

    world: Large
    replica: Replica
    candidates: Candidates

    @property
    def users(self) -> tuple[Profile, ...]:
        return self.world.profiles


async def searched(store: Store) -> Searched:
    here = world()
    items, neighbours = here.item_rows(), here.neighbour_rows()
    for first in range(0, ITEMS, 1000):
        some, learned = items[first : first + 1000], neighbours[first : first + 1000]
        await store.items.save(some, dict.fromkeys(row.item_id for row in some))
        if learned:
            await store.neighbours.save(learned, dict.fromkeys(row.item_id for row in learned))
    shelf = Shelf(store.items, store.neighbours, size=ITEMS)
    replica = Replica(
        store, dimension=DIMENSION, poll_s=1, overlap_s=1, max_items=ITEMS // 3, shelf=shelf
    )
    await replica.refresh()
    assert replica.catalogue.light
    return Searched(
        here, replica, Candidates(lambda: replica.catalogue, store.items, shelf, TUNING)
    )


async def test_shared_items_score_the_same_and_few_are_missed(store: Store) -> None:
    found = await searched(store)
    choice = await chosen(found.candidates, found.users)

    assert found.world.whole.pair_cosines is not None
    assert found.replica.catalogue.pair_cosines is not None
    assert_same_scores(found.world, found.users, choice)
    assert recall(found.world, found.users, choice, POOL_LISTS * TUNING.list_size) >= RECALL
    assert recall(found.world, found.users, choice, TUNING.list_size) >= RECALL


async def test_a_list_does_not_depend_on_the_other_users(store: Store) -> None:
    found = await searched(store)

    def listed(users: Sequence[Profile], choice: Choice) -> list[list[tuple[str, float]]]:
        made = rank(users, [()] * len(users), choice.catalogue, TUNING, only=choice.only)
        return [[(offer.item_id, round(offer.score, 4)) for offer in one.offers] for one in made]

    together = listed(found.users, await chosen(found.candidates, found.users))
    for user, expected in zip(found.users, together, strict=True):
        assert listed([user], await chosen(found.candidates, [user])) == [expected]
    assert all(len(own) == TUNING.list_size for own in together)


async def test_filters_reach_the_candidates(store: Store) -> None:
    """Without them the candidates would be of all categories, and few of them left."""
    found = await searched(store)
    filters = Filters(categories=frozenset({"c3"}))
    choice = await chosen(found.candidates, found.users, filters)

    scored = score(found.users, choice.catalogue, TUNING, filters, choice.only)

    assert (np.isfinite(scored.total).sum(axis=1) >= TUNING.list_size).all()
    assert recall(found.world, found.users, choice, TUNING.list_size, filters) >= RECALL


async def test_what_a_reader_asks_for_costs_the_pipeline_nothing(store: Store) -> None:
    """What is popular is found once for everybody, whoever asks for something else meanwhile."""
    found = await searched(store)
    held = found.candidates._popular
    await chosen(found.candidates, found.users)
    usual = held[False]
    left_out = frozenset(e.item_id for e in found.world.whole.entries[:50])
    filters = Filters(domain=found.world.whole.entries[0].domain, exclude=left_out)
    choice = await chosen(found.candidates, found.users, filters)

    await chosen(found.candidates, found.users, replace(filters, exclude=frozenset()))
    assert held[False] is usual
    assert held[True].filters == replace(filters, exclude=frozenset())
    scored = score(found.users, choice.catalogue, TUNING, filters, choice.only)
    offered = {
        choice.catalogue.entries[n].item_id for n in np.nonzero(np.isfinite(scored.total))[1]
    }
    assert offered
    assert not offered & left_out
    assert recall(found.world, found.users, choice, TUNING.list_size, filters) >= RECALL


async def test_neighbours_of_an_item_are_those_of_the_whole(store: Store) -> None:
    found = await searched(store)
    whole = found.world.whole
    for item_id in ("item-0", "item-7", "item-2999"):
        ours, exact = await found.candidates.neighbours(item_id), whole.neighbours_of(item_id)
        entries = found.replica.catalogue.entries
        assert {entries[n].item_id for n in ours.columns} == {
            whole.entries[n].item_id for n in exact.columns
        }
        assert np.allclose(sorted(ours.weights), sorted(exact.weights))
        assert ours.count == exact.count
    assert not len((await found.candidates.neighbours("unknown")).columns)


async def test_a_new_user_gets_what_is_hot(store: Store) -> None:
    found = await searched(store)
    new = Profile("nobody", version=1, as_of=found.users[0].as_of)
    choice = await chosen(found.candidates, [new])

    assert_same_scores(found.world, [new], choice)
    assert recall(found.world, [new], choice, TUNING.list_size) == 1.0


async def test_who_clicked_once_gets_what_is_hot_around_it(store: Store) -> None:
    """In the item's domain, which is not where the hottest items of all are."""
    found = await searched(store)
    entry = found.world.whole.entries[5]
    seen = observation(0, at=found.users[0].as_of, item_id=entry.item_id, vector=entry.vector)
    new = fold(Profile("new", version=1), [seen], TUNING).profile
    choice = await chosen(found.candidates, [new])

    exact = score([new], found.world.whole, TUNING)
    at_home = [e.domain == entry.domain for e in found.world.whole.entries]
    best = pool_of(exact.total, TUNING.list_size).rows[0]
    assert np.mean(np.array(at_home)[best]) >= 0.5
    assert recall(found.world, [new], choice, TUNING.list_size) == 1.0


async def test_what_became_hot_is_a_candidate_with_the_next_look(store: Store) -> None:
    found = await searched(store)
    row = (await store.neighbours.load(["item-0"])).get("item-0")
    new = Profile("nobody", version=1, as_of=found.users[0].as_of)
    await chosen(found.candidates, [new])
    hot = neighbour_row("item-0", revision=2, hotness=1e6, at=found.users[0].as_of)
    await store.neighbours.save([hot], {"item-0": row.etag if row else None})

    await found.replica.refresh()
    choice = await chosen(found.candidates, [new])

    assert choice.only is not None
    assert choice.only[0, choice.catalogue.rows["item-0"]]


async def test_items_and_segments_find_their_vectors(store: Store) -> None:
    found = await searched(store)
    light = found.replica.catalogue
    entry = light.entries[7]
    assert entry.vector is None

    (whole,) = (await found.candidates.items([entry.item_id])).values()
    centroid = found.world.whole.vectors[found.world.whole.rows[entry.item_id]]
    (near,) = await found.candidates.nearest([centroid], 5)

    assert whole.vector is not None
    assert np.allclose(whole.vector, centroid, atol=1e-6)
    assert near[0].item_id == entry.item_id
    assert len(near) == 5


def assert_same_scores(world: Large, users: Sequence[Profile], choice: Choice) -> None:
    exact = score(users, world.whole, TUNING)
    ours = score(users, choice.catalogue, TUNING, only=choice.only)
    rows = [world.whole.rows[entry.item_id] for entry in choice.catalogue.entries]
    there = np.isfinite(ours.total)
    assert there.any(axis=1).all()
    assert np.allclose(ours.total[there], exact.total[:, rows][there], rtol=0, atol=1e-5)
    for name, part in ours.parts.items():
        assert np.allclose(part, exact.parts[name][:, rows], rtol=0, atol=1e-5), name


def recall(
    world: Large,
    users: Sequence[Profile],
    choice: Choice,
    size: int,
    filters: Filters | None = None,
) -> float:
    """Share of everybody's best `size` items by exact score that are among the candidates."""
    exact = pool_of(score(users, world.whole, TUNING, filters or Filters()).total, size)
    entries, rows = world.whole.entries, choice.catalogue.rows
    assert choice.only is not None
    hits = [
        (row := rows.get(entries[best].item_id)) is not None and bool(choice.only[user, row])
        for user in range(len(users))
        for best, value in zip(exact.rows[user].tolist(), exact.scores[user], strict=True)
        if np.isfinite(value)
    ]
    return sum(hits) / len(hits)


async def test_an_item_of_which_the_replica_has_not_heard_yet_does_no_harm(store: Store) -> None:
    """And comes with the next look, however cold it is; so does what became hot."""
    found = await searched(store)
    user = found.users[0]
    assert user.session is not None
    direction = user.session.vector / np.linalg.norm(user.session.vector)
    new = item_row("brand new", revision=2, vector=direction.astype(np.float32))
    await store.items.save([new], {"brand new": None})

    before = await chosen(found.candidates, [user])
    await found.replica.refresh()
    after = await chosen(found.candidates, [user])

    assert before.catalogue.get("brand new") is None
    assert after.catalogue.get("brand new") is not None
