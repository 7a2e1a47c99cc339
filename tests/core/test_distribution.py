"""Laws of a user's distribution: shares, spread, distance, and what is known of a week ago."""

from __future__ import annotations

import random
from dataclasses import replace
from math import log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from stream.core.decay import Tally
from stream.core.distribution import (
    SHOWN_MAX,
    Distribution,
    distribution,
    drift,
    js_distance,
    portrait,
    posterior,
)
from stream.core.profile import Profile
from tests.core.samples import (
    DAY_S,
    EMPTY,
    LIKE,
    NOW,
    TUNING,
    axis,
    folded,
    law,
    observation,
)

weights = st.dictionaries(st.sampled_from("abcdefghijkl"), st.floats(0, 1000), max_size=12)
priors = st.floats(0.01, 100)


@st.composite
def distributions(draw: st.DrawFn) -> dict[str, float]:
    """Shares over some of eight names, as far apart as they may be."""
    parts = draw(
        st.dictionaries(st.sampled_from("abcdefgh"), st.floats(1e-12, 1), min_size=1, max_size=8)
    )
    total = sum(parts.values())
    return {name: part / total for name, part in parts.items()}


# --- shares and entropy


@law
@given(weights, priors)
def test_shares_sum_to_one_and_none_is_nothing(
    given_weights: dict[str, float], prior: float
) -> None:
    found = posterior(given_weights, prior=prior)

    assert sum(found.places.values()) == pytest.approx(1)
    assert all(share > 0 for share in found.places.values())
    assert list(found.shares.values()) == sorted(found.shares.values(), reverse=True)


@law
@given(weights, priors, st.randoms(use_true_random=False))
def test_names_mean_nothing(
    given_weights: dict[str, float], prior: float, rnd: random.Random
) -> None:
    """Other names and another order: the same shares under the new names, the same entropy."""
    order = rnd.sample(sorted(given_weights), len(given_weights))
    renamed: dict[str | None, str] = {name: name.upper() for name in order}
    one = posterior(given_weights, prior=prior)
    other = posterior({renamed[name]: given_weights[name] for name in order}, prior=prior)

    assert other.places == pytest.approx({renamed.get(n): s for n, s in one.places.items()})
    assert other.entropy == pytest.approx(one.entropy)


@law
@given(weights, priors)
def test_entropy_lies_between_one_place_and_all_alike(
    given_weights: dict[str, float], prior: float
) -> None:
    found = posterior(given_weights, prior=prior)

    assert 0 <= found.entropy <= log(len(given_weights) + 1) + 1e-9


@law
@given(weights, priors)
def test_what_is_shown_leaves_no_less_than_nothing(
    given_weights: dict[str, float], prior: float
) -> None:
    shown = posterior(given_weights, prior=prior).shown

    assert len(shown) == min(SHOWN_MAX, len(given_weights))
    assert sum(shown.values()) <= 1 + 1e-9
    assert list(shown.values()) == sorted(shown.values(), reverse=True)


def test_who_is_unknown_is_all_others() -> None:
    assert distribution(EMPTY, NOW, TUNING) == Distribution({}, 1.0, 0.0)
    assert distribution(EMPTY, NOW, TUNING).entropy == 0.0


def test_one_click_is_no_certainty_and_a_hundred_nearly_are() -> None:
    once, often = (posterior({"a": weight}, prior=1.0) for weight in (0.3, 30.0))

    assert once.shares["a"] == pytest.approx(0.8 / 1.3)
    assert often.shares["a"] == pytest.approx(30.5 / 31)
    assert often.entropy < 0.1 < once.entropy


def test_shares_draw_together_in_silence() -> None:
    profile = Profile("u", as_of=NOW, categories=Tally({"a": 9.0, "b": 1.0}, NOW))
    fresh, silent = (distribution(profile, NOW + s, TUNING) for s in (0, 3000 * DAY_S))

    assert fresh.shares == pytest.approx({"a": 28 / 33, "b": 4 / 33})
    assert silent.shares == pytest.approx({"a": 1 / 3, "b": 1 / 3})
    assert silent.weight == pytest.approx(0.0)


# --- distance


@law
@given(distributions(), distributions())
def test_the_distance_is_symmetric_and_within_one(p: dict[str, float], q: dict[str, float]) -> None:
    assert 0 <= js_distance(p, q) == js_distance(q, p) <= 1


@law
@given(distributions(), distributions())
def test_it_is_nothing_for_the_same_and_only_for_the_same(
    p: dict[str, float], q: dict[str, float]
) -> None:
    assert js_distance(p, dict(reversed(p.items()))) == 0
    apart = max(abs(p.get(name, 0.0) - q.get(name, 0.0)) for name in p | q)
    # Pinsker's inequality, both halves against the middle
    assert js_distance(p, q) >= apart / sqrt(8 * log(2)) - 1e-12


@law
@given(distributions(), distributions(), distributions())
def test_a_detour_is_no_shorter(
    p: dict[str, float], q: dict[str, float], r: dict[str, float]
) -> None:
    assert js_distance(p, r) <= js_distance(p, q) + js_distance(q, r) + 1e-12


