"""Segments: blobs are found, ids outlive a refit, and nobody flutters between two."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from stream.core.decay import Mass, Vector
from stream.core.profile import Interest, Membership, Profile
from stream.core.segment_fit import fit
from stream.core.segments import Segment, SegmentModel, assign
from stream.core.tuning import OUTBOX_MAX
from stream.observe import event_kinds
from stream.settings import load
from stream.wire import ids
from tests.core.samples import NOW, TUNING, axis, folded, near, observation, unit

MARGIN = 0.02
MIN_STAY_S = 600.0
PER_BLOB = 40


def blobs(*axes: int, seed: int = 0) -> NDArray[np.float32]:
    """Users in equal groups around some axes, in turn."""
    rows = [near(axis(a), seed + 1000 * n + a, 0.3) for n in range(PER_BLOB) for a in axes]
    return np.stack(rows)


def nearest_axes(model: SegmentModel) -> dict[int, str]:
    return {int(np.argmax(segment.centroid)): segment.id for segment in model.segments}


def model_of(**centroids: Vector) -> SegmentModel:
    rows = [Segment(name, f"label {name}", c, 1) for name, c in centroids.items()]
    return SegmentModel(1, tuple(rows))


TWO = model_of(a=axis(0), b=axis(1))


def liking(vector: Vector, **given: object) -> Profile:
    interest = Interest("i", Mass(1.0, unit(vector), NOW), "item", 1.0, "label")
    start = Profile("user", version=5, as_of=NOW, interests=(interest,))
    return replace(start, **given)  # type: ignore[arg-type]  # any field of a profile


def turned(profile: Profile, vector: Vector, by_s: float) -> Profile:
    """The same user later, with another taste."""
    later = liking(vector)
    as_of = profile.as_of + by_s
    return replace(profile, interests=later.interests, as_of=as_of, version=profile.version + 1)


def assigned(
    profile: Profile, model: SegmentModel | None = TWO, cause: str | None = "event-1"
) -> Profile:
    return assign(profile, model, margin=MARGIN, min_stay_s=MIN_STAY_S, cause=cause, tuning=TUNING)


def test_planted_blobs_are_found() -> None:
    model = fit(blobs(0, 1, 2, 3), count=4, version=1, before=None)

    assert set(nearest_axes(model)) == {0, 1, 2, 3}
    assert [segment.size for segment in model.segments] == [PER_BLOB] * 4
    assert len({segment.id for segment in model.segments}) == 4
    for segment in model.segments:
        assert segment.centroid.dtype == np.float32
        assert np.linalg.norm(segment.centroid) == pytest.approx(1, abs=1e-6)
        assert segment.centroid.max() > 0.95


def test_the_same_sample_gives_the_same_segments() -> None:
    one, other = (fit(blobs(0, 1, 2), count=3, version=1, before=None) for _ in range(2))

    assert [s.id for s in one.segments] == [s.id for s in other.segments]
    for left, right in zip(one.segments, other.segments, strict=True):
        assert np.array_equal(left.centroid, right.centroid)


def test_a_refit_keeps_ids_and_labels_of_what_stayed() -> None:
    """Other users, another seed, another order of centroids: the groups are the same."""
    first = fit(blobs(0, 1, 2, 3), count=4, version=1, before=None)
    first = replace(
        first,
        segments=tuple(replace(s, label=f"axis {np.argmax(s.centroid)}") for s in first.segments),
    )

    again = fit(blobs(0, 1, 2, 3, seed=77), count=4, version=2, before=first, seed=5)

    assert again.version == 2
    assert nearest_axes(again) == nearest_axes(first)
    assert {s.id: s.label for s in again.segments} == {s.id: s.label for s in first.segments}


def test_a_group_that_is_new_gets_an_id_that_nobody_had() -> None:
    first = fit(blobs(0, 1, 2), count=3, version=1, before=None)
    again = fit(blobs(0, 1, 5), count=3, version=2, before=first)
    old, new = nearest_axes(first), nearest_axes(again)

    assert (new[0], new[1]) == (old[0], old[1])
    assert new[5] not in old.values()
    assert next(s.label for s in again.segments if s.id == new[5]) == ""


def test_a_split_group_keeps_its_id_once() -> None:
    first = fit(blobs(0, 1), count=2, version=1, before=None)
    again = fit(blobs(0, 1), count=6, version=2, before=first)
    ids = [segment.id for segment in again.segments]

    assert len(set(ids)) == len(ids)
    assert {s.id for s in first.segments} <= set(ids)


def test_fewer_users_than_segments() -> None:
    model = fit(np.stack([axis(0), axis(1)]), count=8, version=1, before=None)

    assert 1 <= len(model.segments) <= 2
    assert sum(segment.size for segment in model.segments) == 2


def test_users_of_one_mind_are_one_segment() -> None:
    """Centroids that nobody belongs to are left out."""
    model = fit(np.stack([axis(0)] * 50), count=4, version=1, before=None)

    assert [segment.size for segment in model.segments] == [50]


def test_the_first_assignment_is_at_once() -> None:
    profile = assigned(liking(axis(1)))

    assert profile.membership == Membership("b", 1, NOW)
    [change] = profile.outbox
    assert (change.before, change.after, change.label) == (None, "b", "label b")
    assert (change.cause, change.event_id) == ("event", "event-1")
    assert (change.at, change.model_version) == (NOW, 1)
    assert change.margin == pytest.approx(1.0)


def test_who_stays_sends_nothing() -> None:
    once = assigned(liking(axis(0)))
    again = assigned(turned(once, axis(0), 10 * MIN_STAY_S))

    assert again.membership == once.membership
    assert again.outbox == once.outbox


@pytest.mark.parametrize(
    ("by_s", "moves"), [(0.0, False), (MIN_STAY_S - 1, False), (MIN_STAY_S, True)]
)
def test_nobody_leaves_before_min_stay(by_s: float, moves: bool) -> None:
    once = assigned(liking(axis(0)))
    later = assigned(turned(once, axis(1), by_s))

    assert later.membership is not None
    assert later.membership.segment == ("b" if moves else "a")
    assert later.membership.since == (NOW + by_s if moves else NOW)
    assert len(later.outbox) == 1 + moves


@pytest.mark.parametrize(("gained", "moves"), [(0.5 * MARGIN, False), (2 * MARGIN, True)])
def test_nobody_leaves_for_less_than_the_margin(gained: float, moves: bool) -> None:
    once = assigned(liking(axis(0)))
    # with unit taste (x, y): the cosines to a and b are x and y
    half = gained / 2
    x = float(np.sqrt(0.5 - half**2)) - half
    later = assigned(turned(once, x * axis(0) + (x + gained) * axis(1), 10 * MIN_STAY_S))

    assert later.membership is not None
    assert later.membership.segment == ("b" if moves else "a")
    if moves:
        assert later.outbox[-1].margin == pytest.approx(gained, abs=1e-5)


def test_who_is_of_a_segment_that_is_gone_moves_at_once() -> None:
    profile = liking(axis(0), membership=Membership("gone", 1, NOW))

    moved = assigned(profile, replace(TWO, version=2))

    assert moved.membership == Membership("a", 2, NOW)
    assert (moved.outbox[0].before, moved.outbox[0].cause) == ("gone", "refit")


@pytest.mark.parametrize(
    ("model_version", "cause", "expected"),
    [(1, "event-9", "event"), (2, "event-9", "refit"), (2, None, "sweep"), (1, None, "sweep")],
)
def test_a_change_says_what_caused_it(model_version: int, cause: str | None, expected: str) -> None:
    once = assigned(liking(axis(0)))
    model = replace(TWO, version=model_version)

    later = assigned(turned(once, axis(1), 2 * MIN_STAY_S), model, cause)

    event_id = cause if expected == "event" else None
    assert (later.outbox[-1].cause, later.outbox[-1].event_id) == (expected, event_id)
    assert later.outbox[-1].model_version == model_version


def test_who_stays_through_a_refit_belongs_to_the_new_model() -> None:
    """So that a later move is the event's doing, not the refit's."""
    once = assigned(liking(axis(0)))
    stayed = assigned(turned(once, axis(0), 10), replace(TWO, version=2))

    assert stayed.membership == Membership("a", 2, NOW)
    assert stayed.outbox == once.outbox


def test_an_older_model_is_never_applied() -> None:
    """A worker whose model lags must not take back what another has done."""
    profile = assigned(liking(axis(0)), replace(TWO, version=2))
    later = turned(profile, axis(1), 10 * MIN_STAY_S)

    assert assigned(later, TWO) is later


def test_who_has_no_taste_has_no_segment() -> None:
    blank = Profile("user", as_of=NOW)

    assert assigned(blank) is blank
    assert assigned(liking(axis(0)), None).membership is None
    assert assigned(liking(axis(0)), SegmentModel(1, ())).membership is None


def test_little_is_not_enough_for_a_first_segment() -> None:
    def after(weight: float, member: Membership | None = None) -> Profile:
        interest = Interest("i", Mass(weight, axis(1), NOW), "item", 1.0, "label")
        profile = Profile("u", version=5, as_of=NOW, interests=(interest,), membership=member)
        return assign(
            profile, TWO, margin=0, min_stay_s=0, cause="e", tuning=TUNING, min_weight=0.5
        )

    assert after(0.49).membership is None
    assert after(0.49).outbox == ()
    assert after(0.5).membership == Membership("b", 1, NOW)
    # who is in one stays in one, and moves on from one that is gone
    assert after(0.01, Membership("b", 1, NOW)).membership == Membership("b", 1, NOW)
    assert after(0.01, Membership("a", 1, NOW)).membership == Membership("b", 1, NOW)
    assert after(0.01, Membership("gone", 0, NOW)).membership == Membership("b", 1, NOW)


@pytest.mark.parametrize(
    ("event", "enough"),
    [
        ("view", False),
        ("click", False),
        ("like", True),
        ("add_to_cart", True),
        ("purchase", True),
        ("rating", True),
        ("review", True),
    ],
)
def test_one_strong_event_is_enough_by_default_and_a_view_is_not(event: str, enough: bool) -> None:
    """A rating or review of five of five; a click of unknown dwell counts by half."""
    settings = load()
    kind = event_kinds(settings)[event]
    seen = observation(kind=kind, rating=5.0 if kind.rated else None, vector=axis(0))
    profile = assign(
        folded(seen).profile,
        TWO,
        margin=0,
        min_stay_s=0,
        cause="e",
        tuning=TUNING,
        min_weight=settings.segment_min_weight,
    )
    assert (profile.membership is not None) == enough


def test_the_outbox_is_bounded_and_nothing_in_it_is_lost() -> None:
    """With the broker away a user stays put rather than lose a change that nobody was told of."""
    profile = liking(axis(0))
    for step in range(2 * OUTBOX_MAX):
        profile = assigned(turned(profile, axis(step % 2), 2 * MIN_STAY_S))

    assert len(profile.outbox) == OUTBOX_MAX
    chain = [change.before for change in profile.outbox[1:]]
    assert chain == [change.after for change in profile.outbox[:-1]]
    assert profile.membership is not None
    assert profile.membership.segment == profile.outbox[-1].after


def test_ids_of_changes_are_the_same_when_repeated_and_differ_otherwise() -> None:
    once, again = assigned(liking(axis(0))), assigned(liking(axis(0)))
    later = assigned(turned(once, axis(1), 2 * MIN_STAY_S))
    other = assigned(liking(axis(0), user_id="other"))

    assert once.outbox == again.outbox
    ids = {change.change_id for change in (*later.outbox, *other.outbox)}
    assert len(ids) == 3


def test_a_segment_is_found_by_its_id() -> None:
    assert TWO.get("b") is TWO.segments[1]
    assert TWO.get("c") is None


def test_a_change_has_the_id_that_the_wire_documents() -> None:
    profile = assigned(liking(axis(0)))

    expected = ids.change_id(profile.user_id, profile.version)
    assert profile.outbox[0].change_id == expected
