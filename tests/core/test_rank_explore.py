"""Exploration: lots are what would hardly come up, all alike, and drawn the same way every time."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from stream.core.arrange import arrange
from stream.core.catalogue import Catalogue
from stream.core.explore import EXPANSION, EXPLORATION, GREEDY, LOTS_MAX, Place, explored
from stream.core.profile import Profile
from stream.core.signals import Row
from tests.core.samples import DIMENSION, NOW, axis, entry, near, random_unit
from tests.core.worlds import ITEMS, PLAIN, flat, known, shelf_world

SHELVES = shelf_world()


def cold_world(hot: int) -> Catalogue:
    entries = [entry(f"item-{n}", random_unit(n)) for n in range(ITEMS)]
    return Catalogue(
        DIMENSION, tuple(entries), {f"item-{n}": Row(0.0, 99.0, NOW) for n in range(hot)}
    )


def test_a_cold_item_gets_the_last_place_by_lot() -> None:
    catalogue = cold_world(hot=40)
    total = np.linspace(1, 0, ITEMS, dtype=np.float32)[None]
    tuning = replace(PLAIN, exploration_places=1)

    lists = [
        arrange([Profile("u", version=v, as_of=NOW)], total, catalogue, tuning)[0]
        for v in range(400)
    ]

    assert {place for places in lists for place in places[:-1]} == {
        Place(row, 1.0, GREEDY) for row in range(9)
    }
    drawn = Counter(places[-1] for places in lists)
    assert set(drawn) == {Place(row, 1 / 20, EXPLORATION) for row in range(40, 60)}
    assert max(drawn.values()) < 3 * 400 / 20  # 20 lots, all alike


def test_a_second_place_is_drawn_from_what_the_first_left() -> None:
    catalogue = cold_world(hot=57)
    tuning = replace(PLAIN, exploration_places=4)
    total = np.linspace(1, 0, ITEMS, dtype=np.float32)

    places = explored(Profile("u", version=1, as_of=NOW), total, range(6), catalogue, tuning)

    assert [place.propensity for place in places] == [1 / 3, 1 / 2, 1.0]
    assert {place.row for place in places} == {57, 58, 59}


def test_the_same_version_draws_the_same_and_another_one_another() -> None:
    catalogue, total = cold_world(hot=0), np.zeros(ITEMS, np.float32)
    tuning = replace(PLAIN, exploration_places=1)

    def drawn(user_id: str, version: int) -> int:
        user = Profile(user_id, version=version, as_of=NOW)
        return explored(user, total, (), catalogue, tuning)[0].row

    assert drawn("u", 1) == drawn("u", 1)
    assert len({drawn("u", version) for version in range(30)}) > 10
    assert len({drawn(f"u{n}", 1) for n in range(30)}) > 10


def test_what_was_just_published_is_cold_however_hot() -> None:
    entries = [
        entry(f"item-{n}", axis(0), published_at=NOW - (1 if n > 57 else 99) * 86_400)
        for n in range(ITEMS)
    ]
    heat = {e.item_id: Row(0.0, 99.0, NOW) for e in entries}
    catalogue = Catalogue(DIMENSION, tuple(entries), heat)
    tuning = replace(PLAIN, exploration_places=3)

    places = explored(
        Profile("u", as_of=NOW), np.zeros(ITEMS, np.float32), (58,), catalogue, tuning
    )

    assert [place.row for place in places] == [59]


def test_lots_are_the_best_by_score() -> None:
    entries = [entry(f"item-{n}", None) for n in range(500)]
    catalogue = Catalogue(DIMENSION, tuple(entries))
    total = np.arange(500, dtype=np.float32)
    tuning = replace(PLAIN, exploration_places=1)

    rows = {
        explored(Profile("u", version=v, as_of=NOW), total, (), catalogue, tuning)[0].row
        for v in range(300)
    }

    assert min(rows) >= 500 - LOTS_MAX
    assert len(rows) > LOTS_MAX / 2


def test_expansion_goes_into_the_categories_next_door_that_are_new_to_the_user() -> None:
    """c0 shares items with c1 and c5 alone; all items are hot, so none is drawn for being cold."""
    tuning = replace(PLAIN, exploration_places=1)
    near_c0 = {"c1", "c5"} & set(adjacent("c0"))
    assert near_c0 == {"c1", "c5"}

    users = [known("c0", "c2", "c3", "c4", version=v) for v in range(50)]
    drawn = [explored(u, flat()[0], (), SHELVES, tuning)[0] for u in users]

    assert {place.source for place in drawn} == {EXPANSION}
    for place in drawn:
        assert {"c1", "c5"} & set(SHELVES.entries[place.row].categories)


def test_who_has_touched_everything_next_door_is_not_expanded() -> None:
    profile = known(*(f"c{n}" for n in range(6)))

    assert explored(profile, flat()[0], (), SHELVES, replace(PLAIN, exploration_places=2)) == []
    [places] = arrange([profile], flat(), SHELVES, replace(PLAIN, exploration_places=2))
    assert len(places) == PLAIN.list_size


def adjacent(name: str) -> list[str]:
    found = SHELVES.categories
    names = {number: name for name, number in found.numbers.items()}
    return [names[number] for number in found.adjacent[found.numbers[name]].tolist()]


def test_adjacent_are_categories_with_shared_items_or_like_content() -> None:
    assert set(adjacent("c3")[:2]) == {"c2", "c4"}
    alike = [
        entry("a", axis(0), categories=("a",)),
        entry("b", near(axis(0), 1), categories=("b",)),
        entry("c", axis(3), categories=("c",)),
    ]
    found = Catalogue(DIMENSION, tuple(alike)).categories

    assert found.adjacent[found.numbers["a"]][0] == found.numbers["b"]