@law
@given(distributions(), distributions())
def test_it_is_what_others_compute(p: dict[str, float], q: dict[str, float]) -> None:
    names = sorted(p | q)
    left, right = (np.array([one.get(name, 0.0) for name in names]) for one in (p, q))

    assert js_distance(p, q) == pytest.approx(float(jensenshannon(left, right, 2)), abs=1e-7)


def test_who_have_nothing_in_common_are_at_one() -> None:
    assert js_distance({"a": 1.0}, {"b": 0.5, "c": 0.5}) == 1
    assert js_distance({"a": 1.0}, {"a": 1.0, "b": 0.0}) == 0


# --- a week ago


def liking(*likes: tuple[str, float], start: Profile = EMPTY) -> Profile:
    """A user who liked items of these categories, each so many days after NOW."""
    first = len(start.event_ids)
    events = [
        observation(first + n, kind=LIKE, at=NOW + days * DAY_S, categories=(name,), vector=axis(0))
        for n, (name, days) in enumerate(likes)
    ]
    return folded(*events, start=start).profile


def moved(profile: Profile, after_days: float = 0.0) -> float | None:
    return drift(profile, profile.as_of + after_days * DAY_S, TUNING)


def test_nobody_has_moved_within_the_first_week() -> None:
    assert moved(EMPTY) is None
    assert moved(liking(("a", 0.0), ("b", 6.9))) is None
    assert moved(liking(("a", 0.0), ("b", 8.0))) is not None


def test_more_of_the_same_is_no_drift() -> None:
    assert moved(liking(*(("a", float(day)) for day in range(20)))) == pytest.approx(0, abs=1e-9)


def test_of_whom_little_was_known_cannot_have_moved_far() -> None:
    little = liking(("a", 0.0), *(("b", 9.0) for _ in range(20)))
    much = liking(*(("a", 0.0) for _ in range(20)), *(("b", 9.0) for _ in range(20)))
    far = liking(*(("a", 0.0) for _ in range(20)), *(("b", 9.0) for _ in range(400)))

    one, two, three = moved(little), moved(much), moved(far)
    assert one is not None
    assert two is not None
    assert three is not None
    assert one < 0.5 < two + 0.1 < three + 0.1 <= 1.1


def test_silence_is_no_drift() -> None:
    profile = liking(("a", 0.0), ("b", 1.0))

    assert moved(profile, 30) == pytest.approx(0, abs=1e-9)


def test_it_is_the_distance_to_the_profile_as_it_was() -> None:
    """Closed form: the very profile of the start of the day a week before, at the lesser weight."""
    start = DAY_S * (NOW // DAY_S)  # events are told in days since NOW, the week in days UTC
    rng = np.random.default_rng(5)
    likes = sorted(
        (float(day), str(name))
        for day, name in zip(rng.uniform(0, 40, 300), rng.choice(list("abcde"), 300), strict=True)
    )
    now = liking(*((name, day) for day, name in likes))
    boundary = start + (now.as_of // DAY_S - start // DAY_S - 7) * DAY_S
    was = liking(*((name, day) for day, name in likes if NOW + day * DAY_S < boundary))

    then = distribution(was, boundary, TUNING)
    here = distribution(now, now.as_of, TUNING)
    scaled = {n: w * then.weight / here.weight for n, w in now.categories.weights.items()}
    expected = js_distance(posterior(scaled, prior=TUNING.category_prior).places, then.places)
    assert then.weight < here.weight
    assert moved(now) == pytest.approx(expected, abs=1e-6)
    assert 7 * DAY_S <= now.as_of - boundary < 8 * DAY_S


def test_an_event_that_moves_no_category_changes_nothing_but_the_time() -> None:
    profile = liking(("a", 0.0), ("b", 9.0))
    other = folded(observation(5, at=NOW + 10 * DAY_S, vector=axis(1)), start=profile).profile

    assert other.lately == profile.lately


# --- what outputs say


def test_a_portrait_says_it_all_as_of_its_time() -> None:
    profile = liking(("a", 0.0), ("a", 1.0), ("b", 2.0))
    seen = portrait(profile, {}, profile.as_of, TUNING)
    later = portrait(profile, {}, profile.as_of + 60 * DAY_S, TUNING)

    assert sum(row.share for row in seen.interests) == pytest.approx(1)
    assert list(seen.categories) == ["a", "b"]
    assert seen.entropy == distribution(profile, profile.as_of, TUNING).entropy
    assert 0 <= later.confidence < seen.confidence < 1


def test_a_portrait_takes_the_labels_that_it_is_given() -> None:
    profile = liking(("a", 0.0))
    (interest,) = profile.interests
    named = replace(profile, interests=(replace(interest, label="own"),))

    (own,) = portrait(named, {}, NOW, TUNING).interests
    (given_one,) = portrait(named, {interest.id: "given"}, NOW, TUNING).interests
    assert (own.label, given_one.label) == ("own", "given")
