"""Interests: tastes stay apart, noise does not split them, nothing is counted twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.decay import Mass, Vector, direction, factor, weight_at
from stream.core.interests import fitted, pair_cosines, settle
from stream.core.profile import (
    Interest,
    InterestShare,
    Profile,
    StoredList,
    interest_shares,
    interest_weights,
    taste,
    trust,
)
from tests.core.samples import (
    DAY_S,
    NOW,
    TUNING,
    axis,
    law,
    moments,
    near,
    random_unit,
    shares,
    unit,
    vectors,
)

Interests = tuple[Interest, ...]
Seen = tuple[Vector, float, float]  # vector, weight, at
weights = shares.filter(lambda weight: weight > 0)
histories = st.lists(st.tuples(vectors, weights, moments), min_size=1, max_size=30)
even_days = st.lists(
    st.tuples(vectors, st.just(1.0), st.floats(NOW, NOW + DAY_S)), min_size=1, max_size=40
)
DIMENSION = 64


def join(interests: Interests, *seen: Any, **named: Any) -> Interests:
    """What `settle` leaves."""
    return settle(interests, *seen, **named).interests


def joined(history: list[Seen], start: Interests = ()) -> Interests:
    for number, (vector, weight, at) in enumerate(history):
        start = join(
            start, vector, weight, at, item_id=f"i{number}", label=f"l{number}", tuning=TUNING
        )
    return start


def weight_of(interests: Interests, now: float) -> float:
    return sum(interest_weights(Profile("u", interests=interests), now, TUNING))


def started(*centres: Vector, weight: float = 1.0) -> Interests:
    return joined([(centre, weight, NOW) for centre in centres])


@law
@given(histories)
def test_there_are_at_most_as_many_as_allowed(history: list[Seen]) -> None:
    found = joined(history)

    assert 1 <= len(found) <= TUNING.interests_max
    assert len({interest.id for interest in found}) == len(found)


@law
@given(even_days)
def test_weight_is_conserved_by_joins_and_merges(history: list[Seen]) -> None:
    """No interest here is light enough to be dropped, so all that came in is still there."""
    now = max(at for _, _, at in history)
    expected = sum(w * factor(now - at, TUNING.interest_half_life_s) for _, w, at in history)

    assert weight_of(joined(history), now) == pytest.approx(expected, rel=1e-9)


@law
@given(even_days)
def test_sums_are_conserved_as_well(history: list[Seen]) -> None:
    """Whatever was clustered with what: the taste is the direction of everything."""
    now = max(at for _, _, at in history)
    left = [w * factor(now - at, TUNING.interest_half_life_s) for _, w, at in history]
    total = sum(w * v.astype(np.float64) for w, (v, _, _) in zip(left, history, strict=True))
    found = taste(Profile("u", interests=joined(history)), now, TUNING)

    assert found is not None
    assert np.allclose(found, total / np.linalg.norm(total), atol=1e-4)


@law
@given(histories, vectors, weights, moments)
def test_ids_stay_while_interests_grow(
    history: list[Seen], vector: Vector, weight: float, at: float
) -> None:
    """At most one id comes, and beside what has faded away at most one goes; none is used again."""
    before = joined(history)
    after = join(before, vector, weight, at, item_id="new", label="", tuning=TUNING)
    now = max(at, *(i.mass.at for i in before))
    present = [
        i.id for i in before if weight_at(i.mass, now, half_life_s=TUNING.interest_half_life_s)
    ]
    old, new = [i.id for i in before], [i.id for i in after]

    assert len(set(present) - set(new)) <= 1
    assert len(set(new) - set(old)) <= 1
    assert [name for name in new if name in old] == [name for name in old if name in new]


@law
@given(histories, vectors, weights, moments)
def test_what_became_of_an_observation_is_told(
    history: list[Seen], vector: Vector, weight: float, at: float
) -> None:
    """Who has it, and who went where: rings that name interests can follow."""
    before = joined(history)
    settled = settle(before, vector, weight, at, item_id="new", label="", tuning=TUNING)
    ids = [interest.id for interest in settled.interests]

    assert settled.taken in ids
    assert bool(settled.gone) == bool(settled.heir)
    assert settled.gone not in ids
    assert not settled.heir or settled.heir in ids


def test_two_interests_that_start_at_once_have_two_ids() -> None:
    """A review's item and its text start interests with the same item and time, and with all
    places taken also from the same number of them."""
    full = started(*(axis(i, DIMENSION) for i in range(5)))
    for number in (10, 11):
        vector = axis(number, DIMENSION)
        full = join(full, vector, 0.9, NOW + 1, item_id="i", label="", tuning=TUNING)

    assert len({interest.id for interest in full}) == 5


@pytest.mark.parametrize("noise", [0.0, 0.2, 0.5])
def test_one_taste_with_noise_stays_one_interest(noise: float) -> None:
    centre = axis(0, DIMENSION)

    found = joined([(near(centre, n, noise), 0.6, NOW + n) for n in range(200)])

    assert len(found) == 1
    assert found[0].id == started(near(centre, 0, noise), weight=0.6)[0].id
    found_direction = direction(found[0].mass.vector)
    assert found_direction is not None
    assert float(found_direction @ centre) > 0.98


def test_two_orthogonal_tastes_stay_two_interests() -> None:
    centres = [axis(0, DIMENSION), axis(1, DIMENSION)]

    found = joined([(near(centres[n % 2], n, 0.4), 0.6, NOW + n) for n in range(200)])

    assert len(found) == 2
    for interest, centre in zip(found, centres, strict=True):
        pointing = direction(interest.mass.vector)
        assert pointing is not None
        assert float(pointing @ centre) > 0.98
        assert weight_at(
            interest.mass, NOW + 200, half_life_s=TUNING.interest_half_life_s
        ) == pytest.approx(60, rel=0.01)


def test_with_all_places_taken_the_nearest_pair_merges() -> None:
    full = started(*(axis(i, DIMENSION) for i in range(5)))
    between = unit(0.5 * axis(3, DIMENSION) + axis(9, DIMENSION))  # too far from 3 to join it

    settled = settle(full, between, 0.9, NOW, item_id="x", label="", tuning=TUNING)
    found = settled.interests

    assert [i.id for i in found] == [i.id for i in full]
    assert settled.taken == settled.heir == full[3].id
    assert [i.mass.weight for i in found] == pytest.approx([1, 1, 1, 1.9, 1])
    assert np.allclose(found[3].mass.vector, axis(3, DIMENSION) + np.float32(0.9) * between)
    assert found[3].medoid == full[3].medoid


def test_with_all_places_taken_a_light_one_merges_before_two_tastes_do() -> None:
    """Though the tastes are nearer to each other than it is to any of them."""
    strong = [
        axis(0, DIMENSION),
        *(unit(axis(0, DIMENSION) + 3 * axis(n, DIMENSION)) for n in (1, 2, 3)),
    ]
    light = unit(0.3 * axis(0, DIMENSION) + axis(7, DIMENSION))
    full = joined([*((vector, 10.0, NOW) for vector in strong), (light, 1.0, NOW)])
    assert len(full) == 5

    settled = settle(full, axis(9, DIMENSION), 1.0, NOW, item_id="x", label="", tuning=TUNING)

    assert settled.gone == full[4].id
    assert [i.id for i in settled.interests] == [*(i.id for i in full[:4]), settled.taken]


def test_with_all_places_taken_one_that_hardly_counts_goes() -> None:
    full = started(*(axis(i, DIMENSION) for i in range(5)))
    faded = replace(full[2], mass=Mass(0.01, np.float32(0.01) * axis(2, DIMENSION), NOW))
    full = (*full[:2], faded, *full[3:])

    found = join(full, axis(9, DIMENSION), 1.0, NOW, item_id="x", label="new", tuning=TUNING)

    assert [i.label for i in found] == ["l0", "l1", "l3", "l4", "new"]


def test_what_has_just_started_is_not_the_one_to_go() -> None:
    """Else a user with five strong tastes could never take up a sixth."""
    full = started(*(axis(i, DIMENSION) for i in range(5)), weight=1000.0)

    found = join(full, axis(9, DIMENSION), 0.1, NOW, item_id="x", label="new", tuning=TUNING)

    assert weight_of(found, NOW) == pytest.approx(5000.1)


def test_the_medoid_moves_to_a_nearer_item_at_once() -> None:
    first = unit(axis(0) + 0.6 * axis(1))
    found = joined([(first, 1.0, NOW), (axis(0), 1.0, NOW)])
    found = join(
        found, unit(axis(0) + 0.3 * axis(1)), 1.0, NOW, item_id="mid", label="m", tuning=TUNING
    )
    assert (found[0].medoid, found[0].label) == ("mid", "m")


def test_a_medoid_that_comes_again_is_known_exactly() -> None:
    found = joined([(unit(axis(0) + 0.6 * axis(n)), 1.0, NOW) for n in (1, 2, 3)])
    medoid = unit(axis(0) + 0.6 * axis(1 + int(found[0].medoid[1:])))
    found = join(found, medoid, 1.0, NOW, item_id=found[0].medoid, label="", tuning=TUNING)
    pointing = direction(found[0].mass.vector)

    assert pointing is not None
    assert found[0].nearness == pytest.approx(float(pointing @ medoid), abs=1e-6)


def test_what_has_no_item_gives_the_medoid_up_to_the_first_one() -> None:
    """A text may start an interest before any item has."""
    found = join((), axis(0), 1.0, NOW, item_id="", label="", tuning=TUNING)
    far = unit(axis(0) + axis(1))
    found = join(found, far, 0.1, NOW, item_id="first", label="l", tuning=TUNING)

    assert [interest.medoid for interest in found] == ["first"]


def test_a_merge_keeps_the_heavier_id_and_the_nearer_medoid() -> None:
    """Two halves of a taste, far from each other until what lies between comes."""
    left, right = unit(axis(0) + 2.3 * axis(1)), unit(axis(0) + 2.3 * axis(2))
    halves = joined([(left, 1.0, NOW), (right, 0.5, NOW)])
    assert len(halves) == 2

    between = unit(axis(0) + 0.5 * axis(1) + 0.6 * axis(2))
    settled = settle(halves, between, 1.0, NOW, item_id="between", label="l", tuning=TUNING)

    assert [interest.id for interest in settled.interests] == [settled.heir] == [settled.taken]
    assert {settled.heir, settled.gone} == {interest.id for interest in halves}
    assert settled.interests[0].mass.weight == pytest.approx(2.5)
    assert settled.interests[0].medoid == "between"


def test_a_merge_takes_the_medoid_of_the_one_that_has_an_item() -> None:
    single = replace(TUNING, interests_max=1)
    found = join((), axis(0), 1.0, NOW, item_id="", label="", tuning=single)
    found = join(found, axis(1), 0.5, NOW, item_id="item", label="l", tuning=single)

    assert [(i.medoid, i.label) for i in found] == [("item", "l")]


def test_what_has_little_weight_must_be_nearer() -> None:
    """One cosine is a noisy guess at the mean of many."""
    tuning = replace(TUNING, interest_merge_cosine=0.4, interest_young_cosine=0.1)
    vector = unit(0.45 * axis(0) + np.sqrt(np.float32(1 - 0.45**2)) * axis(1))
    for weight, count in ((1.0, 2), (25.0, 1)):
        start = (Interest("a", Mass(weight, np.float32(weight) * axis(0), NOW), "m", 1.0, ""),)
        found = join(start, vector, 1.0, NOW, item_id="i", label="", tuning=tuning)
        assert len(found) == count


def test_thresholds_follow_the_catalogue() -> None:
    rows = np.stack([random_unit(n, DIMENSION) for n in range(60)])
    cosines = (rows @ rows.T)[np.triu_indices(60, 1)]
    found = fitted(TUNING, pair_cosines(np.vstack([rows, np.zeros((5, DIMENSION), np.float32)])))

    spread = float(cosines.std())
    expected = float(cosines.mean()) + TUNING.interest_merge_spread * spread
    assert found.interest_merge_cosine == pytest.approx(expected, abs=1e-6)
    assert found.interest_young_cosine == pytest.approx(TUNING.interest_young_spread * spread)


def test_few_items_say_nothing_about_the_next_ones() -> None:
    few = np.stack([random_unit(n, DIMENSION) for n in range(49)])

    assert pair_cosines(few) is None
    assert pair_cosines(np.empty((0, DIMENSION), np.float32)) is None
    assert fitted(TUNING, None) is TUNING


def test_a_sample_of_a_large_catalogue_says_the_same() -> None:
    rows = np.stack([random_unit(n, 16) for n in range(800)])
    every = (rows @ rows.T)[np.triu_indices(len(rows), 1)]
    found = pair_cosines(rows)

    assert found is not None
    assert found.mean == pytest.approx(float(every.mean()), abs=0.01)
    assert found.deviation == pytest.approx(float(every.std()), abs=0.01)


def test_a_single_place_takes_everything() -> None:
    narrow = replace(TUNING, interests_max=1)
    found: Interests = ()
    for number in range(6):
        found = join(found, axis(number), 1.0, NOW, item_id=f"i{number}", label="", tuning=narrow)

    assert len(found) == 1
    assert found[0].mass.weight == pytest.approx(6)


def test_shares_follow_weights_and_sum_to_one() -> None:
    found = joined([(axis(0), 1.0, NOW), (axis(1), 1.0, NOW), (axis(0), 0.5, NOW)])
    shown = interest_shares(Profile("u", interests=found), NOW, TUNING)

    assert [row.id for row in shown] == [found[0].id, found[1].id]
    assert [row.share for row in shown] == pytest.approx([0.6, 0.4])


def test_interests_are_called_what_the_last_list_calls_them() -> None:
    known, fresh = joined([(axis(0), 1.0, NOW), (axis(1), 0.5, NOW)])
    told = (InterestShare(known.id, "Sailing & maps", 1.0), InterestShare("gone", "Chess", 0.0))
    current = StoredList(1, NOW, (), (), told, 0.0, 0.0, None)
    shown = interest_shares(Profile("u", interests=(known, fresh), current=current), NOW, TUNING)

    assert [row.label for row in shown] == ["Sailing & maps", fresh.label]


def test_after_decades_nothing_is_left_and_nothing_breaks() -> None:
    later = NOW + 100 * 365 * DAY_S
    profile = Profile("u", interests=joined([(random_unit(n), 1.0, NOW) for n in range(9)]))

    assert interest_shares(profile, later, TUNING) == ()
    assert trust(profile, later, TUNING) == 0.0
    assert taste(profile, later, TUNING) is None
    woken = joined([(axis(0), 0.6, later)], profile.interests)
    assert weight_of(woken, later) == pytest.approx(0.6)


@law
@given(histories, st.floats(0, 1e4 * DAY_S))
def test_trust_falls_with_silence(history: list[Seen], silence_s: float) -> None:
    profile = Profile("u", interests=joined(history))
    now = max(at for _, _, at in history)

    assert 0 <= trust(profile, now + silence_s, TUNING) <= trust(profile, now, TUNING) < 1


def test_nobody_has_no_taste() -> None:
    assert taste(Profile("u"), NOW, TUNING) is None
    assert interest_shares(Profile("u"), NOW, TUNING) == ()
    assert trust(Profile("u"), NOW, TUNING) == 0.0
