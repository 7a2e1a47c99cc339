"""Recorded chunks and flushes once more: the lists that the worker published, without its parts.

Where a run of `evaluate` learns event by event, this keeps to what the worker did: events by chunk,
profiles through the store's form, signals through the topic's, lists as they were offered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from stream.core.fold import Folded
from stream.core.hashes import hash32
from stream.core.profile import Profile, StoredList
from stream.core.rank import rank
from stream.core.tuning import OFFERED_MAX
from stream.evaluate.engine import SOURCE, Engine
from stream.render import Renderer
from stream.settings import Settings
from stream.store.codec import pack, unpack
from stream.wire.decode import Limits, decode_signals
from stream.wire.inputs import Event


@dataclass(frozen=True, slots=True)
class Chunk:
    """Events that were folded together. `versions`: of the profiles saved then, by user; they seed
    what a list leaves to chance."""

    events: Sequence[Event]
    versions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Flush:
    """What was said about items until now was written, and the replica has read it."""


def replay(
    engine: Engine, settings: Settings, steps: Iterable[Chunk | Flush]
) -> list[dict[str, StoredList]]:
    """The lists that each chunk led to, by user. The engine's tuning is that of the settings."""
    renderer = Renderer(settings, encoder="", signal_partitions=1)
    limits = Limits.of(settings)
    found = []
    for number, step in enumerate(steps):
        if isinstance(step, Flush):
            engine.flush()
            continue
        folded = _folded(engine, step.events)
        found.append(_lists(engine, folded, step.versions))
        for record in renderer.signals(folded.values(), SOURCE, number):
            for item in decode_signals(record.value, limits=limits).items:
                engine.hear(item)
    return found


def _folded(engine: Engine, events: Iterable[Event]) -> dict[str, Folded]:
    by_user: dict[str, list[Event]] = {}
    for event in events:
        by_user.setdefault(event.user_id, []).append(event)
    return {user: engine.fold(user, own) for user, own in by_user.items()}


def _lists(
    engine: Engine, folded: Mapping[str, Folded], versions: Mapping[str, int]
) -> dict[str, StoredList]:
    for user in folded:
        before = engine.profiles[user]
        version = versions.get(user, before.version + 1)
        engine.profiles[user] = replace(before, version=version)
    due = [user for user, one in folded.items() if one.publishes]
    profiles = [engine.profiles[user] for user in due]
    causes = [folded[user].causes for user in due]
    lists = dict(zip(due, rank(profiles, causes, engine.catalogue, engine.tuning), strict=True))
    for user, fresh in lists.items():
        engine.profiles[user] = _offered(engine.profiles[user], fresh)
    for user in folded:
        engine.profiles[user] = unpack(pack(engine.profiles[user], 1, engine.tuning, now=0.0))
    return lists


def _offered(profile: Profile, fresh: StoredList) -> Profile:
    past = () if profile.current is None else profile.current.offers
    offered = (*profile.offered, *(hash32(offer.item_id) for offer in past))
    return replace(profile, current=fresh, offered=offered[-OFFERED_MAX:])
