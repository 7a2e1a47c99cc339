"""What holds for every simulated world."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from stream.evaluate import jsonlines
from stream.evaluate.simulate import DAY_S, Plan, World, prepare, simulate, write
from stream.evaluate.simulation.files import EVENTS, ITEMS, NAMES, WITHDRAWN
from stream.evaluate.simulation.visits import THINK_S
from stream.settings import load
from stream.wire.inputs import Event
from tests.evaluate.simulated import FORGETFUL, SMALL, busy, by_user, clicks, world

WORLDS = pytest.mark.parametrize("plan", [SMALL, FORGETFUL], ids=["small", "forgetful"])


# --- chance


def written(plan: Plan, folder: Path) -> dict[str, bytes]:
    write(World(plan), folder)
    return {name: (folder / name).read_bytes() for name in NAMES}


def test_the_same_plan_gives_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()

    assert written(SMALL, tmp_path) == written(SMALL, tmp_path / "other")


def test_another_process_gives_the_same_bytes(tmp_path: Path) -> None:
    """What Python draws anew for each process, such as the hashes of strings, has no part in it."""
    command = [sys.executable, "-m", "stream.cli", "simulate", "--users", "10", "--items", "40"]
    command += ["--days", "3", "--seed", "7", "--out", str(tmp_path / "theirs")]
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    subprocess.run(command, check=True, env=environment, capture_output=True, timeout=60)
    prepare(tmp_path / "ours", force=False)

    ours = written(Plan(users=10, items=40, days=3, seed=7), tmp_path / "ours")

    assert {name: (tmp_path / "theirs" / name).read_bytes() for name in NAMES} == ours


def test_another_seed_gives_another_world() -> None:
    other = simulate(replace(SMALL, seed=4))

    assert other.truth.users != world().truth.users
    assert other.events != world().events


def test_more_users_leave_the_others_as_they_were() -> None:
    more = simulate(replace(SMALL, users=SMALL.users + 15))
    theirs, ours = by_user(more.events), by_user(world().events)

    assert set(theirs) > set(ours)
    assert {user: theirs[user] for user in ours} == dict(ours)
    assert more.truth.users[: SMALL.users] == world().truth.users


def test_more_groups_leave_the_others_as_they_were() -> None:
    more = simulate(replace(SMALL, users=1, groups=9))

    assert more.truth.groups[: SMALL.groups] == world().truth.groups


# --- time


@WORLDS
def test_events_come_in_time_order_and_within_the_days(plan: Plan) -> None:
    times = [event.at for event in world(plan).events]

    assert times == sorted(times)
    assert plan.start <= times[0]
    assert times[-1] < plan.end


@WORLDS
def test_a_quiet_span_has_no_event_and_the_days_around_it_have(plan: Plan) -> None:
    ((first, after),) = plan.quiet
    per_day = Counter(int((event.at - plan.start) // DAY_S) for event in world(plan).events)

    assert [per_day[day] for day in range(first, after)] == [0] * (after - first)
    assert all(per_day[day] for day in (first - 1, after))


def test_a_visit_is_over_when_the_quiet_or_the_last_day_ends_it() -> None:
    plan = Plan(users=1500, items=24, days=3, quiet=((1, 2),), bots=0.02)
    times = np.array([event.at for event in simulate(plan).events]) - plan.start

    for end in (DAY_S, 3 * DAY_S):
        assert 0 < end - times[times < end].max() < 60
    assert ((times < DAY_S) | (times >= 2 * DAY_S)).all()


@pytest.mark.parametrize("rate", [2.0, 8.0])
def test_people_do_about_as_much_as_was_asked_for(rate: float) -> None:
    plan = Plan(users=150, items=60, days=10, events_per_day=rate, bots=0, bursts=0)

    events = len(simulate(plan).events)

    assert events / plan.users / plan.days == pytest.approx(rate, rel=0.12)


def test_in_a_burst_people_are_busier_and_take_the_one_item() -> None:
    plan = replace(SMALL, users=400, items=240, quiet=(), births=0, deaths=0, bots=0)
    found = world(plan)
    (burst,) = found.truth.bursts
    mates = {g.id for g in found.truth.items if g.category == found.truth.category_of[burst.item]}

    def during(event: Event, days: int = 0) -> bool:
        return burst.start <= event.at + days * DAY_S < burst.end

    then = [event for event in found.events if during(event)]
    usual = [
        e for e in found.events if any(during(e, day) for day in (*range(-10, 0), *range(1, 10)))
    ]
    days = len({int((event.at - burst.start) // DAY_S) for event in usual})

    assert len(then) > 1.3 * len(usual) / days
    # half of what is picked; less of what is clicked, as whoever had it lately takes another
    assert share_of(burst.item, mates, then) > 3 * share_of(burst.item, mates, usual)


def share_of(item: str, mates: set[str], events: list[Event]) -> float:
    """The item's share in what users found by themselves among these."""
    found = [e.item_id for e in clicks(events, listed=False) if e.item_id in mates]
    return found.count(item) / len(found)


