"""Laws of the fit on planted worlds: groups are found, and what did not change keeps its id."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from stream.core import segment_fit as module
from stream.core.segment_fit import fit, refit
from stream.core.segment_history import PERIODIC, Fitted, Flow, Record, Split
from stream.core.segments import SegmentModel

Matrix = NDArray[np.float32]
DIMENSION = 24
SEEDS = (0, 1, 2)


def unit(rows: NDArray[np.float64]) -> Matrix:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float32)


@dataclass(frozen=True)
class World:
    """Users of planted groups: `member` says which, `centres` where these are."""

    tastes: Matrix
    member: NDArray[np.intp]
    centres: Matrix


def world(groups: int, seed: int = 0, users: int = 400, centres: Matrix | None = None) -> World:
    """Unequal groups around directions that have a common part, as an encoder's texts have."""
    random = np.random.default_rng(seed)
    if centres is None:
        common = unit(random.normal(size=DIMENSION))
        centres = unit(unit(random.normal(size=(groups, DIMENSION))) + 0.5 * common)
    shares = random.dirichlet(np.full(groups, 10.0))
    member = random.choice(groups, size=users, p=shares)
    noise = unit(random.normal(size=(users, DIMENSION)))
    return World(unit(centres[member] + 0.5 * noise), member, centres)


def found(tastes: Matrix, model: SegmentModel) -> NDArray[np.str_]:
    """(n,) the id of each user's nearest segment."""
    centroids = np.stack([segment.centroid for segment in model.segments])
    names = np.array([segment.id for segment in model.segments])
    nearest: NDArray[np.str_] = names[np.argmax(tastes @ centroids.T, axis=1)]
    return nearest


def again(
    tastes: Matrix,
    before: SegmentModel,
    count: int,
    *,
    count_max: int | None = None,
    seed: int = 0,
) -> Fitted:
    start = Record(before.version + 1, 0.0, PERIODIC)
    return refit(tastes, count=count, start=start, before=before, count_max=count_max, seed=seed)


def kept(tastes: Matrix, one: SegmentModel, other: SegmentModel) -> float:
    return float(np.mean(found(tastes, one) == found(tastes, other)))


@pytest.mark.parametrize("groups", [3, 5, 8, 12])
def test_planted_groups_are_found(groups: int) -> None:
    for seed in SEEDS:
        here = world(groups, seed)
        model = fit(here.tastes, count=groups, version=1, before=None)
        assert adjusted_rand_score(here.member, found(here.tastes, model)) >= 0.9


@pytest.mark.parametrize("groups", [3, 12])
def test_as_many_segments_as_part_the_users_best_and_no_jitter(groups: int) -> None:
    here = world(groups, seed=4)
    first = fit(here.tastes, count=2, count_max=13, version=1, before=None)
    assert len(first.segments) == groups

    second = again(here.tastes, first, 2, count_max=13, seed=9).model
    assert kept(here.tastes, first, second) == 1.0


def test_the_number_of_segments_grows_with_the_groups_and_falls_with_them() -> None:
    six = world(6, seed=2)
    few = six.tastes[six.member < 4]
    first = fit(few, count=2, count_max=7, version=1, before=None)
    more = again(six.tastes, first, 2, count_max=7)
    fewer = again(few, more.model, 2, count_max=7)

    assert [len(m.segments) for m in (first, more.model, fewer.model)] == [4, 6, 4]
    assert {s.id for s in first.segments} <= {s.id for s in more.model.segments}
    assert {s.id for s in first.segments} == {s.id for s in fewer.model.segments}
    assert len(more.record.births) == len(fewer.record.deaths) == 2


@pytest.mark.parametrize("groups", [4, 8])
def test_the_same_users_again_keep_their_segments(groups: int) -> None:
    for seed in SEEDS:
        here = world(groups, seed)
        first = fit(here.tastes, count=groups, version=1, before=None)
        second = again(here.tastes, first, groups, seed=seed + 50)
        assert kept(here.tastes, first, second.model) >= 0.99
        assert second.record.moved_share <= 0.01
        assert second.record.births == second.record.deaths == ()


