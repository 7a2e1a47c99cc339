"""What the figures of segments count, by laws, and that page and picture follow from them alone."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.evaluate.simulate import simulate
from stream.settings import load
from tests.bench import docs, segment_page, segments
from tests.bench.segment_figures import (
    Liked,
    Move,
    kept,
    l1,
    majority_by_weight,
    majority_of_last,
    mean_and_worst,
    rand,
    returns,
    spread,
)
from tests.bench.segment_worlds import KINDS, RESTLESS, Models, Stream, keeper, world

NAMES = ("a", "b", "c")
SHARES = (
    st.lists(st.integers(0, 50), min_size=3, max_size=3)
    .filter(any)
    .map(lambda counts: {name: n / sum(counts) for name, n in zip(NAMES, counts, strict=True)})
)
DAY = 86_400.0


@st.composite
def paths(draw: st.DrawFn) -> list[Move]:
    """Moves of one user from segment to segment, never to the same, in time order."""
    steps = draw(st.lists(st.tuples(st.integers(1, 100), st.integers(0, 3)), max_size=12))
    moves, at, here = [], 0.0, "s9"
    for later, number in steps:
        there = f"s{number}"
        if there != here:
            at += later
            moves.append(Move(at, here, there))
            here = there
    return moves


# --- flapping


@given(paths(), st.integers(0, 300))
def test_returns_are_some_of_the_moves_and_more_within_a_longer_time(
    moves: list[Move], within: int
) -> None:
    assert 0 <= returns(moves, within) <= returns(moves, within + 50) <= max(len(moves) - 1, 0)
    assert returns(moves, 0) == 0


@given(paths(), st.integers(1, 300))
def test_who_never_comes_back_does_not_flap(moves: list[Move], within: int) -> None:
    onwards = [replace(move, after=f"{move.after}-{n}") for n, move in enumerate(moves)]

    assert returns(onwards, within) == 0


@pytest.mark.parametrize(("later", "flaps"), [(599, 1), (600, 0)])
def test_there_and_back_is_a_flap_within_the_time(later: float, flaps: int) -> None:
    assert returns([Move(0, "a", "b"), Move(later, "b", "a")], 600) == flaps


def test_a_detour_is_a_flap_too_and_a_first_assignment_is_none() -> None:
    first = Move(0, None, "a")

    assert returns([first, Move(1, "a", "b"), Move(2, "b", "c"), Move(3, "c", "a")], 10) == 1
    assert returns([first, Move(1, "a", "b")], 10) == 0


# --- the majority


@given(st.integers(1, 40), st.floats(0.1, 1.0))
def test_without_decay_the_majority_comes_with_one_more_than_there_were(
    before: int, weight: float
) -> None:
    events = [Liked(n, weight, new=n >= before) for n in range(2 * before + 5)]

    found = majority_by_weight(events, 1e15)

    assert found is not None
    assert abs(found - 2 * before) <= 1  # rounding decides where both weigh the same


@given(st.integers(1, 30), st.floats(0.1, 30))
def test_the_shorter_the_half_life_the_sooner_the_majority(before: int, days: float) -> None:
    events = [Liked(n * DAY, 0.5, new=n >= before) for n in range(2 * before + 5)]
    places = [majority_by_weight(events, half * DAY) for half in (days, 2 * days)]

    assert places[0] is not None
    assert places[1] is not None
    assert before <= places[0] <= places[1]


@pytest.mark.parametrize(("weight", "place"), [(0.6, 1), (0.4, None)])
def test_after_a_half_life_a_bit_more_than_half_is_a_majority(
    weight: float, place: int | None
) -> None:
    events = [Liked(0, 1.0, new=False), Liked(DAY, weight, new=True)]

    assert majority_by_weight(events, DAY) == place


def test_what_weighs_nothing_makes_no_majority() -> None:
    assert majority_by_weight([Liked(0, 1.0, new=False), Liked(1, 0.0, new=True)], DAY) is None
    assert majority_of_last([Liked(0, 0.0, new=True)] * 30, 20) is None


@given(st.integers(1, 60), st.integers(1, 25))
def test_of_the_latest_events_more_than_half(before: int, window: int) -> None:
    """However long the past was."""
    events = [Liked(n, 0.5, new=n >= before) for n in range(before + window)]

    assert majority_of_last(events, window) == before + window // 2


# --- shares


@given(SHARES, SHARES, st.sets(st.sampled_from(NAMES)))
def test_l1_is_a_distance_and_at_most_two(
    left: dict[str, float], right: dict[str, float], names: set[str]
) -> None:
    some = sorted(names)

    assert l1(left, left, some) == pytest.approx(0.0, abs=1e-12)
    assert l1(left, right, some) == pytest.approx(l1(right, left, some))
    assert 0 <= l1(left, right, some) <= 2 + 1e-9
    assert l1(left, right, some) <= l1(left, right, NAMES) + 1e-9  # places that are put together


def test_what_is_left_out_counts_as_all_else() -> None:
    assert l1({"a": 0.5, "x": 0.5}, {"a": 0.5, "b": 0.5}, ("a", "b")) == pytest.approx(1.0)


# --- groups


@given(st.dictionaries(st.text(max_size=3), st.sampled_from("abc"), min_size=1, max_size=20))
def test_names_of_segments_do_not_matter_for_the_groups(groups: dict[str, str]) -> None:
    renamed = {user: f"segment of {group}" for user, group in groups.items()}

    assert rand(renamed, groups) == pytest.approx(1.0)
    assert kept(groups, groups) == 1.0
    assert kept(groups, renamed) == 0.0


def test_who_is_in_no_segment_is_left_out_of_the_groups() -> None:
    assert rand({"u": "s", "v": "t", "w": None}, {"u": "a", "v": "b", "w": "b"}) == 1.0
    assert rand({}, {"u": "a"}) == 0.0


def test_the_worst_is_the_least_or_the_most() -> None:
    assert mean_and_worst([0.5, 1.0]) == {"mean": 0.75, "worst": 0.5}
    assert mean_and_worst([0.5, 1.0], most=True)["worst"] == 1.0
    assert spread([]) == {}
    assert spread([1, 2, 9])["worst"] == 9


# --- worlds


def test_uneven_groups_fall_off_and_the_others_stay_as_they_are() -> None:
    found = world("uneven", 1, users=60)
    everybody = world("separated", 1, users=60)
    sizes = np.bincount([int(g.removeprefix("group-")) for g in found.truth.group_of.values()])

    assert sizes[0] > 2 * sizes[-1]
    assert found.truth.users == tuple(
        user for user in everybody.truth.users if user.id in found.truth.group_of
    )
    assert {event.user_id for event in found.events} <= set(found.truth.group_of)


def test_a_keeper_follows_the_rule_it_has() -> None:
    """A rule that never lets go moves nobody after the first assignment."""
    settings = load(segments_count=2)
    plan = replace(RESTLESS, users=12, days=8, quiet=(), groups=2)
    models = Models(settings, settings.tuning())
    loose = keeper(settings, models, margin=0.0, min_stay_s=0.0)
    fast = keeper(settings, models, min_stay_s=1e12)
    stream = Stream(simulate(plan), settings, 2 * DAY, [models], [loose, fast])

    stream.play()

    assert fast.members.keys() == loose.members.keys()
    assert all(len(moves) == 1 for moves in fast.moves.values())
    assert sum(map(len, loose.moves.values())) >= len(loose.members)
    assert all(
        len(one.at[user]) == len(one.moves[user]) for one in (loose, fast) for user in one.at
    )


def test_every_kind_of_world_is_of_the_same_groups() -> None:
    assert {plan.groups for plan in KINDS.values()} == {6}


# --- the result


def test_targets_follow_from_the_figures_and_each_figure_has_one() -> None:
    result = json.loads((docs.RESULTS / "segments.json").read_text("utf-8"))
    named = {"recovery", "stability", "flapping", "drift", "shares", "refit"}

    assert result["targets"] == segments.targets(result)
    assert {one["figure"] for one in result["targets"]} == named
    page = "\n".join(segment_page.lines(result))
    assert all(f"**`{name}`**" in page for name in named)


def test_a_part_that_was_not_measured_is_left_out() -> None:
    assert segments.targets({}) == []
    assert len(segment_page.lines({"measured": {}, "targets": []})) == 4
