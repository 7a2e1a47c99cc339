"""The plain recomputation agrees with what folding and saving leave, and sees what is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from stream.core.catalogue import Entry
from stream.core.fold import fold
from stream.core.profile import Profile
from stream.observe import Contents, Understood, event_kinds, observation
from stream.settings import load as load_settings
from stream.store.codec import pack, unpack
from stream.wire.decode import Limits, Skipped, decode_event
from tests.core.samples import axis, near
from tests.kafka.fakes import FakeRecord
from tests.support.differences import differences
from tests.support.load import APPLIES, DIMENSION, Load, items
from tests.support.recompute import Expected, Known, recompute
from tests.support.records import Kept

NOW = 1_700_000_000.0
SETTINGS = load_settings()
SOURCE = "events/0"


def catalogue() -> dict[str, Entry]:
    """The items, all near to each other: an interest that has to go takes its weight along."""
    found = {}
    for number, (key, value) in enumerate(items()):
        told, name = json.loads(value), key.decode()
        vector = near(axis(0, DIMENSION), number, 0.5)
        found[name] = Entry(name, told["title"], vector, tuple(told.get("categories", ())))
    return found


def log(plan: Load) -> Iterator[Kept]:
    """The plan's events that bring no text, in one partition."""
    for offset, one in enumerate(plan.events):
        if b'"text"' not in (one.value or b"") and b"item_title" not in (one.value or b""):
            yield Kept("events", 0, offset, *one.record)


def folded(records: list[Kept], plan: Load, found: dict[str, Entry]) -> dict[str, Profile]:
    """One by one, each saved and read again."""
    kinds, tuning, limits = event_kinds(SETTINGS), SETTINGS.tuning(), Limits.of(SETTINGS)
    users: dict[str, Profile] = {}
    for record in records:
        if plan.fate(record.value) != APPLIES:
            continue
        fake = FakeRecord(record.offset, record.value, record.key)
        event = decode_event(
            record.value, record.key, limits=limits, event_types=SETTINGS.event_types, now=NOW
        )
        assert not isinstance(event, Skipped)
        seen = observation(
            Understood(event, fake),
            SOURCE,
            kinds[event.type],
            found.get(event.item_id or ""),
            Contents(),
        )
        profile = users.get(event.user_id, Profile(event.user_id))
        after = fold(profile, [seen], tuning).profile
        read = unpack(pack(after, 1, tuning, now=NOW))
        users[event.user_id] = replace(read, user_id=event.user_id)
    return users


def world() -> tuple[dict[str, Profile], dict[str, Expected]]:
    plan, found = Load(users=12, events=900, now=NOW, seed=3), catalogue()
    records = list(log(plan))
    known = Known(
        {name: entry.vector for name, entry in found.items() if entry.vector is not None},
        {name: entry.categories for name, entry in found.items()},
        {},
    )
    return folded(records, plan, found), recompute(records, plan.fate, lambda _: SOURCE, known)


def test_folding_and_recomputing_agree_on_every_user() -> None:
    users, wanted = world()

    assert users.keys() == wanted.keys()
    wrong = {name: list(differences(users[name], wanted[name])) for name in users}
    assert not {name: lines for name, lines in wrong.items() if lines}
    assert max(len(user.lately.days) for user in users.values()) >= 3


def test_a_day_that_is_missing_is_seen() -> None:
    users, wanted = world()
    name = max(users, key=lambda one: len(users[one].lately.days))
    lately = users[name].lately
    days = {day: came for day, came in lately.days.items() if day != min(lately.days)}

    broken = replace(users[name], lately=replace(lately, days=days))
    assert [line.split(":")[0] for line in differences(broken, wanted[name])] == ["days"]