def test_users_without_any_groups_keep_their_segments_too() -> None:
    """Where a boundary lies is arbitrary then, and another part of the users draws it anew."""
    for seed in SEEDS:
        random = np.random.default_rng(seed)
        latent = random.normal(size=(1200, 6)) @ random.normal(size=(6, DIMENSION))
        tastes = unit(latent + random.normal(size=latent.shape) + 3.0)
        first = fit(tastes[:600], count=6, version=1, before=None)
        other = again(tastes[600:], first, 6).model
        assert kept(tastes, first, other) >= 0.99


def test_another_part_of_the_same_users_keeps_their_segments() -> None:
    for seed in SEEDS:
        here = world(6, seed, users=800)
        first = fit(here.tastes[:400], count=6, version=1, before=None)
        other = again(here.tastes[400:], first, 6).model
        assert kept(here.tastes, first, other) >= 0.99


def test_the_order_of_the_users_changes_nothing() -> None:
    here = world(5, seed=1)
    first = fit(here.tastes, count=5, version=1, before=None)
    order = np.random.default_rng(0).permutation(len(here.tastes))
    mixed = fit(here.tastes[order], count=5, version=1, before=None)

    assert [s.id for s in mixed.segments] == [s.id for s in first.segments]
    for one, other in zip(first.segments, mixed.segments, strict=True):
        assert np.allclose(one.centroid, other.centroid, atol=1e-5)


def test_ids_survive_a_drift_and_centroids_follow_it() -> None:
    """In ten steps every group turns by half a right angle, and nobody gets another id."""
    here = world(5, seed=3)
    aside = unit(np.random.default_rng(9).normal(size=here.centres.shape))
    model = fit(here.tastes, count=5, version=1, before=None)
    ids = {s.id for s in model.segments}
    for step in range(1, 11):
        there = world(5, 100 + step, centres=unit(here.centres + 0.1 * step * aside))
        model = again(there.tastes, model, 5).model
        assert {s.id for s in model.segments} == ids
        assert adjusted_rand_score(there.member, found(there.tastes, model)) >= 0.9


def test_a_group_that_vanished_takes_its_id_along() -> None:
    """Its centroid is free then, and what it finds is not the group that is gone."""
    for seed in SEEDS:
        here = world(6, seed)
        old, new = here.member < 5, here.member > 0
        first = fit(here.tastes[old], count=5, version=1, before=None)
        second = again(here.tastes[new], first, 5)
        gone = set(found(here.tastes[here.member == 0], first))
        born = set(found(here.tastes[here.member == 5], second.model))

        assert (set(second.record.deaths), set(second.record.births)) == (gone, born)
        both = here.tastes[old & new]
        assert kept(both, first, second.model) >= 0.99


