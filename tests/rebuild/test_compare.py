"""Two profiles: what counts as a difference, and how it is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stream.core.decay import Mass, Tally, Vector
from stream.core.lately import Lately
from stream.core.profile import Budget, Interest, Profile, Recent
from stream.core.strength import RatingMean
from stream.core.tuning import Tuning
from stream.rebuild.certificate import Hasher
from stream.rebuild.compare import differences, regrouped
from stream.store.codec import pack, unpack

TUNING = Tuning()
SOURCES = ("here",)


def unit(seed: int) -> Vector:
    row = np.random.default_rng(seed).normal(size=16).astype(np.float32)
    return np.asarray(row / np.linalg.norm(row), np.float32)


def mass(seed: int, weight: float = 2.0, at: float = 1000.0) -> Mass:
    return Mass(weight, np.float32(weight) * unit(seed), at)


LIVE = Profile(
    "user-1",
    version=7,
    as_of=1000.0,
    session=mass(1),
    interests=(
        Interest("aa", mass(2, 1.5), "film-1", 0.9, "sea"),
        Interest("bb", mass(3, 0.5), "film-2", 0.8, "war"),
    ),
    aversion=mass(4),
    categories=Tally({"sea": 1.0, "war": 0.25}, 1000.0),
    lately=Lately({0: {"sea": 0.5, "war": 0.25}}),
    ratings=RatingMean(3.2, 4),
    recent=(Recent("film-1", 990.0, 0.8, "aa"), Recent("film-2", 1000.0, 0.5, "bb")),
    seen=(1, 2),
    event_ids=(11, 12),
    marks=(("elsewhere", 3), ("here", 9)),
    budget=Budget(5, 2),
    forgotten_at=100.0,
)

CHANGES: dict[str, Profile] = {
    "marks": replace(LIVE, marks=(("here", 8),)),
    "forgotten_at": replace(LIVE, forgotten_at=None),
    "as_of": replace(LIVE, as_of=1001.0),
    "event_ids": replace(LIVE, event_ids=(11,)),
    "seen": replace(LIVE, seen=(2, 1)),
    "recent": replace(LIVE, recent=LIVE.recent[:1]),
    "ratings": replace(LIVE, ratings=RatingMean(3.3, 4)),
    "budget": replace(LIVE, budget=Budget(5, 3)),
    "session": replace(LIVE, session=None),
    "aversion": replace(LIVE, aversion=mass(5)),
    "interests": replace(LIVE, interests=LIVE.interests[:1]),
    "categories": replace(LIVE, categories=Tally({"sea": 1.001, "war": 0.25}, 1000.0)),
    "lately": replace(LIVE, lately=Lately({0: {"sea": 0.5, "war": 0.3}})),
}


def found(live: Profile, rebuilt: Profile, events: int = 2) -> list[str]:
    return [one.field for one in differences(live, rebuilt, SOURCES, TUNING, events)]


@pytest.mark.parametrize("field", CHANGES)
def test_each_field_that_events_determine_is_compared(field: str) -> None:
    assert found(LIVE, CHANGES[field]) == [field]
    assert found(CHANGES[field], LIVE) == [field]


def test_what_they_do_not_determine_is_not() -> None:
    other = replace(LIVE, version=99, offered=(1,), marks=(("here", 9),))
    assert found(LIVE, other) == []


def test_the_store_s_rounding_is_no_difference() -> None:
    assert found(unpack(pack(LIVE, 1, TUNING, now=0.0)), LIVE) == []


def test_days_that_one_of_them_never_kept_are_no_difference() -> None:
    """A profile that is older than the keeping of days has none of before."""
    assert found(replace(LIVE, lately=Lately(since=1)), LIVE) == []
    assert found(replace(LIVE, lately=Lately()), LIVE) == ["lately"]


def test_a_sum_that_is_off_by_a_few_roundings_is_none_and_by_more_is_one() -> None:
    assert LIVE.session is not None
    off = replace(LIVE.session, vector=LIVE.session.vector + np.float32(0.01) * unit(9))
    spoilt = replace(LIVE, session=off)

    assert found(LIVE, spoilt, events=100) == []
    assert found(LIVE, spoilt, events=2) == ["session"]
    worse = replace(LIVE, session=replace(off, vector=-off.vector))
    assert found(LIVE, worse, events=10**9) == ["session"]


def test_the_same_sums_in_other_interests_are_no_difference_and_are_said() -> None:
    one, two = LIVE.interests
    whole = Mass(2.0, one.mass.vector + two.mass.vector, 1000.0)
    merged = replace(LIVE, interests=(replace(one, mass=whole),))

    assert found(LIVE, merged) == []
    assert regrouped(LIVE, merged)
    assert not regrouped(LIVE, LIVE)


def test_a_difference_is_said_in_words() -> None:
    told = [
        str(one)
        for field in ("seen", "recent", "ratings", "categories", "lately")
        for one in differences(LIVE, CHANGES[field], SOURCES, TUNING, 2)
    ]
    assert told == [
        "seen: live 2 in one order, rebuilt the same in another",
        "recent: live 2, alone: film-2, rebuilt 1, alone: none",
        "ratings: live 4 that add up to 3.2, rebuilt 4 that add up to 3.3",
        "categories: live sea 1, rebuilt 1.001",
        "lately: live war 0.25 on day 0 since the epoch, rebuilt 0.3",
    ]


# --- hashes


def hashes(*profiles: Profile) -> object:
    hasher = Hasher(TUNING)
    for number, one in enumerate(profiles):
        hasher.add(f"point-{number}", one, SOURCES)
    return hasher.hashes()


def test_the_order_of_users_does_not_matter() -> None:
    one, two = Hasher(TUNING), Hasher(TUNING)
    other = CHANGES["seen"]
    one.add("a", LIVE, SOURCES)
    one.add("b", other, SOURCES)
    two.add("b", other, SOURCES)
    two.add("a", LIVE, SOURCES)

    assert one.hashes() == two.hashes()


def test_whose_it_is_does() -> None:
    assert hashes(LIVE, CHANGES["seen"]) != hashes(CHANGES["seen"], LIVE)


@pytest.mark.parametrize(
    ("field", "part"),
    [
        ("marks", "marks"),
        ("event_ids", "rings"),
        ("recent", "rings"),
        ("seen", "seen"),
        ("ratings", "sums"),
        ("session", "sums"),
        ("interests", "sums"),
    ],
)
def test_a_change_shows_in_its_part(field: str, part: str) -> None:
    before, after = hashes(LIVE), hashes(CHANGES[field])
    for name in ("marks", "rings", "seen", "sums"):
        assert (getattr(before, name) != getattr(after, name)) == (name == part), name
