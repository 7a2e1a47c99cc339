"""A segment change says who moved: interests, shares, how sure, and how far from a week ago."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream.core.distribution import drift, portrait
from stream.core.profile import Change, Interest, InterestShare, Membership, Profile, StoredList
from stream.core.segments import Segment, SegmentModel, assign
from tests.core.samples import DAY_S, LIKE, NOW, TUNING, axis, folded, observation

MODEL = SegmentModel(3, tuple(Segment(f"s{n}", f"label {n}", axis(n), 1) for n in range(2)))


def liking(*days: tuple[int, float]) -> Profile:
    """Likes along an axis, of a category of its own, so many days after NOW."""
    events = [
        observation(n, kind=LIKE, at=NOW + day * DAY_S, vector=axis(a), categories=(f"c{a}",))
        for n, (a, day) in enumerate(days)
    ]
    return replace(folded(*events).profile, version=9)


def changed(profile: Profile) -> Change:
    moved = assign(profile, MODEL, margin=0.0, min_stay_s=0.0, cause="event-1", tuning=TUNING)
    return moved.outbox[-1]


def test_a_change_says_what_the_user_was_like_then() -> None:
    profile = liking((0, 0.0), (0, 1.0), (1, 12.0), (1, 13.0), (1, 13.1))
    change = changed(replace(profile, membership=Membership("s0", 3, NOW)))
    seen = portrait(profile, {}, profile.as_of, TUNING)

    assert (change.before, change.after, change.at) == ("s0", "s1", profile.as_of)
    assert (change.interests, change.categories) == (seen.interests, seen.categories)
    assert (change.entropy, change.confidence) == (seen.entropy, seen.confidence)
    assert sum(one.share for one in change.interests) == pytest.approx(1)
    expected = drift(profile, profile.as_of, TUNING)
    assert expected is not None
    assert change.drift == pytest.approx(expected, abs=1e-6)
    assert expected > 0.2


def test_in_the_first_week_it_does_not_say_how_far() -> None:
    assert changed(liking((0, 0.0), (0, 3.0))).drift is None


def test_interests_are_called_as_in_the_last_list() -> None:
    profile = liking((0, 0.0))
    (interest,) = profile.interests
    shares = (InterestShare(interest.id, "silent films", 1.0),)
    listed = replace(
        profile, current=StoredList(8, NOW, (), (), shares, 0.0, 0.5, None), version=10
    )
    newer = Interest("ffffffff", replace(interest.mass, vector=axis(1)), "film", 1.0, "westerns")

    labels = {one.label for one in changed(replace(listed, interests=(interest, newer))).interests}
    assert labels == {"silent films", "westerns"}