def halved(here: World, apart: float) -> World:
    """Group 0 in two: three of five of its users go one way, two the other."""
    random = np.random.default_rng(7)
    ways = apart * unit(random.normal(size=(2, DIMENSION)))
    mine = np.flatnonzero(here.member == 0)
    smaller = mine[: 2 * len(mine) // 5]
    tastes, member = here.tastes.astype(np.float64), here.member.copy()
    tastes[mine] += ways[0]
    tastes[smaller] += ways[1] - ways[0]
    member[smaller] = here.member.max() + 1
    return World(unit(tastes), member, here.centres)


APART = np.eye(4, DIMENSION, dtype=np.float32)


def test_when_a_segment_splits_the_larger_part_keeps_its_id() -> None:
    whole = world(4, users=500, centres=APART)
    parted = halved(whole, 0.9)
    first = fit(whole.tastes, count=4, version=1, before=None)
    second = again(parted.tastes, first, 5)
    [one] = set(found(whole.tastes[whole.member == 0], first))

    larger = found(parted.tastes[parted.member == 0], second.model)
    assert np.mean(larger == one) > 0.95
    [born] = second.record.births
    assert second.record.splits == (Split(one, (one, born)),)
    assert (second.record.deaths, second.record.merges) == ((), ())
    [flow] = second.record.flow
    assert flow == Flow(one, born, int(np.sum(found(parted.tastes, second.model) == born)))


def test_when_segments_merge_one_of_them_lives_on() -> None:
    whole = world(4, users=500, centres=APART)
    parted = halved(whole, 0.9)
    first = fit(parted.tastes, count=5, version=1, before=None)
    second = again(whole.tastes, first, 4)
    parts = {*found(parted.tastes[np.isin(parted.member, (0, 4))], first)}

    [merge] = second.record.merges
    assert set(merge.before) == parts == {merge.after, *second.record.deaths}
    assert (second.record.births, second.record.splits) == ((), ())


def test_ids_are_never_used_again() -> None:
    """Two worlds by turns: the groups of each are new every time, but that nothing tells so."""
    one, other = world(4, seed=1), world(4, seed=2)
    model = fit(one.tastes, count=4, version=1, before=None)
    born = [s.id for s in model.segments]
    for turn in range(6):
        fitted = again((other, one)[turn % 2].tastes, model, 4)
        born += fitted.record.births
        model = fitted.model
        names = [s.id for s in model.segments]
        assert len(set(names)) == len(names)
    assert len(born) > 10
    assert len(set(born)) == len(born)


@pytest.mark.parametrize("seed", range(6))
def test_a_record_is_consistent(seed: int) -> None:
    """Between two worlds that share some groups, with a margin and without."""
    one = world(6, seed)
    other = world(6, seed + 20, centres=np.roll(one.centres, 2, axis=1) if seed % 2 else None)
    tastes = np.concatenate([one.tastes[one.member > 1], other.tastes[other.member > 3]])
    first = fit(one.tastes, count=5, version=1, before=None)
    start = Record(2, 3.5, "asked", "r1")
    fitted = refit(tastes, count=5, start=start, before=first, margin=0.02 * (seed % 3))
    record, model = fitted.record, fitted.model
    before, after = {s.id for s in first.segments}, {s.id for s in model.segments}

    assert (record.version, record.at, record.reason, record.asked) == (2, 3.5, "asked", "r1")
    assert record.users == len(tastes) == sum(one.size for one in record.segments)
    assert [(s.id, s.size) for s in model.segments] == [(s.id, s.size) for s in record.segments]
    assert (set(record.births), set(record.deaths)) == (after - before, before - after)
    assert sum(flow.users for flow in record.flow) == round(record.moved_share * record.users)
    assert all(flow.before != flow.after and flow.users > 0 for flow in record.flow)
    assert {flow.before for flow in record.flow} <= before
    assert {flow.after for flow in record.flow} <= after
    for split in record.splits:
        assert split.before in before
        assert set(split.after) <= {split.before, *record.births}
    for merge in record.merges:
        assert set(merge.before) <= {merge.after, *record.deaths}
    assert record.adjusted_rand == pytest.approx(
        adjusted_rand_score(found(tastes, first), found(tastes, model))
    )
    assert -1 <= (record.silhouette or 0) <= 1


def test_the_first_record_compares_with_nothing() -> None:
    here = world(3)
    record = refit(here.tastes, count=3, start=Record(1, 0.0, "first"), before=None).record

    assert set(record.births) == {one.id for one in record.segments}
    assert (record.deaths, record.flow, record.moved_share) == ((), (), 0.0)
    assert record.adjusted_rand is None


def test_a_margin_moves_fewer_than_the_boundary() -> None:
    here = world(4, seed=5)
    first = fit(here.tastes, count=4, version=1, before=None)
    turned = world(4, seed=6, centres=unit(np.roll(here.centres, 1, axis=0) + 0.9 * here.centres))
    shares = [
        refit(
            turned.tastes, count=4, start=Record(2, 0.0, PERIODIC), before=first, margin=margin
        ).record.moved_share
        for margin in (0.0, 0.05, 2.0)
    ]
    assert shares == sorted(shares, reverse=True)


def test_it_is_known_how_a_held_model_differs_whatever_its_ids_are() -> None:
    here = world(4, seed=5)
    model = fit(here.tastes, count=4, version=1, before=None)
    renamed = replace(
        model, segments=tuple(replace(s, id=f"x{n}") for n, s in enumerate(model.segments))
    )
    start = Record(2, 0.0, PERIODIC)

    same = refit(here.tastes, count=4, start=start, before=model, held=renamed)
    assert same.from_held == 0.0
    other = fit(world(4, seed=8).tastes, count=4, version=1, before=None)
    assert (refit(here.tastes, count=4, start=start, before=model, held=other).from_held or 0) > 0.1


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        fit(np.full((8, 4), np.nan, np.float32), count=2, version=1, before=None)


def test_of_many_numbers_of_segments_some_are_tried() -> None:
    assert module._tried(3, 12, None) == list(range(3, 13))
    wide = module._tried(2, 1000, 37)
    assert {2, 36, 37, 38, 1000} <= set(wide)
    assert len(wide) <= module.COUNTS + 3
