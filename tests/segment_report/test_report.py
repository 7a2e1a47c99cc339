"""The report of planted worlds: what adds up, and what there is to say where little is known."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from stream.core.segment_history import HELD
from stream.core.segments import SegmentModel
from stream.segment_report.report import Report, Sampled, report
from tests.segment_report.world import START, fits, planted, sampled


@pytest.mark.parametrize("groups", [1, 3, 8])
def test_the_users_of_all_segments_are_those_looked_at(groups: int) -> None:
    world = planted(groups, 300)
    found = report(sampled(world))

    assert found.users == sum(one.users for one in found.segments) == 300
    sizes = np.bincount(world.member, minlength=groups)
    assert {one.id: one.users for one in found.segments} == {
        f"s{n}": int(size) for n, size in enumerate(sizes)
    }
    counts = [one.users for one in found.segments]
    assert counts == sorted(counts, reverse=True)


def test_points_of_the_map_are_in_the_segment_they_are_drawn_in() -> None:
    world = planted(5, 300)
    found = report(sampled(world))

    assert found.map is not None
    ids = [found.segments[place].id for _, _, place in found.map.points]
    assert ids == [f"s{n}" for n in world.member]
    for n, (x, y) in enumerate(found.map.middles):
        own = np.array([(a, b) for a, b, place in found.map.points if place == n])
        assert np.linalg.norm(own.mean(axis=0) - (x, y)) < 0.02
    assert 0 < sum(found.map.variance) <= 1


def test_planted_groups_are_ours_and_those_of_the_others() -> None:
    found = report(sampled(planted(4, 400)))

    assert found.compared is not None
    for method in found.compared.methods:
        assert method.adjusted_rand > 0.9
        assert method.adjusted_rand_clustered == pytest.approx(1.0, abs=0.01)


def test_items_and_terms_stand_beside_their_segment() -> None:
    found = report(sampled(planted(3)))

    for one in found.segments:
        assert one.label == f"group {one.id[1:]}"
        assert one.terms == (f"term {one.id[1:]}",)
        assert [item.title for item in one.items] == [f"Title of {one.id}"]


def test_segments_without_users_are_told_too() -> None:
    world = planted(3)
    own = world.model.segments
    away = replace(own[0], id="away", centroid=-own[0].centroid, size=0)
    found = report(sampled(replace(world, model=SegmentModel(8, (away, *own)))))

    assert (found.segments[-1].id, found.segments[-1].users) == ("away", 0)


@pytest.mark.parametrize("model", [None, SegmentModel(3, ())])
def test_before_the_first_fit_there_is_only_the_history(model: SegmentModel | None) -> None:
    found = report(replace(sampled(planted(3)), model=model, fits=fits()))

    assert found.segments == ()
    assert (found.map, found.compared) == (None, None)
    assert len(found.fits) == 3


@pytest.mark.parametrize("users", [0, 1, 2])
def test_without_users_there_is_no_map_and_nothing_to_compare(users: int) -> None:
    start = sampled(planted(3))
    found = report(replace(start, tastes=start.tastes[:users]))

    assert found.users == sum(one.users for one in found.segments) == users
    assert (found.map, found.compared) == (None, None)
    assert len(found.segments) == 3


def test_a_taste_that_is_no_number_is_nobody_s() -> None:
    start = sampled(planted(3, 100))
    tastes = start.tastes.copy()
    tastes[4, 2] = np.nan

    assert report(replace(start, tastes=tastes)).users == 99


def test_a_model_that_is_held_is_named() -> None:
    *others, last = fits()
    found = report(sampled(planted(2), (*others, replace(last, outcome=HELD))))

    assert found.held == last.version
    assert report(sampled(planted(2), fits())).held is None


def test_a_report_is_plain_json() -> None:
    found = report(sampled(planted(3, 60), fits()))

    assert msgspec.json.decode(msgspec.json.encode(found), type=Report) == found


def test_the_order_of_segments_in_the_model_says_nothing() -> None:
    world = planted(4, 200)
    turned = SegmentModel(7, world.model.segments[::-1])
    one, other = report(sampled(world)), report(sampled(replace(world, model=turned)))

    assert {each.id: each.users for each in one.segments} == {
        each.id: each.users for each in other.segments
    }
    assert one.map is not None
    assert other.map is not None
    assert [p[:2] for p in one.map.points] == [p[:2] for p in other.map.points]


def test_nothing_at_all_is_a_report() -> None:
    nothing = Sampled(START, None, (), np.zeros((0, 8), np.float32), {})

    assert report(nothing) == Report(START, None, None, 0, (), ())
