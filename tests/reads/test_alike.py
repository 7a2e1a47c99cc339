"""How alike tastes are: laws of the measures, then examples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.tuning import Tuning
from stream.reads import alike
from stream.reads.alike import Character
from stream.store.rows import Matrix, Tastes
from tests.core.samples import axis, law, near, random_unit, unit
from tests.reads.world import member

D = 8


def matrix(*seeds: int) -> Matrix:
    return np.stack([random_unit(s) for s in seeds]) if seeds else np.zeros((0, D), np.float32)


rows = st.lists(st.integers(0, 50), max_size=5).map(lambda seeds: matrix(*seeds))


@st.composite
def tastes(draw: st.DrawFn, name: str = "") -> Tastes:
    own = draw(rows)
    total = own.sum(axis=0) if len(own) else np.zeros(D, np.float32)
    return Tastes(
        name or draw(st.text("xyz", min_size=1, max_size=3)),
        own,
        unit(total) if total.any() else None,
    )


@st.composite
def characters(draw: st.DrawFn) -> Character:
    own = draw(rows)
    weights = [draw(st.floats(0.1, 1)) for _ in own]
    shares = tuple(w / sum(weights) for w in weights)
    labels = tuple(f"label {n}" for n in range(len(own)))
    items = tuple(draw(st.lists(st.sampled_from("abcd"), unique=True)))
    names = draw(st.lists(st.sampled_from("pqr"), unique=True))
    return Character(labels, shares, own, items, {name: 1 / len(names) for name in names})


def padded(one: Tastes, zeros: int) -> Tastes:
    empty = np.zeros((zeros, D), np.float32)
    return Tastes(one.user_id, np.concatenate([one.interests, empty]), one.taste)


@law
@given(tastes("a"), tastes("b"))
def test_measures_are_the_same_from_either_side(one: Tastes, other: Tastes) -> None:
    (there,) = alike.similarities(one, [other])
    (back,) = alike.similarities(other, [one])

    for name in ("whole", "taste", "interests"):
        assert getattr(there, name) == pytest.approx(getattr(back, name), abs=2e-6)
        assert 0 <= getattr(there, name) <= 1


@law
@given(tastes("a"), tastes("b"), st.integers(0, 5), st.integers(0, 5))
def test_places_that_no_interest_fills_change_nothing(
    one: Tastes, other: Tastes, here: int, there: int
) -> None:
    assert alike.similarities(padded(one, here), [padded(other, there)]) == alike.similarities(
        one, [other]
    )


@law
@given(tastes("a"), st.lists(tastes(), max_size=8))
def test_who_else_is_asked_for_changes_nothing(one: Tastes, others: list[Tastes]) -> None:
    together = alike.similarities(one, others)

    assert together == [alike.similarities(one, [other])[0] for other in others]


@law
@given(tastes("x"), st.lists(tastes(), max_size=8))
def test_nobody_is_like_themselves_and_order_of_arrival_is_nothing(
    one: Tastes, others: list[Tastes]
) -> None:
    each_once = list({other.user_id: other for other in others}.values())
    found = alike.ranked(one, each_once)
    again = alike.ranked(one, each_once[::-1])

    assert [(o.user_id, s) for o, s in found] == [(o.user_id, s) for o, s in again]
    assert "x" not in {other.user_id for other, _ in found}
    scores = [similarity.whole for _, similarity in found]
    assert scores == sorted(scores, reverse=True)
    assert all(score > 0 for score in scores)


@law
@given(characters(), characters())
def test_overlap_and_reasons_are_the_same_from_either_side(
    one: Character, other: Character
) -> None:
    assert alike.overlap(one, other) == pytest.approx(alike.overlap(other, one), abs=2e-6)
    assert 0 <= alike.overlap(one, other) <= 1
    there = alike.shared_interests(one, other, nearness_min=0.1, most=5)
    back = alike.shared_interests(other, one, nearness_min=0.1, most=5)
    assert {(s.one, s.other) for s in there} == {(s.other, s.one) for s in back}
    assert set(alike.shared_items(one, other, most=9)) == set(
        alike.shared_items(other, one, most=9)
    )
    assert alike.shared_categories(one, other, most=9) == alike.shared_categories(
        other, one, most=9
    )


@law
@given(characters())
def test_everybody_overlaps_with_themselves_wholly(one: Character) -> None:
    assert alike.overlap(one, one) == pytest.approx(1.0 if one.shares else 0.0, abs=1e-5)


@law
@given(characters(), characters(), st.integers(1, 5))
def test_no_interest_is_shared_twice(one: Character, other: Character, most: int) -> None:
    found = alike.shared_interests(one, other, nearness_min=0.2, most=most)

    assert len(found) <= most
    assert len({s.one for s in found}) == len({s.other for s in found}) == len(found)
    assert all(s.nearness >= 0.2 for s in found)


def test_who_shares_all_interests_is_nearer_than_who_shares_one() -> None:
    source = Tastes("me", np.stack([axis(0), axis(1)]), unit(axis(0) + axis(1)))
    both = Tastes("both", np.stack([near(axis(0), 1), near(axis(1), 2)]), unit(axis(0) + axis(1)))
    one = Tastes("one", np.stack([near(axis(0), 3), axis(5)]), unit(axis(0) + axis(5)))
    none = Tastes("none", np.stack([axis(6)]), axis(6))

    found = [other.user_id for other, _ in alike.ranked(source, [none, one, both])]
    assert found == ["both", "one"]


def test_what_points_away_is_not_worse_than_an_empty_place() -> None:
    """Padded with zeros, it would be."""
    source = Tastes("me", axis(0)[None], axis(0))
    away = Tastes("away", np.stack([near(axis(0), 1), -axis(0)]), axis(1))
    padded_one = Tastes("padded", np.stack([near(axis(0), 1), 0 * axis(0)]), axis(1))

    first, second = alike.similarities(source, [away, padded_one])
    assert second.interests >= first.interests > 0.4


def test_users_without_a_name_are_left_out() -> None:
    source = Tastes("me", axis(0)[None], axis(0))
    others = [Tastes(name, axis(0)[None], axis(0)) for name in ("", "\0hash", "me", "you")]

    assert [other.user_id for other, _ in alike.ranked(source, others)] == ["you"]


def test_a_character_is_made_of_what_was_liked() -> None:
    found = alike.character(member(0, 4, second=1), Tuning())

    assert found.labels[0] == "space"
    assert sum(found.shares) == pytest.approx(1)
    assert "space-1" in found.items
    assert set(found.categories) == {"space", "cooking"}