# --- items


@WORLDS
def test_nothing_is_shown_or_used_before_its_birth_or_after_its_death(plan: Plan) -> None:
    truth = world(plan).truth
    lives = {good.id: (good.born, good.dies or math.inf) for good in truth.items}
    used = [(e.at, e.item_id) for e in world(plan).events if e.item_id is not None]
    shown = [(e.at, item) for e in world(plan).events for item in e.offers]

    assert used
    assert shown
    for at, item in used + shown:
        assert lives[item][0] <= at < lives[item][1]


@WORLDS
def test_a_death_is_announced_or_followed_by_a_withdrawal(plan: Plan) -> None:
    found = world(plan)
    born = {item.item_id: item for item in found.items}
    gone = {each.item.item_id: each for each in found.withdrawals}

    assert [item.published_at for item in found.items] == sorted(
        good.born for good in found.truth.items
    )
    assert any(born[item].expires_at for item in born)
    for good in found.truth.items:
        assert born[good.id].expires_at == (good.dies if good.announced else None)
        assert (good.id in gone) == (good.dies is not None and not good.announced)
        if good.id in gone:
            assert gone[good.id].at == good.dies
            assert not gone[good.id].item.available
            assert gone[good.id].item.title == born[good.id].title


@pytest.mark.parametrize("cohesion", [0.3, 0.8])
def test_vectors_are_as_near_as_was_asked_for(cohesion: float) -> None:
    plan = Plan(users=1, items=120, days=1, dimension=256, cohesion=cohesion)
    items = list(World(plan).items())
    rows = np.array([item.vectors["text"] for item in items])
    kind = np.array([item.categories[0] for item in items])
    cosines = rows @ rows.T
    same = kind[:, None] == kind[None]

    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-3)
    assert cosines[same & ~np.eye(len(rows), dtype=bool)].mean() == pytest.approx(
        cohesion, abs=0.05
    )
    assert cosines[~same].mean() == pytest.approx(0, abs=0.05)


# --- people


def test_what_users_find_by_themselves_follows_their_shares() -> None:
    """The mean absolute difference is what drawing so often from the shares gives."""
    truth = busy().truth
    difference = expected = 0.0
    for user, events in by_user(clicks(busy().events, listed=False)).items():
        counts = Counter(truth.category_of[event.item_id or ""] for event in events)
        for category, share in truth.shares_at(user, events[0].at).items():
            difference += abs(counts[category] / len(events) - share)
            expected += math.sqrt(2 * share * (1 - share) / (math.pi * len(events)))

    # of 40 users with few categories each: over seeds the ratio is 1.00, its deviation 0.08
    assert 0.75 < difference / expected < 1.25


def test_clicks_fall_with_the_place_as_planted() -> None:
    places, plan = np.arange(1, SMALL.list_size + 1), SMALL
    found = Counter(event.position for event in clicks(busy().events, listed=True))
    counts = np.array([found[place] for place in places.tolist()])
    curve = places**-plan.position_bias
    expected = counts.sum() * curve / curve.sum()

    assert counts.sum() > 1000
    assert ((counts - expected) ** 2 / expected).sum() < 21.7  # chi squared, 9 degrees: 99 %


def test_clicks_on_lists_follow_tastes_once_the_place_is_taken_out() -> None:
    """The front page offers all categories alike, so clicks on it have the planted shares."""
    truth = busy().truth
    listed = clicks(busy().events, listed=True)
    planted: Counter[str] = Counter()
    for event in listed:
        planted.update(truth.shares_at(event.user_id, event.at))
    found = Counter(truth.category_of[event.item_id or ""] for event in listed)
    distance = sum(abs(found[c] - planted[c]) for c in truth.categories) / len(listed)

    assert distance < 0.08


def test_without_a_bias_every_place_counts_alike() -> None:
    plan = replace(SMALL, users=60, position_bias=0, bots=0)
    found = Counter(event.position for event in clicks(simulate(plan).events, listed=True))

    first, second = (sum(found[p] for p in half) for half in (range(1, 6), range(6, 11)))
    assert abs(first - second) < 4 * math.sqrt(first + second)


