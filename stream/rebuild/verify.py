"""Live profiles of a sample of users beside those that their events make, folded up to their marks.

Each live profile is read once, and its user's events are folded as far as its marks say: workers
may go on meanwhile.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

from stream.bugs import PureStepFailed, one_by_one, pure
from stream.core.carry import seeded
from stream.core.fold import Outcome, fold
from stream.core.profile import Profile
from stream.core.tuning import EVENT_IDS_MAX, Tuning
from stream.errors import Unavailable
from stream.rebuild.certificate import Certificate, Hasher, UserDiffers, Why
from stream.rebuild.compare import OF_ITEMS, differences, regrouped
from stream.rebuild.folding import readable
from stream.rebuild.log import Placed
from stream.rebuild.open import Tools
from stream.rebuild.reading import Counts, Seen
from stream.reembed.copying import Tells, patiently
from stream.store.codec import pack, unpack
from stream.store.convert import point_uuid
from stream.store.rows import UserRow

EVENTS = "events"
SHOWN = 200  # users in the certificate's list


@dataclass(slots=True)
class Compared:
    """One user: the profile as it was read, and what is made of the events.

    live     None where it is damaged
    touched  item id -> the earliest arrival of an event on it, seconds
    """

    row: UserRow
    live: Profile | None
    rebuilt: Profile
    events: int = 0
    touched: dict[str, float] = field(default_factory=dict)


async def certificate(tools: Tools, *, sample: int, tells: Tells) -> Certificate:
    """Compare up to `sample` users. Raises Unavailable after a long outage."""
    tuning = tools.settings.tuning()
    users, newer = await _sampled(tools, sample)
    ends = _ends(tools, users)
    counts = Counts()
    starts = dict(tools.log.first)
    tells.begins(EVENTS, sum(max(ends[p] - start, 0) for p, start in starts.items()))
    async for batch in tools.log.read(starts, ends):
        await _fold(tools, users, batch, counts)
        tells.advances(EVENTS, len(batch))
    changed = await _changed(tools, users)
    return _certificate(tools, users, newer, ends, counts, changed, tuning)


async def _sampled(tools: Tools, sample: int) -> tuple[dict[str, Compared], int]:
    """By point id; and how many profiles are of a newer version.

    Point ids are hashes: the first in their order are a uniform sample, the same one each time.
    """
    found: dict[str, Compared] = {}
    newer = 0
    gone = any(tools.log.first.values())
    sources = set(tools.log.sources.values())
    async for page in tools.live.users.pages(min(sample, 500)):
        for row in page[: sample - len(found) - newer]:
            try:
                live = readable(row)
            except Unavailable:
                newer += 1
                continue
            foreign = live is not None and any(s not in sources for s, _ in live.marks)
            start = seeded(row.user_id, live if gone or foreign else None)
            found[point_uuid(row.user_id)] = Compared(row, live, start)
        if len(found) + newer >= sample:
            break
    return found, newer


def _ends(tools: Tools, users: Mapping[str, Compared]) -> dict[int, int]:
    marks = [dict(one.live.marks) for one in users.values() if one.live is not None]
    return {
        partition: max((own[source] + 1 for own in marks if source in own), default=0)
        for partition, source in tools.log.sources.items()
    }


async def _fold(
    tools: Tools, users: Mapping[str, Compared], batch: Sequence[Placed], counts: Counts
) -> None:
    def wanted(user: str, placed: Placed) -> bool:
        one = users.get(point_uuid(user))
        if one is None or one.live is None:
            return False
        return placed.record.offset <= one.live.mark(placed.source)

    async def attempt(some: Sequence[Placed]) -> None:
        own = Counts()
        seen = await patiently(partial(tools.reading.observations, some, own, wanted))
        with pure():
            folded = [
                (users[point_uuid(user)], *_folded(users[point_uuid(user)], row, tools))
                for user, row in seen.items()
            ]
        for one, after, applied, row in folded:
            one.rebuilt, one.events = after, one.events + applied
            for event in row:
                item = event.observation.item_id
                if item is not None:
                    known = one.touched.get(item, event.arrived_at)
                    one.touched[item] = min(known, event.arrived_at)
        counts.add(own)

    async def skip(_: Placed, failure: PureStepFailed) -> None:
        counts.add(Counts(read=1, bugs=1, trace=failure.trace))

    await one_by_one(batch, attempt, skip)


def _folded(
    one: Compared, row: Sequence[Seen], tools: Tools
) -> tuple[Profile, int, Sequence[Seen]]:
    after = fold(one.rebuilt, [seen.observation for seen in row], tools.reading.tuning)
    applied = sum(outcome is Outcome.APPLIED for outcome in after.outcomes)
    return after.profile, applied, row


async def _changed(tools: Tools, users: Mapping[str, Compared]) -> dict[str, float]:
    """Item id -> when it was last written, seconds, of the items of these users."""
    wanted = sorted({item for one in users.values() for item in one.touched})
    found: dict[str, float] = {}
    for start in range(0, len(wanted), 500):
        some = wanted[start : start + 500]
        rows = await patiently(partial(tools.live.items.load, some, with_vectors=False))
        found.update((item_id, row.revision / 1000) for item_id, row in rows.items())
    return found


def _certificate(
    tools: Tools,
    users: Mapping[str, Compared],
    newer: int,
    ends: Mapping[int, int],
    counts: Counts,
    changed: Mapping[str, float],
    tuning: Tuning,
) -> Certificate:
    sources = set(tools.log.sources.values())
    cut = {tools.log.sources[partition] for partition, first in tools.log.first.items() if first}
    hashes = Hasher(tuning), Hasher(tuning)
    excuses: Counter[str] = Counter({Why.UNREADABLE: newer} if newer else {})
    found: list[UserDiffers] = []
    same = divided = 0
    for point, one in users.items():
        if one.live is None:
            found.append(UserDiffers(one.row.user_id, (("state", "damaged", "readable"),)))
            continue
        rebuilt = _as_read(one, tuning)
        for hasher, profile in zip(hashes, (one.live, rebuilt), strict=True):
            hasher.add(point, profile, sources)
        unlike = differences(one.live, rebuilt, sources, tuning, one.events)
        if not unlike:
            same += 1
            divided += regrouped(one.live, rebuilt)
            continue
        why = excuse(one, rebuilt, {d.field for d in unlike}, sources, cut, changed)
        fields = tuple((d.field, d.live, d.rebuilt) for d in unlike)
        found.append(UserDiffers(one.row.user_id, fields, why or ""))
        if why is not None:
            excuses[why] += 1
    different = [one for one in found if not one.excuse]
    return Certificate(
        at=datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds"),
        namespace=tools.settings.namespace,
        encoder=tools.ours.hash,
        generation=tools.live_users,
        topic=tools.log.topic,
        partitions={str(p): (first, ends[p]) for p, first in tools.log.first.items()},
        users=len(users) + newer,
        records=counts.read,
        bugs=counts.bugs,
        events=sum(one.events for one in users.values()),
        same=same,
        regrouped=divided,
        different=len(different),
        incomparable=dict(excuses),
        live=hashes[0].hashes(),
        rebuilt=hashes[1].hashes(),
        differences=(*different, *(one for one in found if one.excuse))[:SHOWN],
    )


def _as_read(one: Compared, tuning: Tuning) -> Profile:
    """The rebuilt profile as a reader of the store would see it."""
    return unpack(replace(pack(one.rebuilt, 1, tuning, now=0.0), user_id=one.row.user_id))


def excuse(
    one: Compared,
    rebuilt: Profile,
    fields: set[str],
    sources: set[str],
    cut: set[str],
    changed: Mapping[str, float],
) -> Why | None:
    """What may explain that these fields differ; None where nothing does.

    sources  of the topic; `cut`: those of them that have lost their oldest records
    changed  item id -> when it was last written
    """
    live = one.live
    assert live is not None
    own = {source for source, _ in live.marks if source in sources}
    if len(own) > 1 and "marks" not in fields:
        return Why.SEVERAL_PARTITIONS
    if (own & cut or len(own) < len(live.marks)) and _older(live, rebuilt):
        return Why.RECORDS_GONE
    late = any(changed.get(item, 0.0) > at for item, at in one.touched.items())
    if late and fields <= OF_ITEMS:
        return Why.ITEMS_CHANGED
    return None


def _older(live: Profile, rebuilt: Profile) -> bool:
    """Whether the user may have had events before those that are in the topic.

    The live ring of event ids ends like the rebuilt one then, and begins earlier or is full.
    """
    tail = live.event_ids[len(live.event_ids) - len(rebuilt.event_ids) :]
    if tail != rebuilt.event_ids:
        return False
    full = len(rebuilt.event_ids) == EVENT_IDS_MAX
    return full or len(live.event_ids) > len(rebuilt.event_ids)
