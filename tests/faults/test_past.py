"""What is gone counts as before, and newcomers are nobody whom a profile knows."""

from __future__ import annotations

import json
from typing import Any

from stream.settings import load as load_settings
from tests.faults.past import PAST, Gone, Past
from tests.faults.share import Share
from tests.support.audit import Found
from tests.support.load import APPLIES
from tests.support.recompute import Known
from tests.support.records import Kept


def kept(partition: int, offset: int) -> Kept:
    return Kept("events", partition, offset, b"u", b"new")


def found(**given: Any) -> Found:
    empty: dict[str, Any] = {"lists": [], "changes": [], "letters": [], "profiles": {}}
    known = Known({}, {}, {})
    return Found(load_settings(), known=known, **{**empty, **given})


def test_events_of_a_deleted_topic_come_first_and_keep_their_place_and_source() -> None:
    past = Past([Gone("events", PAST + 1, 7, b"u", b"old")], {PAST + 1: "old-1"})
    both = past.beside(found(events=[kept(1, 7)], sources={1: "new-1"}))

    assert [one.value for one in both.events] == [b"old", b"new"]
    assert [both.sources[one.partition] for one in both.events] == ["old-1", "new-1"]
    assert {one.place for one in both.events} == {"events/1/7"}


def test_what_lost_profiles_have_published_is_not_held_against_the_new_ones() -> None:
    class Told:
        def __init__(self, name: str) -> None:
            self.recommendation_id = self.change_id = name

    told: list[Any] = [Told("lost"), Told("fresh")]
    lists = [("u", None), *(("u", one) for one in told)]
    left = Past(ids={"lost"}).beside(found(events=[], sources={}, lists=lists, changes=told))

    assert left.lists == [("u", None), ("u", told[1])]
    assert left.changes == [told[1]]


def test_a_newcomers_event_is_the_same_but_for_the_user_and_has_the_same_fate() -> None:
    plan = Share(3, users=9, events=60, now=1e9, seed=2)
    for one in plan.events:
        key, value = plan.newcomer(one.record)
        assert plan.fate(value) == one.fate
        if one.fate != APPLIES:
            assert (key, value) == one.record
            continue
        was, now = (json.loads(text or b"") for text in (one.value, value))
        assert now.pop("user_id") == f"newcomer-{was.pop('user_id')}"
        assert now == was
        assert key == (None if one.key is None else b"newcomer-" + one.key)
