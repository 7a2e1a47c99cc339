"""Planted tastes: what is one taste stays one, what are two stay two, whatever the encoder.

The bounds of the worlds with noise are what these very orders give, with a little room: another
order, taste or strength is another draw of the same lottery, and the threshold decides its odds.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from stream.core.decay import direction, weight_at
from stream.core.interests import settle
from stream.core.profile import Profile, interest_shares
from tests.core.interest_worlds import (
    NAMES,
    TASTES,
    Interests,
    World,
    liked,
    order,
    shares_by_taste,
    supported,
    taste_of,
    weighed,
    world,
)
from tests.core.samples import DAY_S, NOW

ORDERS = range(6)
every_world = pytest.mark.parametrize("found", [world(name) for name in NAMES], ids=NAMES)
every_pair = pytest.mark.parametrize("pair", list(combinations(range(TASTES), 2)))


@every_world
@pytest.mark.parametrize("taste", range(TASTES))
def test_one_taste_does_not_break_up(found: World, taste: int) -> None:
    """A stray item may stand alone; nothing else does, and it takes next to nothing along."""
    for seed in ORDERS:
        interests = liked(order(found.of(taste), seed), found.tuning)

        assert len(supported(interests)) == 1
        assert shares_by_taste(interests, found)[taste] >= 0.8


@every_world
@every_pair
def test_two_tastes_stay_two(found: World, pair: tuple[int, int]) -> None:
    ends = [liked(order(found.of(*pair), seed), found.tuning) for seed in ORDERS]
    shares = [shares_by_taste(end, found) for end in ends]
    kept = [share for share in shares if min(share.get(taste, 0) for taste in pair) >= 0.25]

    assert len(kept) >= len(ORDERS) - 1


@every_world
@every_pair
def test_the_order_of_two_tastes_matters_little(found: World, pair: tuple[int, int]) -> None:
    """One after the other or mixed: as many interests but for one, and about the same shares."""
    in_turn = [item for both in zip(*(found.of(t) for t in pair), strict=True) for item in both]
    orders = [found.of(*pair), found.of(*reversed(pair)), in_turn, order(in_turn, 1)]
    ends = [liked(items, found.tuning) for items in orders]
    counts = [len(supported(end)) for end in ends]
    first = np.array([shares_by_taste(end, found)[pair[0]] for end in ends])

    assert 2 <= min(counts) <= max(counts) <= 3
    assert np.ptp(first) <= 0.3


@every_world
def test_a_small_taste_is_kept_beside_a_large_one(found: World) -> None:
    """10 to 1 in weight: the small one has its eleventh, or most of it, in an interest of its
    own."""
    small = []
    for large, other in combinations(range(TASTES), 2):
        items = order(found.of(large, other), large)
        interests = weighed(((i, 1.0 if i.taste == large else 0.1) for i in items), found.tuning)
        small.append(shares_by_taste(interests, found).get(other, 0.0))

    assert np.mean(np.array(small) >= 0.5 / 11) >= 0.9
    assert min(small) > 0


@every_world
def test_a_taste_that_fell_silent_fades_by_its_half_life_exactly(found: World) -> None:
    """Whatever comes after it: half its weight a half-life, and the same id till it is gone."""
    half_life_s = found.tuning.interest_half_life_s
    old = liked(found.of(0), found.tuning)
    before = {interest.id: interest.mass.weight for interest in old}
    [main] = supported(old)
    for halvings in (1, 2, 10):
        later = main.mass.at + halvings * half_life_s
        new = weighed(((i, 1.0) for i in found.of(2)), found.tuning, old, since=later)
        left = {i.id: weight_at(i.mass, later, half_life_s=half_life_s) for i in new}

        assert left[main.id] == pytest.approx(before[main.id] / 2**halvings, rel=1e-6)
        shown = interest_shares(Profile("u", interests=new), new[-1].mass.at, found.tuning)
        share = {row.id: row.share for row in shown}
        expected = left[main.id] / (sum(before.values()) / 2**halvings + len(found.of(2)))
        assert share[main.id] == pytest.approx(expected, rel=1e-3)  # seconds pass among the new


@every_world
def test_a_taste_that_has_faded_away_leaves_its_place(found: World) -> None:
    old = liked(found.of(0), found.tuning)
    later = NOW + 40 * found.tuning.interest_half_life_s
    new = weighed(((i, 1.0) for i in found.of(2)), found.tuning, old, since=later)

    assert not {interest.id for interest in old} & {interest.id for interest in new}
    assert all(taste_of(interest, found) == 2 for interest in supported(new))


@every_world
def test_the_old_taste_comes_back_under_its_id(found: World) -> None:
    """A month with something else, then the first taste again: no second interest for it."""
    tuning, half = found.tuning, len(found.of(0)) // 2
    old = liked(found.of(0)[:half], tuning)
    [main] = supported(old)
    between = weighed(((i, 1.0) for i in found.of(2)), tuning, old, since=NOW + 15 * DAY_S)
    again = weighed(((i, 1.0) for i in found.of(0)[half:]), tuning, between, since=NOW + 30 * DAY_S)

    assert main.id in {interest.id for interest in again}
    assert sum(taste_of(interest, found) == 0 for interest in supported(again)) == 1


@every_world
def test_a_medoid_is_among_the_items_nearest_to_the_direction(found: World) -> None:
    """Though no vector but the newest is at hand when it is chosen."""
    nearer = []
    for pair in combinations(range(TASTES), 2):
        for interest in supported(liked(order(found.of(*pair), 7), found.tuning)):
            pointing = direction(interest.mass.vector)
            assert pointing is not None
            own = found.of(taste_of(interest, found))
            cosines = {item.item_id: float(pointing @ item.vector) for item in own}
            best = sorted(cosines, key=lambda item_id: -cosines[item_id])
            nearer.append(best.index(interest.medoid) if interest.medoid in best else len(best))

    assert np.mean(nearer) <= 2.0  # of twelve; by chance 5.5
    assert np.mean(np.array(nearer) <= 2) >= 0.7


def test_a_sixth_taste_gets_a_place() -> None:
    """With five strong ones, it is the two that matter least which give way."""
    found = world("loose")
    strong = weighed(((i, 1.0) for i in order(found.of(0, 1, 2, 3, 4), 0)), found.tuning)
    assert len(strong) == found.tuning.interests_max

    more = weighed(((i, 1.0) for i in found.of(5)), found.tuning, strong, since=NOW + DAY_S)
    assert len(more) == found.tuning.interests_max
    assert taste_of(more[-1], found) == 5
    assert more[-1].mass.weight == pytest.approx(12, rel=0.01)


def test_a_stray_item_does_not_make_one_of_two_tastes() -> None:
    """With all places taken, an older stray gives way to the newer one, not a taste."""
    found = world("loose")
    tastes = weighed(((i, 1.0) for i in order(found.of(0, 1, 2, 3), 0)), found.tuning)
    strays = [found.of(4)[0], found.of(5)[0], found.of(4)[1], found.of(5)[1]]
    interests: Interests = tastes
    for number, stray in enumerate(strays):
        interests = settle(
            interests,
            stray.vector,
            0.6,
            NOW + 100 + number,
            item_id=stray.item_id,
            label="",
            tuning=found.tuning,
        ).interests

    assert [i.id for i in interests[:4]] == [i.id for i in tastes]
    assert [i.medoid for i in interests[4:]] == [strays[-1].item_id]
    assert {taste_of(i, found) for i in interests[:4]} == {0, 1, 2, 3}
