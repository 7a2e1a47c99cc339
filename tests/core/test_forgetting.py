"""Laws of forgetting: what stays, what the receipt will count, and when the name may go."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream.core.forgetting import begun, tombstone
from stream.core.lately import Lately
from stream.core.profile import Budget, Profile
from stream.core.tuning import FORGETS_MAX
from tests.store.packed import full_profile


def test_nothing_of_a_full_profile_stays_but_marks_and_times() -> None:
    known = full_profile()

    left = tombstone(known, "please", 9.0)

    assert replace(left, forgetting=None, event_ids=()) == Profile(
        known.user_id, version=known.version, marks=known.marks, forgotten_at=9.0
    )
    assert left.budget == Budget()
    assert known.lately.days
    assert left.lately == Lately()


def test_what_was_known_is_counted_by_kind() -> None:
    known = full_profile()

    removal = tombstone(known, "please", 9.0).forgetting

    assert removal is not None
    assert removal.asked_by == ("please",)
    assert removal.removed["interests"] == len(known.interests) > 0
    assert removal.removed["seen"] == len(known.seen) > 0
    assert known.current is not None
    assert removal.removed["offers"] == len(known.current.offers) + len(known.offered)
    assert removal.removed["segment"] == 1


def test_asking_again_before_it_is_confirmed_is_one_removal() -> None:
    once = tombstone(replace(Profile("u"), seen=(1, 2)), "first", 1.0)

    again = tombstone(replace(once, seen=(3,)), "second", 2.0)

    assert again.forgetting is not None
    assert again.forgetting.asked_by == ("first", "second")
    assert again.forgetting.removed["seen"] == 3
    assert again.forgotten_at == 2.0


def test_who_asks_for_ever_takes_no_more_room() -> None:
    gone = Profile("u")
    for number in range(3 * FORGETS_MAX):
        gone = tombstone(gone, f"e{number}", float(number))

    assert gone.forgetting is not None
    assert len(gone.forgetting.asked_by) == FORGETS_MAX
    assert gone.forgetting.asked_by[-1] == f"e{3 * FORGETS_MAX - 1}"


def test_the_name_goes_when_nothing_needs_it_any_more() -> None:
    gone = tombstone(Profile("u"), "please", 9.0)
    confirmed = replace(gone, forgetting=None)

    assert not gone.nameless
    assert confirmed.nameless
    assert not replace(confirmed, as_of=10.0).nameless  # a new life
    assert not Profile("u").nameless


def test_a_removal_is_dated_by_the_save_that_did_it() -> None:
    dated = begun(tombstone(Profile("u"), "please", 9.0), 100.0, confirm_s=60.0).forgetting

    assert dated is not None
    assert (dated.removed_at, dated.confirm_at) == (100.0, 160.0)
    with pytest.raises(ValueError, match="'u' is not being forgotten"):
        begun(Profile("u"), 100.0, confirm_s=60.0)
