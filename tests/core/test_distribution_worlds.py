"""Planted tastes: shares come out as they were put in, who turns is seen to turn, and only they.

Bounds are what a dozen lives give, with a little room; the error of the draw alone, which nobody
who sees but the events can be without, is measured beside them.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from stream.core.distribution import distribution
from tests.core.distribution_worlds import (
    ALIKE,
    MIXED,
    Spell,
    apart,
    counted,
    drifts,
    life,
    lived,
    zipf,
)
from tests.core.interest_worlds import TASTES, taste_of, weighed, world
from tests.core.samples import TUNING

SEEDS = range(12)
THREE = (0.6, 0.3, 0.1)
OTHER = (0.0, 0.0, 0.0, 0.6, 0.3, 0.1)


@cache
def errors(shares: tuple[float, ...], days: float, alike: bool) -> NDArray[np.float64]:
    """(seeds, 2): L1 of the distribution and of plain counts to what was planted, 200 events."""
    rows = []
    for seed in SEEDS:
        events = life(seed, Spell(days, 200, shares), kinds=ALIKE if alike else MIXED)
        profile = lived(events)
        found = distribution(profile, profile.as_of, TUNING)
        rows.append((apart(found.places, shares), apart(counted(events), shares)))
    return np.array(rows)


def test_planted_shares_come_out_after_200_events() -> None:
    for shares in ((0.8, 0.2), THREE):
        found = errors(shares, 7, alike=True)

        assert found[:, 0].mean() <= 0.1
        assert found[:, 0].max() <= found[:, 1].max() + 0.02


@pytest.mark.parametrize("shares", [(0.8, 0.2), THREE, tuple(zipf(8)), tuple(zipf(20))])
def test_of_events_that_count_alike_nothing_is_lost_but_to_the_draw(
    shares: tuple[float, ...],
) -> None:
    """Neither the prior nor a week's decay costs anything that can be seen."""
    found = errors(shares, 7, alike=True)

    assert np.abs(found[:, 0] - found[:, 1]).max() <= 0.03


@pytest.mark.parametrize("shares", [(0.8, 0.2), THREE, tuple(zipf(8)), tuple(zipf(20))])
def test_events_of_all_kinds_and_dwells_cost_no_more_than_their_weights_say(
    shares: tuple[float, ...],
) -> None:
    """n events of unequal weights are worth (Σw)²/Σw² alike ones; here some 0.6 n, less decay."""
    for days, times in ((7, 1.45), (30, 1.55)):
        found = errors(shares, days, alike=False)

        assert found[:, 0].mean() <= times * found[:, 1].mean() + 0.01


@pytest.mark.parametrize("name", ["tight", "loose", "crowded"])
def test_shares_of_interests_are_off_by_the_draw_too(name: str) -> None:
    """Without a prior: it would draw stray items up, and knows nothing of tastes to come."""
    found = world(name)
    errors = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        drawn = rng.choice(3, 200, p=THREE)
        likes = [(found.of(int(taste))[rng.integers(12)], 1.0) for taste in drawn]
        interests = weighed(likes, found.tuning)
        by_taste = np.zeros(TASTES)
        for interest in interests:
            by_taste[taste_of(interest, found)] += interest.mass.weight / len(drawn)
        counts = np.bincount(drawn, minlength=3) / len(drawn)
        errors.append((np.abs(by_taste[:3] - THREE).sum(), np.abs(counts - THREE).sum()))

    made, draw = np.mean(errors, axis=0)
    assert made <= draw + 0.01 <= 0.1


@cache
def moved(spells: tuple[Spell, ...], days: tuple[float, ...]) -> NDArray[np.float64]:
    """(seeds, days)"""
    return np.array([drifts(life(seed, *spells), days) for seed in SEEDS])


def test_who_turns_is_far_from_a_week_ago_and_comes_to_rest_again() -> None:
    turning = (Spell(40, 120, THREE), Spell(40, 120, OTHER))
    before, after, fortnight, month = moved(turning, (39.9, 47.9, 55.0, 75.0)).T

    assert before.mean() <= 0.1
    assert after.mean() >= 0.25
    assert after.min() >= 0.15
    assert np.mean(after > fortnight) >= 0.9
    assert fortnight.mean() <= 0.75 * after.mean()
    assert month.mean() <= 0.12


def test_who_stays_is_seen_to_stay() -> None:
    """The better known, the less: what is left is the draw of the last week against all before."""
    known = [moved((Spell(60, events, THREE),), (40.0, 60.0)) for events in (60, 240, 720)]
    means = [float(np.nanmean(one)) for one in known]

    assert means == sorted(means, reverse=True)
    assert means[0] <= 0.1
    assert means[2] <= 0.035
    assert np.nanmax(known[1]) <= 0.15


def test_half_a_turn_is_between() -> None:
    half = tuple((one + other) / 2 for one, other in zip((*THREE, 0, 0, 0), OTHER, strict=True))
    ends = [
        float(
            moved((Spell(40, 240, (*THREE, 0.0, 0.0, 0.0)), Spell(20, 120, then)), (47.9,)).mean()
        )
        for then in ((*THREE, 0.0, 0.0, 0.0), half, OTHER)
    ]

    assert ends == sorted(ends)
    assert ends[1] - ends[0] > 0.05
    assert ends[2] - ends[1] > 0.05
