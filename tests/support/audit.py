"""Whether a deployment holds and has published exactly what its input topics determine.

Each `check_*` raises AssertionError with what is wrong, user by user.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from stream.core.decay import Mass, weight_at
from stream.core.profile import Profile
from stream.encoder.encoder import Encoder
from stream.kafka.admin import Admin
from stream.kafka.sources import source
from stream.settings import Settings
from stream.store.codec import unpack
from stream.store.collections import open_store
from stream.wire.ids import recommendation_id
from stream.wire.messages import Recommendation, SegmentChange
from tests.support import records
from tests.support.load import APPLIES, COUNTED, DIMENSION, REVIEWS, STAND_IN
from tests.support.recompute import HALF_LIVES_S, Expected, Known, Part, hashed, recompute
from tests.support.records import Kept

Fate = Callable[[bytes | None], str]
SHOWN = 8  # findings in a message

# A sum is rounded to float16 at each save, of which there is at most one per observation: its
# components are off by a share of 2^-11 each time, those below 6e-5 by 2^-25. Errors decay as the
# sum does and weights only add, so n roundings are off by at most n times what the final sum is.
FLOAT16_SHARE, FLOAT16_FLOOR = 2.0**-11, 2.0**-25
# Weights are doubles all the way: only the order of additions differs.
EXACT = 1e-9
# Categories keep six significant digits at each save.
SIX_DIGITS = 5e-6
# Interests are float32 rows, made unit and scaled back at each save.
FLOAT32_SHARE = 1e-6


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


async def look(settings: Settings, model_dir: Path) -> Found:
    """Read everything that is to be checked."""
    profiles, known = await _stored(settings, model_dir)
    lists = [
        ((record.key or b"").decode(), _decoded(record.value, Recommendation))
        for record in records.read(settings, "recommendations")
    ]
    changes = [
        msgspec.json.decode(record.value or b"", type=SegmentChange)
        for record in records.read(settings, "segments")
    ]
    return Found(
        settings,
        records.read(settings, "events"),
        lists,
        changes,
        records.read(settings, "dead-letters"),
        profiles,
        known,
        sources(settings),
    )


async def _stored(settings: Settings, model_dir: Path) -> tuple[dict[str, Profile], Known]:
    options = {name: getattr(settings, name) for name in ("batch_tokens", "max_tokens")}
    encoder = await Encoder.open(model_dir, sessions=1, cache_bytes=0, queue_texts=99, **options)
    store = await open_store(settings, dimension=DIMENSION, encoder_hash=encoder.manifest.hash)
    try:
        texts = [*REVIEWS, STAND_IN]
        vectors = dict(zip(texts, await encoder.encode(texts), strict=True))
        items = [row async for page in store.items.pages() for row in page]
        users = [row async for page in store.users.pages() for row in page]
    finally:
        await store.close()
        await encoder.close()
    known = Known(
        {row.item_id: row.vector for row in items if row.vector is not None},
        {row.item_id: row.categories for row in items},
        vectors,
    )
    return {row.user_id: unpack(row) for row in users}, known


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


def unpublished(found: Found) -> set[str]:
    """Users whose stored list did not reach its topic."""
    out = {message.recommendation_id for _, message in found.lists if message is not None}
    return {
        user
        for user, profile in found.profiles.items()
        if profile.current is not None
        and recommendation_id(user, profile.current.version) not in out
    }


# --- profiles


def check_profiles(found: Found, wanted: Mapping[str, Expected]) -> None:
    """Every user of the log has the profile that the log determines, and nobody else has one."""
    assert found.profiles.keys() == wanted.keys()
    wrong = []
    for user, expects in wanted.items():
        wrong += [f"{user}: {what}" for what in _differences(found, found.profiles[user], expects)]
    _none(wrong)


def _differences(found: Found, has: Profile, wants: Expected) -> Iterable[str]:
    yield from _unequal("marks", dict(has.marks), wants.marks)
    yield from _unequal("as_of", has.as_of, wants.as_of)
    yield from _unequal("forgotten_at", has.forgotten_at, wants.forgotten_at)
    ordered = list if len(wants.marks) == 1 else sorted  # two partitions: any order between them
    ids = [hashed(name, 8) for name in wants.event_ids[-64:]]
    yield from _unequal("event ids", ordered(has.event_ids), ordered(ids))
    yield from _unequal("seen", ordered(has.seen), ordered(wants.seen()))
    recent = [(one.item_id, one.at) for one in has.recent]
    yield from _unequal("recent", ordered(recent), ordered(row[:2] for row in wants.recent()))
    strengths = [one.strength for one in has.recent]
    if not np.allclose(strengths, [row[2] for row in wants.recent()], atol=FLOAT16_SHARE):
        yield f"recent strengths are {strengths}"
    yield from _unequal("number of ratings", has.ratings.count, len(wants.ratings))
    if abs(has.ratings.total - sum(wants.ratings)) > EXACT * (1 + len(wants.ratings)):
        yield f"ratings are {has.ratings.total}, not {sum(wants.ratings)}"
    yield from _sum("session", has.session, wants, wants.liked)
    yield from _sum("aversion", has.aversion, wants, wants.disliked)
    yield from _interests(has, wants)
    yield from _categories(has, wants)


def _sum(name: str, has: Mass | None, wants: Expected, parts: list[Part]) -> Iterable[str]:
    if has is None or not parts:
        yield from _unequal(name, has is None, not parts)
        return
    weight, vector, at = wants.sum_of(parts, HALF_LIVES_S[name])
    yield from _unequal(f"{name} time", has.at, at)
    if abs(has.weight - weight) > EXACT * weight:
        yield f"{name} weighs {has.weight}, not {weight}"
    off = float(np.linalg.norm(has.vector - vector))
    once = FLOAT16_SHARE * weight + FLOAT16_FLOOR * DIMENSION**0.5
    if off > len(parts) * once * 1.1:
        yield f"{name} vector is off by {off:.2g} of {weight:.2g} after {len(parts)} roundings"


def _interests(has: Profile, wants: Expected) -> Iterable[str]:
    """Clusters depend on the order of arrival; all of them together do not."""
    if not wants.liked:
        yield from _unequal("interests", has.interests, ())
        return
    half_life_s = HALF_LIVES_S["interests"]
    weight, vector, at = wants.sum_of(wants.liked, half_life_s)
    left = [weight_at(one.mass, at, half_life_s=half_life_s) for one in has.interests]
    if abs(sum(left) - weight) > EXACT * weight:
        yield f"interests weigh {sum(left)}, not {weight}"
    shares = [w / one.mass.weight for w, one in zip(left, has.interests, strict=True)]
    total = sum(s * one.mass.vector.astype(float) for s, one in zip(shares, has.interests))
    off = float(np.linalg.norm(total - vector))
    if off > len(wants.liked) * FLOAT32_SHARE * weight:
        yield f"interest vectors are off by {off:.2g} of {weight:.2g}"


def _categories(has: Profile, wants: Expected) -> Iterable[str]:
    weights, kept = wants.category_weights(), has.categories.weights
    yield from _unequal("categories", set(kept), set(weights))
    share = SIX_DIGITS * (1 + len(wants.categories))
    for name in kept.keys() & weights.keys():
        if abs(kept[name] - weights[name]) > share * weights[name]:
            yield f"category {name} weighs {kept[name]}, not {weights[name]}"


# --- lists


def check_lists(found: Found, wanted: Mapping[str, Expected]) -> None:
    """The newest published list is the stored one, versions only grow, and each list is due."""
    newest: dict[str, Recommendation | None] = {}
    once: set[str] = set()
    versions: dict[str, int] = {}
    wrong = []
    for user, message in found.lists:
        if message is None:
            newest[user] = None
            continue
        if message.recommendation_id in once:
            if (known := newest[user]) is None or known.version < message.version:
                wrong.append(f"{user}: a list came again behind its own")
            continue
        once.add(message.recommendation_id)
        if message.version <= versions.get(user, 0):
            wrong.append(f"{user}: version {message.version} after {versions[user]}")
        versions[user], newest[user] = message.version, message
    for user, expects in wanted.items():
        profile = found.profiles[user]
        wrong += [f"{user}: {what}" for what in _list_differences(profile, newest.get(user))]
        wrong += [f"{user}: {what}" for what in _undue(profile, expects, found.known)]
    _none(wrong)
    assert newest.keys() <= wanted.keys()


def _list_differences(profile: Profile, message: Recommendation | None) -> Iterable[str]:
    stored = profile.current
    if stored is None or message is None:
        yield from _unequal("no list stored, none published", stored is None, message is None)
        return
    told = [
        (one.item_id, one.score, one.rank, one.source, one.because, one.propensity, one.share)
        for one in message.items
    ]
    kept = [
        (one.item_id, one.score, rank, one.source, one.because, one.propensity, dict(one.share))
        for rank, one in enumerate(stored.offers, 1)
    ]
    yield from _unequal("items", told, kept)
    yield from _unequal("version", message.version, stored.version)
    name = recommendation_id(profile.user_id, stored.version)
    yield from _unequal("id", message.recommendation_id, name)
    yield from _unequal("causes", message.caused_by, stored.caused_by)
    yield from _unequal("segment", message.segment, stored.segment)
    shares = [(one.id, one.label, one.share) for one in message.interests]
    yield from _unequal("shares", shares, [(i.id, i.label, i.share) for i in stored.interests])


def _undue(profile: Profile, wants: Expected, known: Known) -> Iterable[str]:
    stored = profile.current
    if stored is None:
        yield from _unequal("causes of the list that is not there", wants.causes, [])
        return
    if not set(stored.caused_by) <= set(wants.causes) or not stored.caused_by:
        yield f"caused by {stored.caused_by}, not of {wants.causes[-3:]}"
    if len(wants.marks) == 1:  # else the last one depends on the order between partitions
        yield from _unequal("last cause", stored.caused_by[-1:], tuple(wants.causes[-1:]))
        touched = {item for item, _, _ in wants.touched[: wants.touched_when_listed]}
        if again := touched & {offer.item_id for offer in stored.offers}:
            yield f"offers {again}, which the user has seen"
    yield from _unequal(
        "unknown items", {o.item_id for o in stored.offers} - set(known.vectors), set()
    )


# --- segments


def check_changes(found: Found) -> None:
    """Each user's changes form one unbroken chain that ends where the profile is."""
    chains: dict[str, dict[str, SegmentChange]] = {}
    wrong = []
    for change in found.changes:
        chain = chains.setdefault(change.user_id, {})
        if chain.setdefault(change.change_id, change) != change:
            wrong.append(f"{change.user_id}: {change.change_id} came again with another content")
    for user, profile in found.profiles.items():
        chain = chains.get(user, {})
        steps = list(chain.values())
        waiting = {change.change_id for change in profile.outbox} - chain.keys()
        if waiting:
            wrong.append(f"{user}: {waiting} were not sent")
        if profile.forgotten_at is not None:  # a new life begins a new chain
            continue
        here = profile.membership.segment if profile.membership else None
        ends = [None, *(step.to for step in steps)]
        if [step.from_ for step in steps] != ends[:-1] or ends[-1] != here:
            wrong.append(f"{user}: {[(s.from_, s.to) for s in steps]} lead to {here}")
    _none(wrong)
    assert chains.keys() <= found.profiles.keys()


# --- dead letters


def check_letters(found: Found, fate: Fate) -> None:
    """After compaction: one letter a refused record, its bytes and its reason; no other."""
    kept = {letter.key: letter for letter in found.letters}
    refused = {
        record.place.encode(): (fate(record.value).encode(), record.value or b"")
        for record in found.events
        if fate(record.value) not in (APPLIES, *COUNTED)
    }
    assert kept.keys() == refused.keys()
    told = {place: (one.headers["dl_reason"], one.value) for place, one in kept.items()}
    _none([f"{place!r}: {told[place]!r}" for place in refused if told[place] != refused[place]])


def _unequal(name: str, has: object, wants: object) -> Iterable[str]:
    if has != wants:
        yield f"{name}: {has!r}, not {wants!r}"


def _none(wrong: list[str]) -> None:
    assert not wrong, f"{len(wrong)} findings:\n" + "\n".join(one[:600] for one in wrong[:SHOWN])
