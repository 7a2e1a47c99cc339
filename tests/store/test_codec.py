"""Packing: what is written is what is read, small enough, and safe between versions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.decay import ABSENT_WEIGHT, Mass, Vector, direction
from stream.core.fold import fold
from stream.core.lately import Lately
from stream.core.profile import (
    Budget,
    Change,
    Forgetting,
    Interest,
    InterestShare,
    Membership,
    Offer,
    Profile,
    StoredList,
    taste,
)
from stream.store.codec import OUTBOX_WAIT_S, pack, unpack
from stream.store.convert import point_uuid
from tests.core.samples import (
    NOW,
    TUNING,
    axis,
    histories,
    law,
    plain,
    random_unit,
)
from tests.store.packed import CHANGE, DIMENSION, full_profile, read_back

STATE_BYTES_EAGER = 8704
STATE_BYTES_MAX = 10_240
HALF_PRECISION = 2.0**-10

names = st.text(max_size=12)
numbers = st.floats(allow_nan=False, allow_infinity=False)
shares = st.dictionaries(st.sampled_from(["interest", "session", "hotness"]), numbers, max_size=3)
offers = st.builds(
    Offer, names, numbers, names, numbers, st.lists(names, max_size=2).map(tuple), shares
)
interest_shares = st.builds(InterestShare, names, names, numbers)
lists = st.builds(
    StoredList,
    st.integers(0, 2**53),
    numbers,
    st.lists(names, max_size=3).map(tuple),
    st.lists(offers, max_size=3).map(tuple),
    st.lists(interest_shares, max_size=3).map(tuple),
    numbers,
    numbers,
    st.none() | names,
    st.dictionaries(names, numbers, max_size=3),
)
memberships = st.builds(Membership, names, st.integers(0, 2**53), numbers)
changes = st.builds(
    Change,
    names,
    numbers,
    st.none() | names,
    names,
    names,
    st.sampled_from(["event", "refit", "sweep"]),
    st.none() | names,
    numbers,
    st.integers(0, 2**53),
    st.lists(interest_shares, max_size=2).map(tuple),
    st.dictionaries(names, numbers, max_size=3),
    st.none() | numbers,
    st.none() | numbers,
    st.none() | numbers,
)


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    """What folding leaves, with everything beside it that a profile may hold."""
    folded = fold(Profile("user"), draw(histories(size=12)), TUNING).profile
    return replace(
        folded,
        user_id=draw(names),
        version=draw(st.integers(0, 2**53)),
        offered=tuple(draw(st.lists(st.integers(0, 2**32 - 1), max_size=5))),
        current=draw(st.none() | lists),
        membership=draw(st.none() | memberships),
        outbox=tuple(draw(st.lists(changes, max_size=3))),
        budget=Budget(draw(st.integers(0, 2**31)), draw(st.integers(0, 1000))),
        forgotten_at=draw(st.none() | numbers),
    )


def blurred(profile: Profile) -> Profile:
    """Without what packing may change a little."""
    return replace(
        profile,
        session=None,
        aversion=None,
        interests=tuple(
            replace(i, nearness=0.0, mass=replace(i.mass, vector=axis(0)))
            for i in profile.interests
        ),
        categories=replace(profile.categories, weights=dict.fromkeys(profile.categories.weights)),  # type: ignore[arg-type]
        lately=replace(
            profile.lately,
            days={day: dict.fromkeys(came, 0.0) for day, came in profile.lately.days.items()},
        ),
        recent=tuple(replace(r, strength=0.0) for r in profile.recent),
    )


def assert_same_vector(found: Vector, written: Vector, error: float) -> None:
    assert found.dtype == np.float32
    assert np.abs(found - written).max() <= error * np.abs(written).max()


def assert_same_mass(found: Mass | None, written: Mass | None) -> None:
    if written is None or written.weight < ABSENT_WEIGHT:
        assert found is None
        return
    assert found is not None
    assert (found.weight, found.at) == (written.weight, written.at)
    assert_same_vector(found.vector, written.vector, HALF_PRECISION)


@law
@given(profiles())
def test_what_is_written_is_what_is_read(profile: Profile) -> None:
    """All of it exactly, but sums and strengths in half precision and weights of six digits."""
    pointing = (i for i in profile.interests if direction(i.mass.vector) is not None)
    kept = replace(profile, interests=tuple(pointing))
    found = read_back(profile)

    assert plain(blurred(found)) == plain(blurred(kept))
    assert_same_mass(found.session, profile.session)
    assert_same_mass(found.aversion, profile.aversion)
    for read, written in zip(found.interests, kept.interests, strict=True):
        assert_same_vector(read.mass.vector, written.mass.vector, 1e-6)
        assert read.nearness == pytest.approx(written.nearness, rel=1e-5)
    assert found.categories.weights == pytest.approx(profile.categories.weights, rel=1e-5)
    for day, came in profile.lately.days.items():
        assert found.lately.days[day] == pytest.approx(came, rel=HALF_PRECISION, abs=1e-7)
    strengths = [recent.strength for recent in profile.recent]
    assert [r.strength for r in found.recent] == pytest.approx(strengths, rel=1e-3, abs=1e-7)


@law
@given(profiles())
def test_writing_what_was_read_changes_nothing(profile: Profile) -> None:
    """A cache holds what reading gives; saving it again and again must not let it drift."""
    once = read_back(profile)
    again = read_back(once)

    assert plain(replace(again, interests=())) == plain(replace(once, interests=()))
    for left, right in zip(again.interests, once.interests, strict=True):
        assert plain(replace(left, mass=right.mass)) == plain(right)
        assert (left.mass.weight, left.mass.at) == (right.mass.weight, right.mass.at)
        # a unit row and a length, multiplied and taken apart: the last bit may differ
        assert_same_vector(left.mass.vector, right.mass.vector, 1e-6)


@law
@given(profiles())
def test_the_row_says_what_the_store_looks_for(profile: Profile) -> None:
    row = pack(profile, 42, TUNING, now=NOW)
    pointing = [i for i in profile.interests if direction(i.mass.vector) is not None]
    expected = taste(profile, profile.as_of, TUNING)

    assert point_uuid(row.user_id) == point_uuid(profile.user_id)
    assert (row.etag, row.updated_at) == (42, profile.version)
    assert row.segment == (profile.membership.segment if profile.membership else None)
    assert row.outbox_at == (int((NOW + OUTBOX_WAIT_S) * 1000) if profile.outbox else None)
    assert plain(row.taste) == plain(expected)
    assert row.interests.dtype == np.float32
    assert len(row.interests) == len(pointing)
    if len(row.interests):
        assert np.allclose(np.linalg.norm(row.interests, axis=1), 1, atol=1e-6)


def test_an_empty_profile_is_small_and_stays_empty() -> None:
    row = pack(Profile("user"), 1, TUNING, now=NOW)

    assert unpack(row) == Profile("user")
    assert len(row.interests) == 0
    assert (row.taste, row.segment, row.outbox_at) == (None, None, None)
    assert len(row.state) < 200


def test_a_tombstone_stays_a_tombstone() -> None:
    tombstone = Profile("user", version=9, marks=(("s", 4),), event_ids=(7,), forgotten_at=NOW)

    assert read_back(tombstone) == tombstone


def test_the_name_of_who_was_forgotten_for_good_is_not_kept() -> None:
    tombstone = Profile("user", version=9, forgotten_at=NOW)

    row = pack(tombstone, 1, TUNING, now=NOW)

    assert "user" not in row.user_id + row.state
    assert point_uuid(row.user_id) == point_uuid("user")


def test_who_is_being_forgotten_is_due_when_it_is_to_be_confirmed() -> None:
    """The name is needed until then; a segment change of a new life is due before."""
    removal = Forgetting(("please",), {"seen": 3}, NOW, NOW + 600)
    going = Profile("user", version=9, forgotten_at=NOW, forgetting=removal)
    alive = replace(going, as_of=NOW + 1, outbox=(CHANGE,))

    assert read_back(going) == going
    assert pack(going, 1, TUNING, now=NOW).outbox_at == int((NOW + 600) * 1000)
    assert pack(alive, 1, TUNING, now=NOW).outbox_at == int((NOW + OUTBOX_WAIT_S) * 1000)


def test_the_widest_numbers_fit() -> None:
    profile = Profile("user", seen=(0, 2**32 - 1), offered=(2**32 - 1,), event_ids=(0, 2**64 - 1))

    assert read_back(profile) == profile


@pytest.mark.parametrize("weight", [2e-6, 1e-3, 1.0, 1e6])
def test_light_and_heavy_sums_keep_their_direction(weight: float) -> None:
    """Half precision as it is ends at 65,504 and coarsens below 6e-5: a year of dislikes would
    have become infinite, and a faded session a staircase."""
    vector = np.float32(weight) * random_unit(3, DIMENSION)
    profile = Profile("user", aversion=Mass(weight, vector, NOW))

    found = read_back(profile).aversion

    assert found is not None
    assert_same_vector(found.vector, vector, HALF_PRECISION)


def test_what_points_nowhere_is_not_kept_as_an_interest() -> None:
    """Opposite tastes in one sum: there is no unit row for it."""
    nothing = Mass(1.0, np.zeros(8, np.float32), NOW)
    something = Interest("b", Mass(1.0, axis(0), NOW), "m", 1.0, "l")
    profile = Profile("user", interests=(Interest("a", nothing, "m", 1.0, "l"), something))

    assert [interest.id for interest in read_back(profile).interests] == ["b"]


def state_bytes(profile: Profile) -> int:
    return len(pack(profile, 1, TUNING, now=NOW).state.encode())


def test_size_stays_within_the_budget() -> None:
    """Its size decides how many machines a million users need: most profiles have one source and
    not every ring full, the fullest may be somewhat larger."""
    full = full_profile()
    some = {day: dict(list(came.items())[:6]) for day, came in full.lately.days.items()}
    eager = replace(full, marks=full.marks[:1], seen=full.seen[:300], lately=Lately(some))

    assert state_bytes(eager) <= STATE_BYTES_EAGER
    assert state_bytes(full) <= STATE_BYTES_MAX
