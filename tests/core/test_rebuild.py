"""Rebuilding in another space: what is kept is kept exactly, what is made again points right."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.decay import Mass, Vector, direction
from stream.core.fold import Observation, fold
from stream.core.profile import Interest, Profile, Recent
from stream.core.rebuild import Members, needed, rebuild, recentred
from stream.core.segments import Segment, SegmentModel, assign
from stream.core.tuning import Tuning
from stream.store.codec import pack, unpack
from tests.core.samples import (
    DAY_S,
    DIMENSION,
    FORGET,
    NOW,
    TUNING,
    axis,
    histories,
    law,
    near,
    observation,
    plain,
    random_unit,
)

ROOMY = Tuning(interests_max=16)  # no interest is merged or dropped: sums stay exact
WIDER = 12
ITEMS = {f"item-{n}": random_unit(n) for n in range(13)}


def known(history: Sequence[Observation]) -> list[Observation]:
    """The same events, of items that are all in the catalogue, without texts of their own."""
    return [replace(o, vector=ITEMS[o.item_id or ""], text_vector=None) for o in history]


def after(history: Sequence[Observation], tuning: Tuning = ROOMY) -> Profile:
    return fold(Profile("user", version=7), history, tuning).profile


def isometry(seed: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """(WIDER, DIMENSION): another model that sees exactly the same, in more dimensions."""
    square = np.random.default_rng(seed).normal(size=(WIDER, WIDER))
    return np.linalg.qr(square)[0][:, :DIMENSION].astype(np.float32)


def bare(profile: Profile) -> Profile:
    """Without what rebuilding changes."""
    nothing = np.zeros(0, np.float32)
    return replace(
        profile,
        session=None,
        aversion=None,
        interests=tuple(
            replace(i, nearness=0.0, mass=replace(i.mass, vector=nothing))
            for i in profile.interests
        ),
    )


def assert_same_mass(found: Mass | None, expected: Mass | None, error: float) -> None:
    if expected is None:
        assert found is None
        return
    assert found is not None
    assert (found.weight, found.at) == (expected.weight, expected.at)
    assert np.abs(found.vector - expected.vector).max() <= error * max(expected.weight, 1e-9)


@law
@given(histories(), st.integers(0, 99))
def test_ids_weights_times_and_everything_without_a_vector_are_kept(
    history: list[Observation], seed: int
) -> None:
    profile = unpack(pack(after(known(history)), 1, ROOMY, now=NOW))
    turn = isometry(seed)
    found = rebuild(profile, {name: turn @ v for name, v in ITEMS.items()}, ROOMY)

    assert found.dropped == 0
    assert plain(bare(found.profile)) == plain(bare(profile))


@law
@given(histories())
def test_the_same_model_gives_the_same_sums(history: list[Observation]) -> None:
    profile = after(known(history))
    found = rebuild(profile, ITEMS, ROOMY).profile

    for ours, theirs in zip(found.interests, profile.interests, strict=True):
        assert_same_mass(ours.mass, theirs.mass, 1e-4)
    assert_same_mass(found.aversion, profile.aversion, 1e-4)
    if profile.session is not None and found.session is not None:
        assert_same_mass(found.session, profile.session, 1e-4)


@law
@given(histories())
def test_as_the_store_keeps_it_the_same_model_gives_the_same_directions(
    history: list[Observation],
) -> None:
    """Strengths are kept in half precision: the cosine says how far that turns an interest."""
    profile = unpack(pack(after(known(history)), 1, ROOMY, now=NOW))
    found = unpack(pack(rebuild(profile, ITEMS, ROOMY).profile, 2, ROOMY, now=NOW))

    for ours, theirs in zip(found.interests, profile.interests, strict=True):
        a, b = direction(ours.mass.vector), direction(theirs.mass.vector)
        assert a is not None
        assert b is not None
        assert float(a @ b) > 0.9999


@law
@given(histories(), st.integers(0, 99))
def test_what_the_models_see_alike_is_rebuilt_alike(history: list[Observation], seed: int) -> None:
    """Turning the space and rebuilding, or rebuilding and turning: no matter."""
    profile, turn = after(history), isometry(seed)
    here = rebuild(profile, ITEMS, ROOMY)
    there = rebuild(profile, {name: turn @ v for name, v in ITEMS.items()}, ROOMY)

    assert here.dropped == there.dropped
    for a, b in zip(here.profile.interests, there.profile.interests, strict=True):
        assert_same_mass(b.mass, replace(a.mass, vector=turn @ a.mass.vector), 1e-4)
        assert abs(a.nearness - b.nearness) < 1e-4
    for kind in ("session", "aversion"):
        one, other = getattr(here.profile, kind), getattr(there.profile, kind)
        turned = None if one is None else replace(one, vector=turn @ one.vector)
        assert_same_mass(other, turned, 1e-3)


@law
@given(histories(), st.integers(0, 99))
def test_again_changes_nothing(history: list[Observation], seed: int) -> None:
    vectors = {name: isometry(seed) @ v for name, v in ITEMS.items()}
    once = rebuild(after(history), vectors, ROOMY).profile

    assert plain(rebuild(once, vectors, ROOMY).profile) == plain(once)


@law
@given(histories())
def test_without_any_vector_all_interests_go_and_are_counted(history: list[Observation]) -> None:
    profile = after(history)
    found = rebuild(profile, {}, ROOMY)

    assert found.dropped == len(profile.interests)
    assert plain(found.profile) == plain(
        replace(profile, session=None, interests=(), aversion=None)
    )


@law
@given(histories(), st.integers(0, 99))
def test_packed_only_the_sums_differ(history: list[Observation], seed: int) -> None:
    """Marks, rings, lists and the rest reach the new collections byte by byte."""
    profile = unpack(pack(after(known(history)), 1, ROOMY, now=NOW))
    vectors = {name: isometry(seed) @ v for name, v in ITEMS.items()}
    old = json.loads(pack(profile, 1, ROOMY, now=NOW).state)
    new = json.loads(pack(rebuild(profile, vectors, ROOMY).profile, 1, ROOMY, now=NOW).state)

    for state in (old, new):
        for sums in ("session", "aversion"):
            state.pop(sums, None)
        for interest in state.get("interests", []):
            interest[2] = interest[5] = None  # length and nearness
    assert new == old


def test_a_forgotten_user_stays_a_tombstone() -> None:
    profile = after([observation(1), observation(2, kind=FORGET), observation(3, at=NOW - DAY_S)])
    assert profile.forgotten_at is not None

    assert plain(rebuild(profile, ITEMS, TUNING).profile) == plain(profile)


def test_the_medoid_stands_for_what_is_no_longer_remembered() -> None:
    """Half of the weight is of an item in `recent`, the other half of long ago."""
    profile = profile_with(
        Interest("i", Mass(2.0, axis(7), NOW), "old", 0.5, "drama"),
        Recent("new", NOW, 1.0, "i"),
    )
    (found,) = rebuild(profile, {"new": axis(0), "old": axis(1)}, TUNING).profile.interests

    assert np.allclose(found.mass.vector, axis(0) + axis(1))
    assert found.nearness == pytest.approx(0.5**0.5)
    assert (found.id, found.label, found.medoid) == ("i", "drama", "old")


def test_what_was_liked_longer_ago_counts_for_less() -> None:
    age_s = TUNING.interest_half_life_s
    profile = profile_with(
        Interest("i", Mass(1.5, axis(7), NOW), "b", 1.0, ""),
        Recent("a", NOW - age_s, 1.0, "i"),
        Recent("b", NOW, 1.0, "i"),
        Recent("c", NOW, 1.0, "another"),
        Recent("d", NOW, -1.0, "i"),
    )
    vectors = dict(zip("abcd", map(axis, range(4)), strict=True))
    (found,) = rebuild(profile, vectors, TUNING).profile.interests

    assert np.allclose(found.mass.vector, 0.5 * axis(0) + axis(1))


def test_an_unknown_medoid_leaves_the_remembered_items_and_any_item_may_succeed_it() -> None:
    profile = profile_with(
        Interest("i", Mass(3.0, axis(7), NOW), "gone", 1.0, ""), Recent("a", NOW, 1.0, "i")
    )
    (found,) = rebuild(profile, {"a": axis(0)}, TUNING).profile.interests

    assert np.allclose(found.mass.vector, 3 * axis(0))
    assert found.nearness == -1.0


def test_the_aversion_keeps_its_weight_and_goes_where_nothing_explains_it() -> None:
    disliked = replace(
        profile_with(None, Recent("bad", NOW, -0.5, "")), aversion=Mass(4.0, axis(7), NOW)
    )
    found = rebuild(disliked, {"bad": axis(2)}, TUNING).profile.aversion

    assert found is not None
    assert np.allclose(found.vector, 4 * axis(2))
    assert rebuild(disliked, {"good": axis(2)}, TUNING).profile.aversion is None


def test_items_that_cancel_out_leave_no_interest() -> None:
    profile = profile_with(
        Interest("i", Mass(2.0, axis(7), NOW), "gone", 1.0, ""),
        Recent("a", NOW, 1.0, "i"),
        Recent("b", NOW, 1.0, "i"),
    )
    found = rebuild(profile, {"a": axis(0), "b": -axis(0)}, TUNING)

    assert found.dropped == 1
    assert found.profile.interests == ()


def test_the_items_that_are_needed() -> None:
    profile = profile_with(
        Interest("i", Mass(2.0, axis(7), NOW), "m", 1.0, ""), Recent("a", NOW, -1.0, "")
    )
    assert needed(profile) == {"m", "a"}


def test_members_stay_members_in_the_new_space() -> None:
    """Two planted groups: each centroid is its members' mean, and nobody moves."""
    users = [fan(n, axis(n % 2)) for n in range(20)]
    model = SegmentModel(5, tuple(Segment(f"s{n}", f"group {n}", axis(n), 10) for n in range(3)))
    settled = [placed(user, model) for user in users]
    turn = isometry(1)
    moved = [rebuilt_around(user, turn) for user in settled]

    members = Members()
    for user in moved:
        row = pack(user, 1, TUNING, now=NOW)
        assert row.segment is not None
        assert row.taste is not None
        members.add(row.segment, row.taste)
    found = recentred(model, members)

    assert found.version == 5
    assert [(s.id, s.label, s.size) for s in found.segments] == [
        ("s0", "group 0", 10),
        ("s1", "group 1", 10),
    ]
    for segment, centre in zip(found.segments, (axis(0), axis(1)), strict=True):
        assert float(segment.centroid @ (turn @ centre)) > 0.95
    assert all(placed(user, found).outbox == user.outbox for user in moved)


def profile_with(interest: Interest | None, *recent: Recent) -> Profile:
    interests = () if interest is None else (interest,)
    return Profile("user", interests=interests, recent=recent, as_of=NOW)


def fan(number: int, centre: Vector) -> Profile:
    """A user with one taste near `centre`."""
    liked = observation(number, item_id=f"fan-{number}", vector=near(centre, number))
    return fold(Profile(f"u{number}", version=1), [liked], TUNING).profile


def placed(profile: Profile, model: SegmentModel) -> Profile:
    return assign(profile, model, margin=0.02, min_stay_s=0, cause=None, tuning=TUNING)


def rebuilt_around(
    profile: Profile, turn: np.ndarray[tuple[int, int], np.dtype[np.float32]]
) -> Profile:
    (recent,) = profile.recent
    number = int(profile.user_id[1:])
    vectors = {recent.item_id: turn @ near(axis(number % 2), number)}
    return rebuild(profile, vectors, TUNING).profile
