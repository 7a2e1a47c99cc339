"""Rows that another version of the service has written: newer, older, or of an older worker."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from stream.core.decay import Tally
from stream.core.lately import Lately, day_of
from stream.core.profile import (
    InterestShare,
    Profile,
)
from stream.errors import Unavailable
from stream.store.codec import SCHEMA, pack, unpack
from stream.store.rows import UserRow
from tests.core.samples import (
    NOW,
    TUNING,
    plain,
)
from tests.store.packed import CHANGE, full_profile, read_back


def changed(row: UserRow, **fields: Any) -> UserRow:
    """The row as another version of the service would have written it."""
    return replace(row, state=json.dumps(json.loads(row.state) | fields))


def test_a_newer_schema_waits_for_the_upgrade() -> None:
    row = changed(
        pack(full_profile(), 1, TUNING, now=NOW), v=SCHEMA + 1, interests="in another form"
    )

    with pytest.raises(Unavailable, match=rf"version {SCHEMA + 1}, this worker knows {SCHEMA}"):
        unpack(row)


def test_fields_that_are_not_known_are_ignored() -> None:
    row = pack(full_profile(), 1, TUNING, now=NOW)

    assert plain(unpack(changed(row, later={"a": [1]}, other=None))) == plain(unpack(row))


def test_fields_that_are_not_there_yet_are_empty() -> None:
    row = replace(
        pack(Profile("user"), 1, TUNING, now=NOW),
        state=json.dumps({"v": 1, "as_of": NOW, "version": 3}),
    )

    assert unpack(row) == Profile("user", as_of=NOW, version=3)


# --- rows of workers that kept less


def without(row: UserRow, *fields: str) -> UserRow:
    """The row as a worker has written it that did not know these fields."""
    state = {name: value for name, value in json.loads(row.state).items() if name not in fields}
    return replace(row, state=json.dumps(state))


def test_changes_that_say_nothing_of_their_user_are_still_sent() -> None:
    told = replace(CHANGE, interests=(InterestShare("i", "sea", 1.0),), entropy=0.5, drift=0.25)
    row = pack(Profile("user", outbox=(told, CHANGE)), 1, TUNING, now=NOW)

    assert unpack(row).outbox == (told, CHANGE)
    assert unpack(without(row, "outbox_said")).outbox == (CHANGE, CHANGE)


def test_a_change_is_written_so_that_an_older_worker_can_read_it() -> None:
    """It refuses a row of any other length, in the middle of an upgrade."""
    row = pack(Profile("user", outbox=(CHANGE,)), 1, TUNING, now=NOW)

    assert [len(change) for change in json.loads(row.state)["outbox"]] == [9]


def test_a_list_without_categories_is_still_a_list() -> None:
    row = pack(full_profile(), 1, TUNING, now=NOW)
    state = json.loads(row.state)
    state["current"] = state["current"][:8]

    found = unpack(changed(row, current=state["current"])).current
    assert found is not None
    assert found.categories == {}


def test_days_that_nobody_kept_begin_after_the_newest_event() -> None:
    row = pack(full_profile(), 1, TUNING, now=NOW)
    found = unpack(without(row, "days"))

    assert found.lately == Lately(since=day_of(NOW) + 1)
    assert read_back(found).lately == found.lately
    assert unpack(without(row, "days", "categories")).lately == Lately()


def test_a_day_of_more_than_half_precision_knows_is_cut_there() -> None:
    busy = Tally({"a": 1e6}, NOW)
    found = read_back(Profile("user", categories=busy, lately=Lately({day_of(NOW): busy.weights})))

    assert found.lately.days[day_of(NOW)] == {"a": 65_504.0}
