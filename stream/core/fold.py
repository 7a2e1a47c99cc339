"""Folding events into a profile: pure, in the order given, each record at most once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import count, islice
from math import exp2

from stream.core.decay import Vector, absorb
from stream.core.forgetting import tombstone
from stream.core.hashes import hash32, hash64
from stream.core.influence import influence
from stream.core.interests import Settled, settle
from stream.core.profile import Profile, Recent, different
from stream.core.strength import rating_share, strength
from stream.core.tuning import (
    CATEGORIES_MAX,
    EVENT_IDS_MAX,
    RECENT_MAX,
    SEEN_MAX,
    SOURCES_MAX,
    EventKind,
    Tuning,
)


@dataclass(frozen=True, slots=True)
class Observation:
    """One event, with what was looked up and encoded for it.

    source, offset  where the record stood; offsets of one source only grow
    vector          (d,) unit content of the item, or None where it is not known
    text_vector     (d,) unit content of the event's own text, or None
    sentiment       how that text is meant, in [-1, 1], or None where nobody can say
    label           how an interest that starts here is called
    """

    event_id: str
    kind: EventKind
    at: float
    source: str
    offset: int
    item_id: str | None = None
    dwell_s: float | None = None
    rating: float | None = None
    rating_max: float | None = None
    vector: Vector | None = None
    text_vector: Vector | None = None
    sentiment: float | None = None
    categories: tuple[str, ...] = ()
    label: str = ""


class Outcome(StrEnum):
    """What became of one observation."""

    APPLIED = "applied"
    REDELIVERED = "redelivered"  # its offset is not beyond the mark
    REPEATED = "repeated"  # its event id is in the ring: the producer sent it twice
    FORGOTTEN = "forgotten"  # from before the user was forgotten


@dataclass(frozen=True, slots=True)
class Increment:
    """What an event says about an item, for everybody: so much more of it, at a time.

    segment  that the user was in; None: none yet
    """

    item_id: str
    weight: float
    at: float
    segment: str | None = None


@dataclass(frozen=True, slots=True)
class Pairing:
    """What an event says about its item and its user's last ones, in both directions.

    others, weights  (m,) item ids and how much more they belong together, at a time
    """

    item_id: str
    others: tuple[str, ...]
    weights: tuple[float, ...]
    at: float


@dataclass(frozen=True, slots=True)
class Folded:
    """A profile after some observations, and what follows from them.

    outcomes   one an observation, in order
    publishes  whether something that was applied asks for a fresh list
    causes     ids of the applied events that do
    unheard    applied events beyond the user's budget: they count for nobody else
    """

    profile: Profile
    outcomes: tuple[Outcome, ...]
    causes: tuple[str, ...]
    increments: tuple[Increment, ...]
    pairings: tuple[Pairing, ...]
    unheard: int
    forgot: bool

    @property
    def publishes(self) -> bool:
        return bool(self.causes)

    @property
    def changed(self) -> bool:
        """Whether there is anything to save: at least a mark moved."""
        return any(outcome is not Outcome.REDELIVERED for outcome in self.outcomes)

    @property
    def redelivered(self) -> bool:
        """Whether a record came again, so that what was saved may not have been published."""
        return Outcome.REDELIVERED in self.outcomes


def fold(profile: Profile, observations: Sequence[Observation], tuning: Tuning) -> Folded:
    """The profile after the observations.

    An observation is already applied if its offset is not beyond the profile's mark for its source,
    or its event id is in the ring: then nothing changes but, for the second, the mark.
    """
    outcomes: list[Outcome] = []
    causes: list[str] = []
    increments: list[Increment] = []
    pairings: list[Pairing] = []
    unheard = 0
    forgot = False
    for seen in observations:
        outcome = _outcome(profile, seen)
        outcomes.append(outcome)
        if outcome is Outcome.REDELIVERED:
            continue
        profile = replace(profile, marks=_moved(profile.marks, seen.source, seen.offset))
        if outcome is not Outcome.APPLIED:
            continue
        if seen.kind.forgets:
            profile, forgot = tombstone(profile, seen.event_id, seen.at), True
            causes.clear()  # a tombstone gets no list, whatever came before it
            continue
        before = profile
        profile, worth = _apply(profile, seen, tuning)
        if seen.kind.publishes:
            causes.append(seen.event_id)
        if seen.item_id is None or not seen.kind.updates or seen.kind.strength <= 0:
            continue
        spent, weight = influence(before, seen.kind, seen.item_id, seen.at, worth, tuning)
        profile = replace(profile, budget=spent.budget)
        if not weight:
            unheard += 1
            continue
        segment = before.membership.segment if before.membership else None
        increments.append(Increment(seen.item_id, weight, seen.at, segment))
        pairings.append(_pairing(before, seen.item_id, weight, seen.at, tuning))
    return Folded(
        profile,
        tuple(outcomes),
        tuple(causes),
        tuple(increments),
        tuple(pairings),
        unheard,
        forgot,
    )


def _pairing(before: Profile, item_id: str, weight: float, at: float, tuning: Tuning) -> Pairing:
    """The item with the user's last different ones, the nearer the heavier."""
    others = (other for other in different(before.recent) if other != item_id)
    last = tuple(islice(others, tuning.neighbour_window))
    weights = (weight * exp2(-place / tuning.neighbour_place_half_life) for place in count())
    return Pairing(item_id, last, tuple(islice(weights, len(last))), at)


