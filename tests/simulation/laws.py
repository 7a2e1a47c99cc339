"""What must hold once everything was delivered, whatever happened on the way."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from stream.core.profile import Profile
from stream.kafka.publisher import Outgoing
from stream.store.codec import unpack
from stream.store.users import _row
from stream.wire.ids import change_id, receipt_id, recommendation_id
from tests.commit.world import DIMENSION
from tests.simulation.outside import Outside
from tests.simulation.scenarios import Expected
from tests.simulation.store import Point

LIKED = 0.8  # a like's strength, written down a second time


def violations(outside: Outside) -> list[str]:
    """Everything that is wrong, in words."""
    history = histories(outside)
    expected = outside.scenario.expected()
    found = list(_differs("users", sorted(history), sorted(expected)))
    for user, profiles in history.items():
        sent = [r for r in outside.broker.arrived if r.key == user.encode()]
        laws = (
            effects(profiles[-1], expected[user]),
            versions(profiles),
            lists(user, profiles, _of(sent, "recommendations"), expected[user]),
            names(outside, user, profiles[-1]),
            changes(user, profiles, _of(sent, "segments")),
        )
        found += [f"{user}: {what}" for law in laws for what in law]
    return found + list(letters(outside))


def histories(outside: Outside) -> dict[str, list[Profile | None]]:
    """Every state of every user, in order; None where the row was deleted."""
    names: dict[str, str] = {}
    found: dict[str, list[Profile | None]] = {}
    for place, point in outside.points.history:
        if point is not None:
            names.setdefault(place, point.payload["user_id"].string_value)
        found.setdefault(names[place], []).append(None if point is None else _profile(point))
    return found


def _profile(point: Point) -> Profile:
    return unpack(_row(point, DIMENSION))


def _of(records: list[Outgoing], topic: str) -> list[dict[str, Any] | None]:
    own = [record for record in records if record.topic.endswith(f".{topic}")]
    return [None if record.value is None else json.loads(record.value) for record in own]


# --- the profile


def effects(profile: Profile | None, expected: Expected) -> Iterator[str]:
    """Every event counts once, however often it was sent and delivered."""
    if profile is None:
        yield "there is no profile"
        return
    counted = Counter(recent.item_id for recent in profile.recent)
    yield from _differs("effects by item", dict(counted), dict(expected.items))
    weight = round(profile.session.weight / LIKED, 3) if profile.session else 0.0
    yield from _differs("effects by weight", weight, sum(expected.items.values()))
    interests = round(sum(one.mass.weight for one in profile.interests) / LIKED, 3)
    yield from _differs("effects on interests", interests, sum(expected.items.values()))
    yield from _differs("seen", sorted(profile.seen), sorted(expected.seen))
    yield from _differs("event ids", sorted(profile.event_ids), sorted(expected.event_ids))
    marks = {f"source-{partition}": offset for partition, offset in expected.marks.items()}
    yield from _differs("marks", dict(profile.marks), marks)
    yield from _differs("forgotten at", profile.forgotten_at, expected.forgotten_at)


def versions(profiles: list[Profile | None]) -> Iterator[str]:
    """Each save has a higher version than the one before."""
    stored = [profile.version for profile in profiles if profile is not None]
    falls = [(one, other) for one, other in pairwise(stored) if other <= one]
    yield from _differs("versions that do not grow", falls, [])


# --- what was published


def lists(
    user: str,
    profiles: list[Profile | None],
    sent: list[dict[str, Any] | None],
    expected: Expected,
) -> Iterator[str]:
    """What a consumer keeps, the highest version, is the stored list; nothing else was ever said.

    Whoever did something has a list. Of who was forgotten the compacted topic keeps a list of the
    new life or nothing, whatever was on its way then.
    """
    stored = {
        recommendation_id(user, one.current.version): [o.item_id for o in one.current.offers]
        for one in profiles
        if one is not None and one.current is not None
    }
    said = {m["recommendation_id"]: m for m in sent if m is not None}
    items = {name: [offer["item_id"] for offer in m["items"]] for name, m in said.items()}
    wrong = [name for name in items if items[name] != stored.get(name)]
    yield from _differs("lists published that never were stored", wrong, [])
    yield from _differs("lists that say two things", _unstable(sent, "recommendation_id"), [])
    last = profiles[-1]
    listed = last is not None and last.current is not None
    yield from _differs("a list is stored", listed, bool(expected.items))
    if last is not None and last.current is not None:
        newest = max((m["version"] for m in said.values()), default=None)
        yield from _differs("newest list published", newest, last.current.version)
    if any(one is not None and one.forgotten_at is not None for one in profiles):
        yield from _differs("a null was sent", None in sent, True)
        kept = sent[-1]["version"] if sent and sent[-1] else None
        yield from _differs("a list is kept", kept is not None, listed)
        if kept is not None and kept <= (gone := _gone(profiles)):
            yield f"the list that is kept has version {kept}, the user was forgotten at {gone}"


def _gone(profiles: list[Profile | None]) -> int:
    """Version of the last save that forgot the user."""
    stored = [profile for profile in profiles if profile is not None]
    pairs = pairwise([Profile(""), *stored])
    return max(one.version for before, one in pairs if one.forgotten_at != before.forgotten_at)


def changes(
    user: str, profiles: list[Profile | None], sent: list[dict[str, Any] | None]
) -> Iterator[str]:
    """Every stored move between segments was published, in their order, and no other.

    What waited when the user was forgotten may have gone with the rest, and what was on its way
    then may come after.
    """
    made: list[str] = []
    owed: set[str] = set()
    for before, after in pairwise([None, *profiles]):
        was = before.membership.segment if before and before.membership else None
        if after is None or (before and after.forgotten_at != before.forgotten_at):
            owed.clear()
        if after is not None and after.membership and after.membership.segment != was:
            made.append(change_id(user, after.version))
            owed.add(made[-1])
    said = list(dict.fromkeys(m["change_id"] for m in sent if m is not None))  # repeats dropped
    yield from _differs("segment changes not published", sorted(owed - set(said)), [])
    yield from _differs("segment changes never stored", sorted(set(said) - set(made)), [])
    if set(said) == set(made) and not any(one and one.forgotten_at for one in profiles):
        yield from _differs("order of segment changes", said, made)
    yield from _differs("segment changes that say two things", _unstable(sent, "change_id"), [])


def names(outside: Outside, user: str, last: Profile | None) -> Iterator[str]:
    """A forgotten user's name is gone, where no new life began; and there is one receipt."""
    if last is None or last.forgotten_at is None:
        return
    here = {point.payload["user_id"].string_value for point in outside.points.rows.values()}
    yield from _differs("the name is there", user in here, last.as_of > 0)
    sent = [r.key for r in outside.broker.arrived if r.topic.endswith(".receipts")]
    yield from _differs("receipts", set(sent), {receipt_id(user, last.forgotten_at).encode()})


def letters(outside: Outside) -> Iterator[str]:
    """After compaction one a record that nobody can read, with its bytes; and no other.

    Those of who was forgotten are taken back; one that is delivered again comes back with it.
    """
    arrived = [r for r in outside.broker.arrived if r.topic.endswith(".dead-letters")]
    kept = {(r.key or b"").decode(): r.value for r in arrived if r.value is not None}
    taken = {(r.key or b"").decode() for r in arrived if r.value is None}
    poison = {}
    for place in outside.scenario.poison:
        _, partition, offset = place.split("/")
        poison[place] = outside.scenario.whole[int(partition)][int(offset)]
    wrong = {place: value for place, value in kept.items() if poison.get(place) != value}
    yield from _differs("wrong dead letters", wrong, {})
    yield from _differs("missing letters", sorted(poison.keys() - kept.keys() - taken), [])


def _unstable(sent: list[dict[str, Any] | None], name: str) -> list[str]:
    first: dict[str, Any] = {}
    return [m[name] for m in sent if m is not None and first.setdefault(m[name], m) != m]


def _differs(what: str, found: object, wanted: object) -> Iterator[str]:
    if found != wanted:
        yield f"{what}: {found}, must be {wanted}"
