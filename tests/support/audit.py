"""Whether a deployment holds and has published exactly what its input topics determine.

Each `check_*` raises AssertionError with what is wrong, user by user.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from stream.core.profile import Profile
from stream.encoder.encoder import Encoder
from stream.kafka.admin import Admin
from stream.kafka.sources import source
from stream.settings import Settings
from stream.store.codec import unpack
from stream.store.collections import open_store
from stream.store.convert import stand_in
from stream.wire.ids import recommendation_id
from stream.wire.messages import Recommendation, SegmentChange
from tests.support import records, segment_audit
from tests.support.differences import differences, unequal
from tests.support.load import APPLIES, COUNTED, DIMENSION, REVIEWS, STAND_IN
from tests.support.recompute import Expected, Known, recompute
from tests.support.records import Kept

Fate = Callable[[bytes | None], str]
SHOWN = 8  # findings in a message
QUIET_S = 90.0


@dataclass(frozen=True)
class Found:
    """What a deployment holds; topics as read, lists and changes in the order of their offsets."""

    settings: Settings
    events: list[Kept]
    lists: list[tuple[str, Recommendation | None]]
    changes: list[SegmentChange]
    letters: list[Kept]
    profiles: Mapping[str, Profile]
    known: Known
    sources: Mapping[int, str]

    def only(self, mine: Callable[[str], bool]) -> Found:
        """The same, without the profiles and lists of users that are not `mine`."""
        return replace(
            self,
            profiles={user: one for user, one in self.profiles.items() if mine(user)},
            lists=[(user, one) for user, one in self.lists if mine(user)],
        )


async def look(settings: Settings, model_dir: Path) -> Found:
    """Read everything that is to be checked."""
    stored, known = await _stored(settings, model_dir)
    events = records.read(settings, "events")
    profiles = _named(stored, {(r.key or b"").decode(errors="replace") for r in events})
    lists = [
        ((record.key or b"").decode(), _decoded(record.value, Recommendation))
        for record in records.read(settings, "recommendations")
    ]
    changes = [
        msgspec.json.decode(record.value, type=SegmentChange)
        for record in records.read(settings, "segments")
        if record.value is not None  # the user was forgotten
    ]
    return Found(
        settings,
        events,
        lists,
        changes,
        records.read(settings, "dead-letters"),
        profiles,
        known,
        sources(settings),
    )


async def look_when_quiet(settings: Settings, model_dir: Path) -> Found:
    """Look until no segment change waits: one that a crash left behind is sent half a minute on."""
    async with asyncio.timeout(QUIET_S):
        while waiting(found := await look(settings, model_dir)):
            pass
    return found


async def _stored(settings: Settings, model_dir: Path) -> tuple[dict[str, Profile], Known]:
    options = {name: getattr(settings, name) for name in ("batch_tokens", "max_tokens")}
    encoder = await Encoder.open(model_dir, sessions=1, cache_bytes=0, queue_texts=99, **options)
    store = await open_store(settings, dimension=DIMENSION, encoder_hash=encoder.manifest.hash)
    try:
        texts = [*REVIEWS, STAND_IN]
        vectors = dict(zip(texts, await encoder.encode(texts), strict=True))
        items = [row async for page in store.items.pages() for row in page]
        users = [row async for page in store.users.pages(500) for row in page]
    finally:
        await store.close()
        await encoder.close()
    known = Known(
        {row.item_id: row.vector for row in items if row.vector is not None},
        {row.item_id: row.categories for row in items},
        vectors,
    )
    return {row.user_id: unpack(row) for row in users}, known


def _named(profiles: Mapping[str, Profile], users: Iterable[str]) -> dict[str, Profile]:
    """Under the users' own names, also where the store has forgotten them for good."""
    names = {stand_in(user): user for user in users}
    real = {names.get(name, name): profile for name, profile in profiles.items()}
    return {user: replace(profile, user_id=user) for user, profile in real.items()}


def _decoded(value: bytes | None, kind: type[Recommendation]) -> Recommendation | None:
    return None if value is None else msgspec.json.decode(value, type=kind)


def sources(settings: Settings) -> dict[int, str]:
    """Partition of the events topic -> the name that marks know it by."""
    with Admin(settings) as admin:
        cluster, topic = admin.cluster_id(), admin.topic(settings.topic("events"))
    return {number: source(cluster, topic.topic_id, number) for number in range(topic.partitions)}


def expected(found: Found, fate: Fate) -> dict[str, Expected]:
    return recompute(found.events, fate, found.sources.__getitem__, found.known)


def check_all(found: Found, fate: Fate) -> None:
    """Everything below."""
    wanted = expected(found, fate)
    check_profiles(found, wanted)
    check_lists(found, wanted)
    check_changes(found)
    check_letters(found, fate)


def waiting(found: Found) -> set[str]:
    """Ids of segment changes that were saved and have not reached their topic."""
    stored = {change.change_id for one in found.profiles.values() for change in one.outbox}
    return stored - {change.change_id for change in found.changes}


def stranded(found: Found, fate: Fate) -> set[str]:
    """Users whose stored list did not reach its topic, and who have no event that is not applied:
    nothing but the list itself, sent again, can mend that."""
    out = {message.recommendation_id for _, message in found.lists if message is not None}
    wanted = expected(found, fate)
    return {
        user
        for user, profile in found.profiles.items()
        if profile.current is not None
        and recommendation_id(user, profile.current.version) not in out
        and dict(profile.marks) == wanted[user].marks
    }


