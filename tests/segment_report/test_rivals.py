"""Other methods on the same users, and measures that say what is counted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from stream.segment_report.plane import DRAWN, FEW, plane, reduced
from stream.segment_report.rivals import (
    METHODS,
    NOISE,
    OURS,
    Comparison,
    Method,
    by_density,
    by_hierarchy,
    by_mixture,
    knee,
    rivals,
)
from tests.segment_report.world import World, planted, unit

Few = NDArray[np.float64]


def centroids(world: World) -> NDArray[np.float32]:
    return np.stack([segment.centroid for segment in world.model.segments])


def few(world: World) -> Few:
    found = reduced(world.tastes, centroids(world))
    assert found is not None
    return found.rows


def compared(world: World) -> tuple[Comparison, dict[str, Method]]:
    found = rivals(world.tastes, few(world), 0.9, world.member)
    assert found is not None
    return found, {one.name: one for one in found.methods}


@pytest.mark.parametrize(("groups", "seed"), [(3, 0), (6, 1), (8, 2)])
def test_groups_that_are_far_apart_are_found_by_every_method(groups: int, seed: int) -> None:
    _, methods = compared(planted(groups, 600, seed=seed))

    assert methods.keys() == {OURS, *METHODS}
    for one in methods.values():
        assert one.groups == groups, one
        assert one.adjusted_rand > 0.9, one  # a knee leaves a twentieth out
        assert one.adjusted_rand_clustered is not None
        assert one.adjusted_rand_clustered > 0.99, one
        assert one.noise < 0.08, one
        assert one.silhouette is not None
        assert one.silhouette > 0.5, one


def test_many_groups_are_seen_in_as_many_directions() -> None:
    """In 20 directions groups at right angles to each other fall on one another."""
    world = planted(30, 1200)
    found, methods = compared(world)

    assert found.directions > FEW
    for one in methods.values():
        assert one.adjusted_rand > 0.9, one


def test_our_own_row_is_ours() -> None:
    found, methods = compared(planted(4))
    ours = methods[OURS]

    assert found.methods[0] is ours
    assert (ours.adjusted_rand, ours.adjusted_rand_clustered, ours.noise) == (1.0, 1.0, 0.0)
    assert ours.silhouette == ours.silhouette_ours
    assert ours.seconds is None
    assert found.users == 400


def test_users_between_the_groups_are_noise_and_said_to_be() -> None:
    """A tenth of the users are anywhere; measured without them everything looks better."""
    world = planted(4, 540)
    random = np.random.default_rng(3)
    tastes = world.tastes.copy()
    tastes[:60] = unit(random.normal(size=(60, tastes.shape[1])))
    _, methods = compared(World(tastes, world.member, world.model))
    one = methods["DBSCAN"]

    assert 0.05 < one.noise < 0.2
    assert one.adjusted_rand_clustered is not None
    assert one.adjusted_rand < one.adjusted_rand_clustered
    ours = methods[OURS].silhouette
    assert ours is not None
    assert one.silhouette_ours is not None
    assert one.silhouette_ours > ours + 0.02  # easier users, not better groups


def test_noise_is_no_group_in_any_measure() -> None:
    world = planted(2, 200)

    def half(rows: Few, _: int) -> tuple[NDArray[np.intp], str]:
        groups = world.member.copy()
        groups[: len(rows) // 2] = NOISE
        return groups, "half of them are left out"

    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(METHODS, "half", half)
        _, methods = compared(world)
    one = methods["half"]

    assert (one.noise, one.groups) == (0.5, 2)
    assert one.adjusted_rand_clustered == 1.0
    assert one.adjusted_rand < 0.9
    assert one.silhouette == one.silhouette_ours


def test_everybody_as_noise_has_no_measures() -> None:
    world = planted(2, 100)
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(METHODS, "none", lambda rows, _: (np.full(len(rows), NOISE), "all left"))
        _, methods = compared(world)
    one = methods["none"]

    assert (one.groups, one.noise) == (0, 1.0)
    assert one.silhouette is one.davies_bouldin is one.adjusted_rand_clustered is None


@pytest.mark.parametrize("method", [by_density, by_hierarchy, by_mixture])
def test_the_same_users_give_the_same_groups(method: object) -> None:
    rows = few(planted(5, 300, noise=0.8))
    assert callable(method)

    assert np.array_equal(method(rows, 5)[0], method(rows, 5)[0])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("users", [20, 25, 60])
def test_few_users_and_users_of_one_taste_are_no_error(method: str, users: int) -> None:
    world = planted(2, users)
    twins = world.tastes[[0, 1] * (users // 2)]
    for tastes in (world.tastes, twins):
        found = reduced(tastes, centroids(world))
        assert found is not None
        groups, how = METHODS[method](found.rows, 2)
        assert len(groups) == len(tastes)
        assert how


def test_a_mixture_of_one_group_is_one() -> None:
    rows = np.random.default_rng(0).normal(size=(400, 5))

    assert len(np.unique(by_mixture(rows, 8)[0])) == 1


def test_too_few_users_are_not_compared() -> None:
    world = planted(2, 19)

    assert rivals(world.tastes, few(world), 0.9, world.member) is None


def test_every_method_is_counted_when_it_is_done() -> None:
    world, done = planted(2, 60), []
    ticks = iter(range(100))
    found = rivals(
        world.tastes,
        few(world),
        0.9,
        world.member,
        done=lambda: done.append(1),
        clock=lambda: float(next(ticks)),
    )

    assert found is not None
    assert len(done) == len(METHODS)
    assert [one.seconds for one in found.methods] == [None, 1.0, 1.0, 1.0]


@given(st.lists(st.floats(0, 10), min_size=1, max_size=50).map(sorted))
def test_a_knee_is_a_value_of_the_curve(values: list[float]) -> None:
    assert knee(np.array(values)) in values


def test_the_knee_is_where_a_curve_turns_upwards() -> None:
    flat = np.linspace(1.0, 1.1, 90)

    assert knee(np.concatenate([flat, np.linspace(2.0, 9.0, 10)])) == pytest.approx(1.1)


# --- fewer dimensions


def test_few_directions_keep_most_of_what_differs() -> None:
    world = planted(5)
    found = reduced(world.tastes, centroids(world))

    assert found is not None
    assert 2 <= found.rows.shape[1] <= FEW
    assert found.middles.shape == (5, found.rows.shape[1])
    assert list(found.variance) == sorted(found.variance, reverse=True)
    assert 0.7 < found.variance.sum() <= 1.0 + 1e-9
    clustered = by_mixture(found.rows, 5)[0]
    assert adjusted_rand_score(world.member, clustered) > 0.95


def test_two_directions_are_enough_for_users_on_a_plane() -> None:
    angles = np.linspace(0, 3, 50)
    rows = np.zeros((50, 24), np.float32)
    rows[:, 3], rows[:, 7] = np.cos(angles), np.sin(angles)
    found = reduced(rows, rows[:1])

    assert found is not None
    assert found.rows.shape == (50, 2)
    assert found.variance.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("rows", [np.zeros((0, 8)), np.ones((2, 8)), np.ones((50, 8))])
def test_users_who_do_not_differ_have_no_directions(rows: NDArray[np.float64]) -> None:
    tastes = rows.astype(np.float32)

    assert reduced(tastes, np.ones((1, 8), np.float32)) is None


def test_a_map_has_a_point_for_each_user_up_to_a_limit() -> None:
    world = planted(3, 2 * DRAWN)
    found = reduced(world.tastes, centroids(world))
    assert found is not None
    map_ = plane(found, world.member)

    assert len(map_.points) == DRAWN
    assert [place for _, _, place in map_.points] == world.member[:DRAWN].tolist()
    assert len(map_.middles) == 3
    for n, (x, y) in enumerate(map_.middles):  # a centroid is amid its users
        own = np.array([(a, b) for a, b, place in map_.points if place == n])
        assert np.linalg.norm(own.mean(axis=0) - (x, y)) < 0.2
