"""Parts of a simulated world: its plan, its words, its truth as a file."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.errors import Misconfigured
from stream.evaluate import simulate as simulating
from stream.evaluate.simulate import DAY_S, Plan
from stream.evaluate.simulation import texts, truth
from stream.evaluate.simulation.calendar import calendar
from stream.evaluate.simulation.words import THEMES, Theme
from stream.wire.inputs import Event
from tests.evaluate.simulated import SMALL, busy, world
from tests.sentiment.parts import vader


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"users": 0}, "users is 0, limit 1 to 10000000"),
        ({"items": 23}, "items is 23, limit 24 to 1000000: each of 12 categories needs 2 items"),
        ({"days": 0}, "days is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"categories": 25}, "categories is 25, limit 2 to 24"),
        ({"bots": 1.5}, "bots is 1.5, limit 0 to 1"),
        ({"drifting": math.nan}, "drifting is nan"),
        ({"events_per_day": 0}, "events_per_day is 0"),
        ({"start": 1.5}, "start is 1.5: leave out"),
        ({"dimension": 1}, "dimension is 1, limit 8 to 4096"),
        ({"quiet": ((5, 5),)}, "quiet span 5:5 does not fit days 0 to 10"),
        ({"quiet": ((5, 11),)}, "quiet span 5:11 does not fit days 0 to 10"),
        ({"quiet": ((2, 5), (4, 6))}, "quiet span 4:6 does not fit"),
        ({"quiet": ((4, 10), (0, 4))}, "all 10 days are quiet"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_with_the_limit(
    changed: dict[str, object], says: str
) -> None:
    with pytest.raises(Misconfigured, match=says):
        replace(SMALL, **changed)  # type: ignore[arg-type]  # values of any kind, by name


# --- the calendar


@given(st.floats(0, 1, exclude_max=True), st.sets(st.integers(1, 8), max_size=4))
def test_a_moment_of_activity_is_never_in_a_quiet_span(share: float, days: set[int]) -> None:
    quiet = tuple((day, day + 1) for day in days)
    found = calendar(replace(SMALL, quiet=quiet))

    at = found.at(share * float(found.done[-1]))

    assert SMALL.start <= at <= SMALL.end
    assert not any(first * DAY_S <= at - SMALL.start < after * DAY_S for first, after in quiet)
    assert found.awake(at) == at < found.until(at)


@given(st.lists(st.floats(0, 10), min_size=2))
def test_more_activity_takes_longer(done: list[float]) -> None:
    found = calendar(SMALL)
    times = [found.at(each) for each in sorted(done)]

    assert times == sorted(times)


def test_waking_time_ends_where_a_quiet_span_begins() -> None:
    found = calendar(replace(SMALL, quiet=((4, 6), (6, 7))))
    start = SMALL.start

    assert found.until(start) == start + 4 * DAY_S
    assert found.until(start + 5 * DAY_S) == start + 5 * DAY_S
    assert found.awake(start + 4 * DAY_S) == start + 7 * DAY_S
    assert found.until(start + 8 * DAY_S) == SMALL.end
    assert found.awake(SMALL.end) == math.inf


# --- words


DRAWS = st.lists(st.floats(0, 1, exclude_max=True), min_size=16, max_size=16)


@given(st.sampled_from(THEMES), DRAWS)
def test_titles_and_texts_are_whole_and_stay_with_their_theme(
    theme: Theme, draws: list[float]
) -> None:
    title, text = texts.title(theme, draws), texts.text(theme, draws)

    for words in (title, text):
        assert not set("{}") & set(words)
        assert any(word in words.lower() for word in lowered(theme))
    assert title[0].isupper()
    assert text.count(".") == texts.TEXT_SENTENCES


def lowered(theme: Theme) -> list[str]:
    return [word.lower() for word in (*theme.things, *theme.doings)]


def test_no_theme_has_the_words_of_another() -> None:
    every = [word for theme in THEMES for word in lowered(theme)]

    assert len(set(every)) == len(every)
    assert len({theme.name for theme in THEMES}) == len(THEMES)


@pytest.mark.parametrize("stars", range(1, 6))
def test_a_review_says_what_its_stars_say(stars: int) -> None:
    """As the shipped lexicon reads it, for every way to put it and every theme."""
    low, high = {1: (-1, -0.2), 2: (-1, -0.1), 4: (0, 1), 5: (0.3, 1)}.get(stars, (-0.7, 0.6))
    sides = [
        vader().of(texts.review(theme, stars, [opening, body, 0.3, 0.3])) or 0.0
        for theme, opening, body in product(THEMES, (0.1, 0.5, 0.9), (0.1, 0.9))
    ]

    assert low <= min(sides)
    assert max(sides) <= high
    assert np.mean(sides) == pytest.approx(
        {1: -0.65, 2: -0.55, 3: 0, 4: 0.6, 5: 0.75}[stars], abs=0.1
    )


def test_what_people_write_fits_what_they_give() -> None:
    reviews = [event for event in busy().events if event.type == "review"]
    rated = [event for event in reviews if event.rating is not None]
    sides = [vader().of(event.text or "") or 0.0 for event in rated]

    assert 0.5 < len(rated) / len(reviews) < 0.8
    assert np.corrcoef(sides, [event.rating or 0.0 for event in rated])[0, 1] > 0.8


def test_what_is_liked_more_gets_more_stars() -> None:
    facts = busy().truth
    by_side: dict[bool, list[float]] = {True: [], False: []}
    for event in busy().events:
        if event.rating is not None:
            shares = facts.shares_at(event.user_id, event.at)
            share = shares[facts.category_of[event.item_id or ""]]
            by_side[share > 0.5 * max(shares.values())].append(event.rating)

    assert np.mean(by_side[True]) > np.mean(by_side[False]) + 1
    assert {rating for ratings in by_side.values() for rating in ratings} == {1, 2, 3, 4, 5}


# --- truth


def test_the_truth_is_read_as_it_was_written(tmp_path: Path) -> None:
    truth.write(world().truth, tmp_path / "truth.json")
    again = simulating.read(tmp_path / "truth.json")

    assert again.users == world().truth.users
    assert again.items == world().truth.items
    assert again.groups == world().truth.groups
    assert (again.bursts, again.quiet) == (world().truth.bursts, world().truth.quiet)
    assert again.plan["seed"] == SMALL.seed


def test_the_truth_says_what_a_user_likes_at_a_time() -> None:
    facts = world(replace(SMALL, drifting=1)).truth
    user = next(user for user in facts.users if not user.bot)
    before, after = user.tastes
    (moment,) = facts.drifts[user.id]

    assert facts.shares_at(user.id, 0.0) == dict(zip(facts.categories, before.shares, strict=True))
    assert facts.shares_at(user.id, moment - 1) == facts.shares_at(user.id, 0.0)
    assert list(facts.shares_at(user.id, moment).values()) == list(after.shares)
    assert facts.group_of[user.id] == facts.group_at(user.id, 0.0) == before.group
    assert facts.group_at(user.id, moment) == after.group
    assert all(sum(taste.shares) == pytest.approx(1, abs=1e-4) for taste in user.tastes)


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff", b'{"plan": 3}'])
def test_what_is_no_truth_is_refused(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "truth.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Misconfigured, match=r"truth\.json"):
        simulating.read(path)


def test_a_simulation_is_a_data_set_for_evaluation() -> None:
    data = world().dataset

    assert data.items == world().items
    assert data.events == world().events
    assert all(isinstance(event, Event) for event in data.events)
    assert data.groups["group"] == world().truth.group_of
    assert Plan(users=1, items=24, days=1).end == Plan(users=1, items=24, days=1).start + DAY_S
