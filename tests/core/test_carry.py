"""Which parts of a profile its events make, and which come from the live one."""

from __future__ import annotations

from dataclasses import fields, replace
from math import inf, nextafter

from stream.core.carry import carried, seeded
from stream.core.profile import Change, Forgetting, Membership, Profile, Recent, StoredList

LIST = StoredList(5, 10.0, ("e",), (), (), 0.0, 0.5, "s")
CHANGE = Change("c", 10.0, None, "s", "sea", "event", "e", 0.1, 3)
LIVE = Profile(
    "user-1",
    version=50,
    as_of=10.0,
    recent=(Recent("film-1", 10.0, 0.8, ""),),
    marks=(("here", 9),),
    current=LIST,
    offered=(1, 2),
    membership=Membership("s", 3, 10.0),
    outbox=(CHANGE,),
)
MADE = Profile("user-1", as_of=9.0, recent=(Recent("film-2", 9.0, 0.8, ""),), marks=(("here", 8),))
CARRIED = {"version", "current", "offered", "membership", "outbox", "forgetting"}


def test_events_make_the_rest() -> None:
    after = carried(MADE, LIVE)

    for each in fields(Profile):
        source = LIVE if each.name in CARRIED else MADE
        if each.name != "version":
            assert getattr(after, each.name) == getattr(source, each.name), each.name
    assert after.version == LIVE.version + 1


def test_carrying_again_from_a_newer_one_forgets_what_was_carried() -> None:
    newer = replace(LIVE, version=60, current=None, outbox=())
    assert carried(carried(MADE, LIVE), newer) == carried(MADE, newer)


def test_a_tombstone_stays_one() -> None:
    live = Profile("user-1", version=50, forgotten_at=20.0, forgetting=Forgetting(("f",), {}, 1, 2))
    made = Profile("user-1", forgotten_at=20.0, forgetting=Forgetting(("f",), {}, 8, 9))

    after = carried(made, live)
    assert (after.forgotten_at, after.forgetting) == (20.0, live.forgetting)


def test_what_was_replayed_before_the_request_goes() -> None:
    live = Profile("user-1", version=50, forgotten_at=20.0)
    after = carried(MADE, live)

    assert after == replace(seeded("user-1", live), version=51, marks=MADE.marks)


def test_what_came_after_a_request_that_is_not_replayed_stays() -> None:
    live = replace(LIVE, forgotten_at=5.0)
    made = replace(MADE, forgotten_at=nextafter(5.0, -inf))

    assert carried(made, live).recent == MADE.recent


def test_a_request_that_live_has_missed_takes_everything() -> None:
    made = Profile("user-1", forgotten_at=20.0, forgetting=Forgetting(("f",), {}, 1, 2))
    for live in (LIVE, replace(LIVE, forgotten_at=5.0)):
        after = carried(made, live)
        assert after == replace(made, version=51)


def test_a_replay_begins_with_nothing_but_that() -> None:
    assert seeded("user-1", None) == seeded("user-1", LIVE) == Profile("user-1")
    live = replace(LIVE, forgotten_at=20.0)
    assert seeded("user-1", live).forgotten_at == nextafter(20.0, -inf)