def test_a_drifting_user_follows_the_old_taste_before_and_the_new_one_after() -> None:
    plan = replace(SMALL, users=40, days=30, drifting=1, bots=0, events_per_day=15)
    found, right = simulate(plan), []
    for user, events in by_user(clicks(found.events, listed=False)).items():
        (moment,) = found.truth.drifts[user]
        for event in events:
            category = found.truth.category_of[event.item_id or ""]
            old, new = (found.truth.shares_at(user, at)[category] for at in (plan.start, moment))
            if max(old, new) > 5 * min(old, new):
                right.append((event.at < moment) == (old > new))
        assert found.truth.group_at(user, plan.start) != found.truth.group_at(user, moment)

    assert len(right) > 2000
    assert np.mean(right) > 0.95


def test_users_are_nearest_to_their_own_group() -> None:
    truth = World(Plan(users=500, items=24, days=1, groups=8, drifting=0)).truth
    groups = {group.id: np.array(group.shares) for group in truth.groups}
    nearest = [
        min(groups, key=lambda name: float(np.abs(groups[name] - user.tastes[0].shares).sum()))
        == user.group
        for user in truth.users
        if not user.bot
    ]

    assert {group.kind for group in truth.groups} == {"single", "double", "triple"}
    assert {user.group for user in truth.users if not user.bot} == set(groups)
    assert np.mean(nearest) > 0.99


def test_tastes_drift_when_a_part_of_all_is_done() -> None:
    plan = Plan(users=400, items=24, days=20, drifting=0.5, bots=0, quiet=((5, 10),))
    truth = World(plan).truth
    moments = np.array([at for found in truth.drifts.values() for at in found]) - plan.start
    days = moments / DAY_S

    assert 150 < len(days) < 250
    assert (days.min(), days.max()) == pytest.approx((4.5, 15.5), abs=0.5)
    assert not ((days >= 5) & (days < 10)).any()
    assert np.median(days) == pytest.approx(12.5, abs=0.7)


def test_nobody_is_in_two_visits_at_once() -> None:
    """Even those who hardly do anything else."""
    plan = Plan(users=10, items=24, days=1, events_per_day=800, bots=0, bursts=0)
    for events in by_user(simulate(plan).events).values():
        visits = [int(event.event_id.split("-")[2]) for event in events]
        assert visits == sorted(visits)


def test_bots_are_known_by_their_speed() -> None:
    found = world(FORGETFUL)
    rounding = 0.001
    assert found.truth.bots
    for user, events in by_user(found.events).items():
        times = [event.at for event in events if event.type == "click"]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        if user in found.truth.bots:
            assert median(gaps) < 1
        else:
            assert all(gap > THINK_S - rounding for gap in gaps)


def test_bots_click_on_anything() -> None:
    found = simulate(replace(SMALL, users=20, bots=1, births=0, deaths=0))
    counts = Counter(event.item_id for event in found.events)

    assert set(counts) == {good.id for good in found.truth.items}
    assert max(counts.values()) < 2 * min(counts.values())
    assert found.truth.group_of == {}
    assert found.truth.shares_at("user-0", SMALL.start) == {}


# --- messages


def test_a_line_says_what_it_must_and_no_more(tmp_path: Path) -> None:
    write(World(SMALL), tmp_path)
    every = [json.loads(row) for name in (ITEMS, EVENTS) for row in lines(tmp_path / name)]

    assert all(value not in (None, "", [], {}) for row in every for value in row.values())
    assert not any({"rating_max", "available"} & set(row) for row in every)
    assert all(json.loads(row)["available"] is False for row in lines(tmp_path / WITHDRAWN))


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines()


@WORLDS
def test_evaluation_reads_every_line_as_it_was_meant(plan: Plan, tmp_path: Path) -> None:
    found = world(plan)
    write(World(plan), tmp_path)

    items, events = (jsonlines.read(tmp_path / name, load()) for name in (ITEMS, EVENTS))
    withdrawn = jsonlines.read(tmp_path / WITHDRAWN, load())

    assert items.refused == events.refused == withdrawn.refused == ()
    assert items.items == found.items
    assert events.events == found.events
    assert withdrawn.items == tuple(each.item for each in found.withdrawals)


@WORLDS
def test_an_event_that_answers_a_list_names_it_and_the_place_in_it(plan: Plan) -> None:
    lists = {e.recommendation_id: e for e in world(plan).events if e.type == "impression"}
    answers = [e for e in world(plan).events if e.position is not None]

    assert answers
    for event in answers:
        shown = lists[event.recommendation_id]
        assert shown.user_id == event.user_id
        assert shown.at < event.at
        assert shown.offers[(event.position or 0) - 1] == event.item_id
    for shown in lists.values():
        assert len(set(shown.offers)) == len(shown.offers) <= plan.list_size


@WORLDS
def test_no_two_events_share_an_id(plan: Plan) -> None:
    assert len({event.event_id for event in world(plan).events}) == len(world(plan).events)


def test_people_do_all_that_people_do() -> None:
    kinds = {event.type for event in busy().events}

    assert kinds == set(load().event_types) - {"view", "forget"}