# --- profiles


def check_profiles(found: Found, wanted: Mapping[str, Expected]) -> None:
    """Every user of the log has the profile that the log determines, and nobody else has one."""
    assert found.profiles.keys() == wanted.keys()
    wrong = []
    for user, expects in wanted.items():
        wrong += [f"{user}: {what}" for what in differences(found.profiles[user], expects)]
    _none(wrong)


# --- lists


def check_lists(found: Found, wanted: Mapping[str, Expected]) -> None:
    """The newest published list is the stored one, versions only grow, and each list is due.

    Newest is what a consumer keeps: the highest version.
    """
    newest: dict[str, Recommendation | None] = {}
    once: set[str] = set()
    versions: dict[str, int] = {}
    wrong = []
    for user, message in found.lists:
        if message is None:
            newest[user] = None
            continue
        if message.recommendation_id in once:
            if newest[user] is None:
                wrong.append(f"{user}: a list came back after the user was forgotten")
            continue
        once.add(message.recommendation_id)
        if message.version > versions.get(user, 0):
            versions[user], newest[user] = message.version, message
        elif len(wanted[user].marks) == 1:  # two partitions publish each in its own order
            wrong.append(f"{user}: version {message.version} after {versions[user]}")
    for user, expects in wanted.items():
        profile = found.profiles[user]
        wrong += [f"{user}: {what}" for what in _list_differences(profile, newest.get(user))]
        wrong += [f"{user}: {what}" for what in _undue(profile, expects, found.known)]
    _none(wrong)
    assert newest.keys() <= wanted.keys()


def _list_differences(profile: Profile, message: Recommendation | None) -> Iterable[str]:
    stored = profile.current
    if stored is None or message is None:
        yield from unequal("no list stored, none published", stored is None, message is None)
        return
    told = [
        (one.item_id, one.score, one.rank, one.source, one.because, one.propensity, one.share)
        for one in message.items
    ]
    kept = [
        (one.item_id, one.score, rank, one.source, one.because, one.propensity, dict(one.share))
        for rank, one in enumerate(stored.offers, 1)
    ]
    yield from unequal("items", told, kept)
    yield from unequal("version", message.version, stored.version)
    name = recommendation_id(profile.user_id, stored.version)
    yield from unequal("id", message.recommendation_id, name)
    yield from unequal("causes", message.caused_by, stored.caused_by)
    yield from unequal("segment", message.segment, stored.segment)
    shares = [(one.id, one.label, one.share) for one in message.interests]
    yield from unequal("shares", shares, [(i.id, i.label, i.share) for i in stored.interests])
    yield from unequal("categories", message.categories, dict(stored.categories))


def _undue(profile: Profile, wants: Expected, known: Known) -> Iterable[str]:
    stored = profile.current
    if stored is None:
        yield from unequal("causes of the list that is not there", wants.causes, [])
        return
    if not set(stored.caused_by) <= set(wants.causes) or not stored.caused_by:
        yield f"caused by {stored.caused_by}, not of {wants.causes[-3:]}"
    if len(wants.marks) == 1:  # else the last one depends on the order between partitions
        yield from unequal("last cause", stored.caused_by[-1:], tuple(wants.causes[-1:]))
        touched = {item for item, _, _ in wants.touched[: wants.touched_when_listed]}
        if again := touched & {offer.item_id for offer in stored.offers}:
            yield f"offers {again}, which the user has seen"
    yield from unequal(
        "unknown items", {o.item_id for o in stored.offers} - set(known.vectors), set()
    )


# --- segments


def check_changes(found: Found) -> None:
    """Each user's changes form one unbroken chain that ends where the profile is, an id is one."""
    known: dict[str, SegmentChange] = {}
    wrong = [
        f"{change.user_id}: {change.change_id} came again with another content"
        for change in found.changes
        if known.setdefault(change.change_id, change) != change
    ]
    _none([*wrong, *segment_audit.broken(found.changes, found.profiles)])


# --- dead letters


def check_letters(found: Found, fate: Fate) -> None:
    """After compaction: one letter a refused record, its bytes and its reason; no other."""
    kept = {letter.key or b"": letter for letter in found.letters}
    refused = {
        record.place.encode(): record
        for record in found.events
        if fate(record.value) not in (APPLIES, *COUNTED)
    }
    assert kept.keys() == refused.keys()
    _none(
        [
            f"{place!r}: {letter.headers} {letter.value!r}"
            for place, letter in kept.items()
            if not is_right(letter, refused[place], found, fate)
        ]
    )


def is_right(letter: Kept, record: Kept, found: Found, fate: Fate) -> bool:
    """Whether this is the record's letter, or was and is taken back: its user was forgotten."""
    if letter.value is None:
        profile = found.profiles.get((record.key or b"").decode(errors="replace"))
        return profile is not None and profile.forgotten_at is not None
    reason = letter.headers["dl_reason"].decode()
    return (reason, letter.value) == (fate(record.value), record.value or b"")


def _none(wrong: list[str]) -> None:
    assert not wrong, f"{len(wrong)} findings:\n" + "\n".join(one[:400] for one in wrong[:SHOWN])
