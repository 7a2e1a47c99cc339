"""From scores to lists: off means off, and each means does what it is for."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.arrange import POOL_LISTS, USERS_MAX, arrange, pool_of
from stream.core.catalogue import Catalogue
from stream.core.explore import GREEDY, Place
from stream.core.parts import Scores
from stream.core.profile import Profile
from stream.core.tuning import Tuning
from tests.core.samples import DIMENSION, NOW, axis, entry, law
from tests.core.worlds import ITEMS, PLAIN, flat, known, liking, shelf_world

SHELVES = shelf_world()
USER = replace(liking(SHELVES, *(f"item-{n}" for n in range(0, 30, 6))), version=7)
settings_of_lists = st.builds(
    lambda diversity, calibration, cap, exploring, size: replace(
        PLAIN,
        diversity=diversity,
        calibration=calibration,
        category_cap=cap,
        exploration_places=exploring,
        list_size=size,
    ),
    st.sampled_from([0.0, 0.1, 5.0]),
    st.sampled_from([0.0, 0.1, 5.0]),
    st.sampled_from([0.1, 0.5, 1.0]),
    st.integers(0, 12),
    st.integers(1, 12),
)


@st.composite
def totals(draw: st.DrawFn, users: int = 2) -> Scores:
    """Scores with ties, and items that must not be offered."""
    values = st.sampled_from([-np.inf, *np.linspace(-0.3, 1.5, 12).tolist()])
    rows = draw(st.lists(values, min_size=users * ITEMS, max_size=users * ITEMS))
    return np.array(rows, np.float32).reshape(users, ITEMS)


def made(total: Scores, tuning: Tuning, profile: Profile = USER) -> list[Place]:
    [places] = arrange([profile], total, SHELVES, tuning)
    return places


def categories(places: list[Place]) -> Counter[str]:
    return Counter(name for place in places for name in SHELVES.entries[place.row].categories)


@law
@given(totals(), settings_of_lists)
def test_a_list_is_of_different_items_that_may_be_offered_and_as_long_as_can_be(
    total: Scores, tuning: Tuning
) -> None:
    for row, places in zip(total, arrange([USER] * 2, total, SHELVES, tuning), strict=True):
        rows = [place.row for place in places]
        assert len(set(rows)) == len(rows) == min(tuning.list_size, np.isfinite(row).sum())
        assert np.isfinite(row[rows]).all()


@law
@given(totals(1))
def test_with_everything_off_a_list_is_the_best_by_score(total: Scores) -> None:
    order = sorted(np.flatnonzero(np.isfinite(total[0])), key=lambda row: (-total[0, row], row))

    places = made(total, PLAIN)

    assert [place.row for place in places] == order[: PLAIN.list_size]
    assert {(place.propensity, place.source) for place in places} <= {(1.0, GREEDY)}


@law
@given(totals(3), settings_of_lists)
def test_a_list_does_not_depend_on_the_other_users(total: Scores, tuning: Tuning) -> None:
    users = [USER, known("c1", "c2"), Profile("new", version=3, as_of=NOW)]

    together = arrange(users, total, SHELVES, tuning)

    alone = [arrange([u], total[[n]], SHELVES, tuning)[0] for n, u in enumerate(users)]
    assert together == alone


def test_a_chunk_of_many_users_is_arranged_in_blocks_with_the_same_lists() -> None:
    users = [known(f"c{n % 6}", user_id=f"u{n}") for n in range(USERS_MAX + 3)]
    total = np.concatenate([flat(n % 6) for n in range(len(users))])
    tuning = replace(PLAIN, diversity=0.1, calibration=0.1, exploration_places=1)

    together = arrange(users, total, SHELVES, tuning)

    assert len(together) == len(users)
    for n in (0, USERS_MAX - 1, USERS_MAX, USERS_MAX + 2):
        assert [together[n]] == arrange([users[n]], total[[n]], SHELVES, tuning)


@law
@given(totals(1), settings_of_lists)
def test_what_is_not_explored_is_there_with_certainty(total: Scores, tuning: Tuning) -> None:
    places = made(total, tuning)
    greedy = [place for place in places if place.source == GREEDY]

    assert all(place.propensity == 1 for place in greedy)
    assert len(places) - len(greedy) <= tuning.exploration_places
    assert places[: len(greedy)] == greedy


def test_a_pool_is_the_best_with_ties_by_row() -> None:
    total = np.array([[1.0, 3.0, -np.inf, 3.0, 2.0], [-np.inf] * 4 + [0.5]], np.float32)

    pool = pool_of(total, 3)

    assert pool.rows.tolist() == [[1, 3, 4], [4, 0, 0]]
    assert pool.scores.tolist() == [[3.0, 3.0, 2.0], [0.5, -np.inf, -np.inf]]


def test_more_diversity_makes_less_alike_lists_of_less_score() -> None:
    alike, score = [], []
    total = flat()
    for diversity in (0.0, 0.05, 0.5):
        rows = [place.row for place in made(total, replace(PLAIN, diversity=diversity))]
        cosines = SHELVES.vectors[rows] @ SHELVES.vectors[rows].T
        alike.append(round(float(cosines.mean()), 4))
        score.append(round(float(total[0, rows].sum()), 4))

    assert alike == sorted(alike, reverse=True)
    assert alike[0] > alike[-1]
    assert score == sorted(score, reverse=True)


def test_the_second_of_two_equal_items_waits() -> None:
    entries = [entry("best", axis(0)), entry("copy", axis(0)), entry("other", axis(1))]
    catalogue = Catalogue(DIMENSION, tuple(entries))
    total = np.array([[1.0, 0.95, 0.9]], np.float32)

    [places] = arrange([USER], total, catalogue, replace(PLAIN, diversity=0.1))

    assert [place.row for place in places] == [0, 2, 1]


def test_what_is_like_an_earlier_offer_stays_like_it() -> None:
    """The largest cosine to the list counts, not the last one."""
    entries = [entry("best", axis(0)), entry("other", axis(1)), entry("copy", axis(0))]
    entries += [entry("third", axis(2))]
    catalogue = Catalogue(DIMENSION, tuple(entries))
    total = np.array([[1.0, 0.99, 0.98, 0.95]], np.float32)

    [places] = arrange([USER], total, catalogue, replace(PLAIN, diversity=0.1))

    assert [place.row for place in places] == [0, 1, 3, 2]


def divergence(wanted: dict[str, float], places: list[Place]) -> float:
    """KL from the user's shares to the list's, smoothed."""
    have = Counter[str]()
    for place in places:
        names = SHELVES.entries[place.row].categories
        have.update({name: 1 / len(names) / len(places) for name in names})
    return sum(s * log(s / (0.99 * have[name] + 0.01 * s)) for name, s in wanted.items())


@pytest.mark.parametrize("liked", [("c0", "c1"), ("c1", "c2", "c3"), ("c5",)])
def test_calibration_brings_a_list_nearer_to_the_users_own_mix(liked: tuple[str, ...]) -> None:
    profile = known(*liked)
    shares = dict(profile.categories.shares(prior=1.0))

    found = [
        divergence(shares, made(flat(), replace(PLAIN, calibration=weight), profile))
        for weight in (0.0, 0.05, 1.0)
    ]

    assert found == sorted(found, reverse=True)
    assert found[-1] < found[0] / 3


def test_of_whom_nothing_is_known_the_mix_is_not_touched() -> None:
    """Categories alone are not trusted: what the user was interested in has worn off."""
    new = replace(known("c1", "c2"), interests=())

    assert made(flat(), replace(PLAIN, calibration=5.0), new) == made(flat(), PLAIN, new)


def test_no_category_takes_more_than_its_share_while_others_are_left() -> None:
    wide = made(flat(), replace(PLAIN, category_cap=0.3))
    narrow = flat()
    narrow[0, np.arange(ITEMS) % 6 != 0] = -np.inf  # nothing but one category

    assert categories(made(flat(), PLAIN))["c0"] > 3
    assert max(categories(wide).values()) == 3
    assert [p.row for p in made(narrow, replace(PLAIN, category_cap=0.3))] == list(range(0, 60, 6))


def test_categories_are_found_once_for_a_snapshot_and_may_be_missing() -> None:
    bare = Catalogue(DIMENSION, (entry("a", axis(0)),))

    assert bare.categories is bare.categories
    assert bare.categories.any_of(["x"]).tolist() == [False]
    assert bare.categories.adjacent.shape == (0, 0)
    assert Catalogue(DIMENSION).categories.any_of(["x"]).tolist() == []
    tuning = Tuning(category_cap=0.5, exploration_places=1)
    assert len(arrange([USER], np.zeros((1, 1), np.float32), bare, tuning)[0]) == 1
    assert arrange([USER], np.zeros((1, 0), np.float32), Catalogue(DIMENSION), tuning) == [[]]
    assert POOL_LISTS >= 1
