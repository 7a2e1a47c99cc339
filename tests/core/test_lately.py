"""Laws of a tally's last days: they are what came in them, in whatever order, and no more."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.decay import Tally
from stream.core.fold import Observation, fold
from stream.core.forgetting import tombstone
from stream.core.lately import DAYS_MAX, WEEK_DAYS, Lately, day_of
from stream.core.profile import Profile
from stream.core.tuning import CATEGORIES_MAX
from stream.store.codec import pack, unpack
from tests.core.samples import DAY_S, LIKE, NOW, TUNING, histories, law, observation, plain

HALF_LIFE_S = 30 * DAY_S
Seen = tuple[tuple[str, ...], float, float]  # names, weight, at
names = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=3, unique=True).map(tuple)
moments = st.floats(NOW - 20 * DAY_S, NOW + 20 * DAY_S)
#: Histories of 800 days within 20, so that days have something in common.
fortnights = histories().map(
    lambda events: [replace(one, at=NOW + (one.at - NOW) / 40) for one in events]
)
came = st.lists(st.tuples(names, st.floats(0.01, 1), moments), min_size=1, max_size=25)


def added(history: list[Seen]) -> tuple[Tally, Lately]:
    tally, lately = Tally(), Lately()
    for given_names, weight, at in history:
        most = CATEGORIES_MAX
        tally = tally.add(given_names, weight, at, half_life_s=HALF_LIFE_S, most=most)
        lately = lately.add(given_names, weight, at, half_life_s=HALF_LIFE_S, to=tally)
    return tally, lately


def by_day(lately: Lately) -> dict[tuple[int, str], float]:
    return {(day, name): w for day, came in lately.days.items() for name, w in came.items()}


@law
@given(came)
def test_days_are_what_came_in_them(history: list[Seen]) -> None:
    newest = day_of(max(at for _, _, at in history))
    wanted: dict[tuple[int, str], float] = defaultdict(float)
    for given_names, weight, at in history:
        end = (day_of(at) + 1) * DAY_S
        for name in given_names:
            part = weight / len(given_names) * 2 ** (-(end - at) / HALF_LIFE_S)
            wanted[day_of(at), name] += part
    _, lately = added(history)

    kept = {key: w for key, w in wanted.items() if key[0] >= newest - WEEK_DAYS}
    assert by_day(lately) == pytest.approx(kept)
    assert len(lately.days) <= DAYS_MAX


@law
@given(came, st.randoms(use_true_random=False))
def test_arrival_order_does_not_matter(history: list[Seen], order: random.Random) -> None:
    """Late events land in their own day; one that comes after its day has left changes nothing."""
    tally, lately = added(history)
    other_tally, other = added(order.sample(history, len(history)))
    now = tally.at

    assert by_day(other) == pytest.approx(by_day(lately))
    assert other.before(other_tally, now, half_life_s=HALF_LIFE_S) == pytest.approx(
        lately.before(tally, now, half_life_s=HALF_LIFE_S)
    )


@law
@given(came, st.floats(0, 20))
def test_a_week_before_is_the_tally_of_then(history: list[Seen], later_days: float) -> None:
    tally, lately = added(history)
    now = tally.at + later_days * DAY_S
    then = (day_of(now) - WEEK_DAYS) * DAY_S
    older, _ = added([row for row in history if row[2] < then] or [((), 0.0, 0.0)])
    found = lately.before(tally, now, half_life_s=HALF_LIFE_S)
    left = 2 ** (-(then - older.at) / HALF_LIFE_S) if older.weights else 0.0

    assert found.keys() == tally.weights.keys()
    for name, weight in found.items():
        expected = older.weights.get(name, 0.0) * left
        faint = 0.03 * tally.weights[name]  # of what came since it is no more than rounding
        assert weight == pytest.approx(expected, rel=1e-6, abs=faint if weight == 0 else 1e-9)


@law
@given(fortnights, st.integers(1, 20))
def test_chunks_and_redelivery_do_not_matter(history: list[Observation], size: int) -> None:
    whole = fold(Profile("u"), history, TUNING).profile
    parts = Profile("u")
    for start in range(0, len(history), size):
        parts = fold(parts, history[: start + size], TUNING).profile  # what came, once more

    assert plain(parts.lately) == plain(whole.lately)


@law
@given(fortnights, st.sets(st.integers(0, 20)))
def test_when_it_is_saved_does_not_matter(history: list[Observation], saves: set[int]) -> None:
    """But for the rounding of a save, here to half precision."""
    whole, parts = fold(Profile("u"), history, TUNING).profile, Profile("u")
    for number, one in enumerate(history):
        parts = fold(parts, [one], TUNING).profile
        if number in saves:
            parts = replace(unpack(pack(parts, 1, TUNING, now=NOW)), user_id="u")

    left, right = by_day(whole.lately), by_day(parts.lately)
    for key in left.keys() | right.keys():
        assert right.get(key, 0.0) == pytest.approx(left.get(key, 0.0), rel=5e-3, abs=1e-6)
    for after in (0.0, 9 * DAY_S):
        now = whole.as_of + after
        here, there = (
            p.lately.before(p.categories, now, half_life_s=HALF_LIFE_S) for p in (whole, parts)
        )
        for name, weight in here.items():
            faint = 0.03 * whole.categories.weights[name] + 1e-6
            assert there.get(name, 0.0) == pytest.approx(weight, rel=0.01, abs=faint)


@law
@given(fortnights)
def test_forgetting_leaves_none(history: list[Observation]) -> None:
    profile = fold(Profile("u"), history, TUNING).profile

    assert tombstone(profile, "please", NOW).lately == Lately()


def test_a_name_that_has_to_go_from_the_tally_goes_from_its_days() -> None:
    """Else it would be taken from a weight that it is no part of, when the name comes again."""
    crowd: list[Seen] = [((f"n{n}",), 0.5, NOW + n) for n in range(CATEGORIES_MAX)]
    tally, lately = added([(("gone",), 0.1, NOW - DAY_S), *crowd])

    assert "gone" not in tally.weights
    assert by_day(lately).keys() == {(day_of(NOW), f"n{n}") for n in range(CATEGORIES_MAX)}


def test_a_tally_from_before_days_were_kept_tells_a_week_later() -> None:
    old = Tally({"a": 5.0}, NOW)
    lately = Lately(since=day_of(NOW) + 1)
    told = []
    for day in range(1, 12):
        at = NOW + day * DAY_S
        old = old.add(("b",), 1.0, at, half_life_s=HALF_LIFE_S, most=9)
        lately = lately.add(("b",), 1.0, at, half_life_s=HALF_LIFE_S, to=old)
        told.append(any(lately.before(old, at, half_life_s=HALF_LIFE_S).values()))

    assert told == [False] * WEEK_DAYS + [True] * 4
    assert lately.since == 0


def test_a_half_life_of_seconds_leaves_nothing_to_know() -> None:
    tally, lately = Tally(), Lately()
    for n in range(20):
        at = NOW + n * DAY_S
        tally = tally.add(("a",), 1.0, at, half_life_s=1.0, most=9)
        lately = lately.add(("a",), 1.0, at, half_life_s=1.0, to=tally)

    assert lately.before(tally, tally.at, half_life_s=1.0) == {"a": 0.0}


def test_what_says_nothing_of_categories_changes_nothing() -> None:
    before = fold(Profile("u"), [observation(0, categories=("a",))], TUNING).profile
    after = fold(before, [observation(1, kind=LIKE)], TUNING).profile

    assert after.lately is before.lately


def saved(tally: Tally, lately: Lately) -> tuple[Tally, Lately]:
    profile = Profile("u", categories=tally, lately=lately)
    read = unpack(pack(profile, 1, TUNING, now=NOW))
    return read.categories, read.lately


def test_what_rounding_leaves_is_not_of_last_week() -> None:
    """All of it came today; half precision and six digits differ, now this way and now that."""
    for number in range(1, 60):
        tally, lately = saved(*added([(("a",), number / 61, NOW), (("b",), 0.7, NOW - 8 * DAY_S)]))
        found = lately.before(tally, NOW, half_life_s=HALF_LIFE_S)

        assert found["a"] == 0.0
        assert found["b"] > 0.6


def test_nothing_is_known_of_last_week_with_a_half_life_of_minutes() -> None:
    """A day's first events would be rounded to nothing by its end, and the rest, brought back over
    a week in which it would have halved 336 times, be taken for an enormous weight of then."""
    brief_s, tally, lately = 1800.0, Tally(), Lately()
    for names, at in ((("a",), NOW - 8 * DAY_S), (("b",), day_of(NOW) * DAY_S)):
        tally = tally.add(names, 1.0, at, half_life_s=brief_s, most=9)
        lately = lately.add(names, 1.0, at, half_life_s=brief_s, to=tally)

    found = saved(tally, lately)[1].before(tally, NOW, half_life_s=brief_s)
    assert not any(found.values())
