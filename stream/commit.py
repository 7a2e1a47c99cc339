"""The commit: from a sub-chunk of events to saved profiles and published lists, effects once.

    1. decode       what cannot be understood goes to the dead letters, confirmed
    2. encode       the texts that the events bring, and how reviews are meant
    3. load         the profiles, and the items that the replica does not know yet
    4. fold         pure: what was applied before changes nothing
    5. rank         pure: the new list becomes part of the profile
    6. save         only where nobody else wrote since; else 3 to 6 again for those users
    7. publish      stored lists, outboxes, signals; confirmed by the broker
    8. acknowledge  the whole delivery

Input positions are saved with the state they produced, so a crash anywhere means that the records
come again, the fold changes nothing, and what was saved goes out again under the same ids. Nothing
that was saved stays unpublished, nothing is applied twice.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from stream.bugs import BugBudget, pure
from stream.cache import CachedProfile, ProfileCaches
from stream.core.catalogue import Catalogue, Entry
from stream.core.fold import Folded, Outcome, fold
from stream.core.forgetting import begun
from stream.core.hashes import hash32
from stream.core.interests import fitted
from stream.core.parts import PARTS, Part
from stream.core.profile import Profile, StoredList
from stream.core.rank import rank
from stream.core.segments import SegmentModel, assign
from stream.core.tuning import OFFERED_MAX, Tuning
from stream.encoder.contract import TextEncoder
from stream.errors import Reject, Unavailable
from stream.handling import Handling
from stream.kafka.deliveries import Delivery, Record, TopicPartition
from stream.kafka.patience import Patience
from stream.kafka.publisher import Outgoing, Publisher
from stream.observe import Contents, Understood, event_kinds, observation, read, texts_of
from stream.render import Renderer
from stream.results import Results
from stream.sentiment.contract import Sentiment
from stream.settings import Settings
from stream.store.candidates import Candidates
from stream.store.codec import pack, unpack
from stream.store.contract import SavesUsers
from stream.store.rows import UserRow, fresh_etag, next_version
from stream.wire.decode import Limits, Skipped, decode_event, key_mismatch
from stream.wire.reasons import Note

#: Rounds of load, fold, rank and save at once before backing off: another writer is at it too.
CONFLICT_ROUNDS = 8

Understoods = Mapping[str, Sequence[Understood]]  # by user, in order


@dataclass(frozen=True, slots=True)
class Loaded:
    """A profile as read. `etag` None: there is none yet; `sent`: outbox entries known to be out."""

    profile: Profile
    etag: int | None
    sent: frozenset[str] = frozenset()
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """A user after steps 3 to 6: what was folded, and the profile as the store has it."""

    folded: Folded
    profile: Profile


@dataclass(frozen=True, slots=True)
class Parts:
    """What the commit works with; `catalogue` and `segments` give the present snapshot."""

    encoder: TextEncoder
    sentiment: Sentiment
    users: SavesUsers
    publisher: Publisher
    patience: Patience
    renderer: Renderer
    bugs: BugBudget
    catalogue: Callable[[], Catalogue]
    candidates: Candidates
    segments: Callable[[], SegmentModel | None]
    scored_by: Callable[[], Sequence[Part]] = lambda: PARTS
    clock: Callable[[], float] = time.time


class Commit:
    """Steps 1 to 8 for the events topic; one for the process, shared by all partitions."""

    def __init__(
        self, settings: Settings, tuning: Tuning, parts: Parts, on_done: Callable[[Results], None]
    ) -> None:
        self._settings = settings
        self._tuning = tuning
        self._parts = parts
        self._handling = Handling(
            settings,
            patience=parts.patience,
            publisher=parts.publisher,
            bugs=parts.bugs,
            on_done=on_done,
            keyed_by_user=True,
        )
        self._limits = Limits.of(settings)
        self._kinds = event_kinds(settings)
        self._caches = ProfileCaches(settings.profile_cache_users)

    async def apply(self, delivery: Delivery, records: Sequence[Record]) -> None:
        """Steps 1 to 7 for some consecutive records of a delivery.

        Where a pure step fails the records run one by one; the one that fails alone goes to the
        dead letters with its trace.
        """

        async def steps(part: Sequence[Record], results: Results) -> None:
            understood = await self._decode(delivery, part, results)  # 1
            contents = await self._encode(delivery, understood, results)  # 2
            written = await self._settle(delivery, understood, contents, results)  # 3, 4, 5, 6
            await self._publish(delivery, part, written, results)  # 7

        await self._handling.run(delivery, records, steps)

    async def finish(self, delivery: Delivery) -> None:
        """Step 8: the whole delivery is done; only now do counters move."""
        await self._handling.finish(delivery)  # 8

    def revoked(self, partitions: frozenset[TopicPartition]) -> None:
        """Profiles of these partitions may be written by another worker from now on."""
        self._caches.drop(partitions)

    # --- 1. decode

    async def _decode(
        self, delivery: Delivery, records: Sequence[Record], results: Results
    ) -> dict[str, list[Understood]]:
        """Events by user, in order; rejected records are in the dead letters when this returns."""
        letters: list[Outgoing] = []
        by_user: dict[str, list[Understood]] = {}
        with results.stage("decode"), pure():
            for record in records:
                try:
                    event = self._event(record, results)
                except Reject as reject:
                    results.dead_letters[reject.reason] += 1
                    letters.append(self._handling.letter(delivery, record, reject))
                    continue
                if event is not None:
                    by_user.setdefault(event.event.user_id, []).append(event)
        await self._handling.bury(delivery, letters)
        return by_user

    def _event(self, record: Record, results: Results) -> Understood | None:
        results.events += 1
        event = decode_event(
            record.value,
            record.key,
            limits=self._limits,
            event_types=self._settings.event_types,
            now=self._parts.clock(),
        )
        if isinstance(event, Skipped):
            results.skipped[event.reason] += 1
            return None
        results.notes[Note.KEY_MISMATCH] += key_mismatch(event, record.key)
        return Understood(event, record)

    # --- 2. encode

    async def _encode(
        self, delivery: Delivery, understood: Understoods, results: Results
    ) -> Contents:
        """Vectors of what users wrote and of titles that stand in for items nobody knows yet, and
        how reviews are meant."""
        parts = self._parts
        events = [each.event for user in understood.values() for each in user]
        texts = texts_of(events, self._kinds, parts.catalogue())
        if not texts:
            return Contents()

        async def encode() -> Contents:
            with pure():
                return await read(texts, parts.encoder, parts.sentiment)

        with results.stage("encode"):
            return await parts.patience(delivery, "encoder", encode)

    # --- 3 to 6, until every user is saved

    async def _settle(
        self,
        delivery: Delivery,
        understood: Understoods,
        contents: Contents,
        results: Results,
    ) -> dict[str, Written]:
        """Load, fold, rank and save; again for the users that somebody else wrote meanwhile."""
        items = await self._items(delivery, understood, results)
        done: dict[str, Written] = {}

        async def rounds() -> None:
            for attempt in range(CONFLICT_ROUNDS):
                todo = {user: understood[user] for user in understood if user not in done}
                if not todo:
                    return
                if attempt:
                    results.conflicts += len(todo)
                    await asyncio.sleep(random.uniform(0, 0.002 * 2**attempt))  # noqa: S311  # jitter
                loaded = await self._load(delivery, todo, results, fresh=attempt > 0)  # 3
                folded = self._fold(delivery, todo, loaded, contents, items)  # 4
                # A cache may remember a store that was lost since: ask before believing it.
                if _seems_applied(folded) and any(one.cached for one in loaded.values()):
                    loaded = await self._load(delivery, todo, results, fresh=True)
                    folded = self._fold(delivery, todo, loaded, contents, items)
                profiles = await self._rank(todo, folded, results)  # 5
                done.update(await self._save(delivery, loaded, folded, profiles, results))  # 6
            left = len(understood) - len(done)
            if left:
                raise Unavailable(
                    "qdrant",
                    f"{left} users were written by others in each of {CONFLICT_ROUNDS} rounds: "
                    "does a second deployment use these collections?",
                )

        await self._parts.patience(delivery, "qdrant", rounds)
        return done

    # --- 3. load

    async def _items(
        self, delivery: Delivery, understood: Understoods, results: Results
    ) -> dict[str, Entry]:
        """The items of the events, with vectors; also those not in the replica yet."""
        events = [each.event for user in understood.values() for each in user]
        wanted = {event.item_id for event in events if event.item_id}
        found = await self._parts.patience(
            delivery, "qdrant", lambda: self._parts.candidates.items(wanted)
        )
        results.notes[Note.UNKNOWN_ITEM] += sum(
            event.item_id is not None and event.item_id not in found for event in events
        )
        return found

    async def _load(
        self, delivery: Delivery, users: Understoods, results: Results, *, fresh: bool
    ) -> dict[str, Loaded]:
        """Profiles from this partition's cache, else in one batched read from the store.

        fresh  read the store for all: the cache is what is in doubt
        """
        cache = self._caches.of(delivery.tp)
        hits = {} if fresh else {u: hit for u in users if (hit := cache.get(u)) is not None}
        loaded = {
            u: Loaded(hit.profile, hit.etag, hit.sent, cached=True) for u, hit in hits.items()
        }
        missing = [user for user in users if user not in loaded]
        if missing:
            delivery.check_owned()
            with results.stage("load"):
                rows = await self._parts.users.load(missing)
                with pure():
                    loaded.update((user, _loaded(user, rows.get(user))) for user in missing)
        return loaded

    # --- 4. fold

    def _fold(
        self,
        delivery: Delivery,
        todo: Understoods,
        loaded: Mapping[str, Loaded],
        contents: Contents,
        items: Mapping[str, Entry],
    ) -> dict[str, Folded]:
        folded: dict[str, Folded] = {}
        with pure():
            tuning = fitted(self._tuning, self._parts.catalogue().pair_cosines)
            for user, events in todo.items():
                before = loaded[user].profile
                unsent = tuple(c for c in before.outbox if c.change_id not in loaded[user].sent)
                observations = [
                    observation(
                        each,
                        delivery.source,
                        self._kinds[each.event.type],
                        items.get(each.event.item_id or ""),
                        contents,
                    )
                    for each in events
                ]
                folded[user] = fold(replace(before, outbox=unsent), observations, tuning)
        return folded

    # --- 5. rank

    async def _rank(
        self, todo: Understoods, folded: Mapping[str, Folded], results: Results
    ) -> dict[str, Profile]:
        """The profiles to save: a new version, their segment, and a new list where one is due."""
        with results.stage("rank"):
            with pure():
                profiles = {
                    user: self._next(one, _last_applied(todo[user], one))
                    for user, one in folded.items()
                    if one.changed
                }
            due = [profiles[user] for user in profiles if folded[user].publishes]
            async for some, choice in self._parts.candidates.around(due):
                with pure():
                    lists = rank(
                        some,
                        [folded[profile.user_id].causes for profile in some],
                        choice.catalogue,
                        self._tuning,
                        only=choice.only,
                        parts=self._parts.scored_by(),
                    )
                    for old, fresh in zip(some, lists, strict=True):
                        profiles[old.user_id] = _with_list(old, fresh)
        return profiles

    def _next(self, folded: Folded, cause: str | None) -> Profile:
        now = self._parts.clock()
        profile = replace(folded.profile, version=next_version(folded.profile.version, now))
        if folded.forgot:
            profile = begun(profile, now, confirm_s=self._settings.forget_confirm_s)
        return assign(
            profile,
            self._parts.segments(),
            margin=self._settings.segment_margin,
            min_stay_s=self._settings.segment_min_stay_s,
            cause=cause,
            tuning=self._tuning,
            min_weight=self._settings.segment_min_weight,
        )

    # --- 6. save

    async def _save(
        self,
        delivery: Delivery,
        loaded: Mapping[str, Loaded],
        folded: Mapping[str, Folded],
        profiles: Mapping[str, Profile],
        results: Results,
    ) -> dict[str, Written]:
        """The users that are done: saved just now, or with nothing to save.

        A write counts only once its own etag was read back: the store answers "completed" even
        where its condition was false.
        """
        cache = self._caches.of(delivery.tp)
        done = {u: Written(one, one.profile) for u, one in folded.items() if u not in profiles}
        if not profiles:
            return done
        with results.stage("save"):
            with pure():
                now = self._parts.clock()
                rows = {
                    u: pack(p, fresh_etag(), self._tuning, now=now) for u, p in profiles.items()
                }
                # what a reader would see: cached and loaded are the same, and readable
                stored = {user: unpack(replace(row, user_id=user)) for user, row in rows.items()}
            delivery.check_owned()
            read = {user: loaded[user].etag for user in rows}
            won = await self._parts.users.save(list(rows.values()), read)
        cache.forget(rows.keys() - won)
        for user in won:
            cache.put(user, CachedProfile(stored[user], rows[user].etag, frozenset()))
            done[user] = Written(folded[user], stored[user])
        return done

    # --- 7. publish

    async def _publish(
        self,
        delivery: Delivery,
        records: Sequence[Record],
        written: Mapping[str, Written],
        results: Results,
    ) -> None:
        """Lists and outboxes as stored, and the signals of what was folded just now.

        A profile whose mark lies beyond these records was published by whoever moved it there:
        a full replay must not send every list again.
        """
        last = records[-1].offset
        with results.stage("publish"):
            with pure():
                here = {u: w for u, w in written.items() if w.profile.mark(delivery.source) <= last}
                outgoing = [message for one in here.values() for message in self._messages(one)]
                folded = [one.folded for one in written.values()]
                outgoing += self._parts.renderer.signals(folded, delivery.source, last)
            await self._handling.send(delivery, outgoing)
        cache = self._caches.of(delivery.tp)
        for user, one in here.items():
            cache.mark_sent(user, {change.change_id for change in one.profile.outbox})
        self._caches.forget((u for u, w in written.items() if w.folded.forgot), but=delivery.tp)
        now = self._parts.clock()
        arrived = {record.offset: record.timestamp / 1000 for record in records}
        for user, one in written.items():
            changes = len(one.profile.outbox) if user in here else 0
            waited_s = now - arrived.get(one.profile.mark(delivery.source), now)
            results.user(one.folded, changes=changes, waited_s=waited_s)

    def _messages(self, one: Written) -> list[Outgoing]:
        renderer, profile = self._parts.renderer, one.profile
        messages: list[Outgoing] = []
        unconfirmed = profile.forgetting is not None and profile.current is None
        if one.folded.forgot or (one.folded.redelivered and unconfirmed):
            messages += renderer.forgotten(profile)  # what follows is of a new life
        messages += [renderer.segment_change(profile, change) for change in profile.outbox]
        if profile.current is not None and (one.folded.publishes or one.folded.redelivered):
            messages.append(renderer.recommendation(profile, self._parts.catalogue()))
        return messages


def _with_list(profile: Profile, fresh: StoredList) -> Profile:
    """The profile with a new current list; what the one before offered is remembered."""
    past = () if profile.current is None else profile.current.offers
    offered = (*profile.offered, *(hash32(offer.item_id) for offer in past))
    return replace(profile, current=fresh, offered=offered[-OFFERED_MAX:])


def _loaded(user_id: str, row: UserRow | None) -> Loaded:
    return Loaded(Profile(user_id), None) if row is None else Loaded(unpack(row), row.etag)


def _last_applied(events: Sequence[Understood], folded: Folded) -> str | None:
    """Id of the event that led here; also one that asks for no list may move the user."""
    fates = zip(events, folded.outcomes, strict=True)
    applied = [each.event.event_id for each, fate in fates if fate is Outcome.APPLIED]
    return applied[-1] if applied else None


def _seems_applied(folded: Mapping[str, Folded]) -> bool:
    return not any(one.changed for one in folded.values())