def _outcome(profile: Profile, seen: Observation) -> Outcome:
    if seen.offset <= profile.mark(seen.source):
        return Outcome.REDELIVERED
    if hash64(seen.event_id) in profile.event_ids:
        return Outcome.REPEATED
    if profile.forgotten_at is not None and seen.at <= profile.forgotten_at:
        return Outcome.FORGOTTEN
    return Outcome.APPLIED


def _moved(
    marks: tuple[tuple[str, int], ...], source: str, offset: int
) -> tuple[tuple[str, int], ...]:
    others = tuple(mark for mark in marks if mark[0] != source)
    return (*others[-(SOURCES_MAX - 1) :], (source, offset))


def _apply(profile: Profile, seen: Observation, tuning: Tuning) -> tuple[Profile, float]:
    """The profile after an observation, and the observation's strength."""
    profile = replace(
        profile,
        as_of=max(profile.as_of, seen.at),
        event_ids=(*profile.event_ids, hash64(seen.event_id))[-EVENT_IDS_MAX:],
    )
    worth, joined = 0.0, ""
    if seen.kind.updates:
        profile, worth = _weighed(profile, seen, tuning)
        profile, joined = _absorbed(profile, seen, worth, tuning)
    if seen.item_id is None:
        return profile, worth
    return _remembered(profile, seen, worth, joined), worth


def _weighed(profile: Profile, seen: Observation, tuning: Tuning) -> tuple[Profile, float]:
    """The observation's strength, against the ratings before it; then its own rating counts."""
    share = None if seen.rating is None else rating_share(seen.rating, seen.rating_max)
    worth = strength(
        seen.kind,
        dwell_s=seen.dwell_s,
        rated_share=share,
        sentiment=seen.sentiment,
        ratings=profile.ratings,
        tuning=tuning,
    )
    if share is None:
        return profile, worth
    return replace(profile, ratings=profile.ratings.add(share)), worth


def _absorbed(
    profile: Profile, seen: Observation, worth: float, tuning: Tuning
) -> tuple[Profile, str]:
    """Masses after the observation, and the id of the interest that its item joined, or "".

    What is disliked goes to the aversion alone, so that sums of liked and disliked never cancel.
    """
    joined = ""
    if worth < 0:
        if seen.vector is None:
            return profile, joined
        half_life_s = tuning.aversion_half_life_s
        mass = absorb(profile.aversion, seen.vector, -worth, seen.at, half_life_s=half_life_s)
        return replace(profile, aversion=mass), joined
    if worth == 0:
        return profile, joined
    profile = _tallied(profile, seen.categories, worth, seen.at, tuning.category_half_life_s)
    if seen.vector is not None:
        profile, settled = _liked(profile, seen, seen.vector, worth, tuning)
        joined = settled.taken
    if seen.text_vector is not None and tuning.review_text_weight > 0:
        text_weight = tuning.review_text_weight
        profile, settled = _liked(profile, seen, seen.text_vector, text_weight, tuning)
        joined = settled.heir if joined and joined == settled.gone else joined
    return profile, joined


def _tallied(
    profile: Profile, names: tuple[str, ...], worth: float, at: float, half_life_s: float
) -> Profile:
    """The profile with so much more of some categories."""
    if not names:
        return profile
    tally = profile.categories.add(names, worth, at, half_life_s=half_life_s, most=CATEGORIES_MAX)
    lately = profile.lately.add(names, worth, at, half_life_s=half_life_s, to=tally)
    return replace(profile, categories=tally, lately=lately)


def _liked(
    profile: Profile, seen: Observation, vector: Vector, worth: float, tuning: Tuning
) -> tuple[Profile, Settled]:
    """The profile with so much more of some content, and what became of its interests."""
    half_life_s = tuning.session_half_life_s
    settled = settle(
        profile.interests,
        vector,
        worth,
        seen.at,
        item_id=seen.item_id or "",
        label=seen.label,
        tuning=tuning,
    )
    liked = replace(
        profile,
        session=absorb(profile.session, vector, worth, seen.at, half_life_s=half_life_s),
        interests=settled.interests,
        recent=_inherited(profile.recent, settled),
    )
    return liked, settled


def _inherited(recent: tuple[Recent, ...], settled: Settled) -> tuple[Recent, ...]:
    """The ring, in which what had joined an interest that is gone names the one it merged into."""
    if not settled.gone:
        return recent
    return tuple(
        replace(one, interest=settled.heir) if one.interest == settled.gone else one
        for one in recent
    )


def _remembered(profile: Profile, seen: Observation, worth: float, joined: str) -> Profile:
    """Rings of items: `recent` by event time, `seen` by arrival."""
    assert seen.item_id is not None
    entry = Recent(seen.item_id, seen.at, worth, joined)
    recent = sorted((*profile.recent, entry), key=lambda row: row.at)  # stable: arrival breaks ties
    item = hash32(seen.item_id)
    known = tuple(other for other in profile.seen if other != item)
    return replace(
        profile,
        recent=tuple(recent[-RECENT_MAX:]),
        seen=(*known, item)[-SEEN_MAX:],
    )
