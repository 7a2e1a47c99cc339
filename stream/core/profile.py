"""A user's profile: everything known about a user, as one immutable value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from stream.core.decay import Mass, Tally, Vector, confidence, direction, factor, weight_at
from stream.core.lately import Lately
from stream.core.strength import RatingMean
from stream.core.tuning import Tuning


@dataclass(frozen=True, slots=True)
class Interest:
    """One coherent taste.

    id      stable over the interest's life, 8 hex digits
    mass    its decayed sum
    medoid  id of the item nearest to its direction among those that joined
    nearness  the medoid's cosine to the direction when it became the medoid
    label   the medoid's first category, else its title
    """

    id: str
    mass: Mass
    medoid: str
    nearness: float
    label: str


@dataclass(frozen=True, slots=True)
class Recent:
    """An item the user did something with. `interest` is "" where the event joined none."""

    item_id: str
    at: float
    strength: float
    interest: str


@dataclass(frozen=True, slots=True)
class Offer:
    """One place of a list. `share` is what each part gave to the score (sums to 1), or empty."""

    item_id: str
    score: float
    source: str
    propensity: float
    because: tuple[str, ...]
    share: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InterestShare:
    """An interest as a list shows it; shares of one list sum to 1."""

    id: str
    label: str
    share: float


@dataclass(frozen=True, slots=True)
class StoredList:
    """The current list with all that its message says but titles: it can be sent again as it was.

    version    of the profile when it was made
    as_of      newest event time of the profile then, seconds
    caused_by  ids of the events that led to it, oldest first
    """

    version: int
    as_of: float
    caused_by: tuple[str, ...]
    offers: tuple[Offer, ...]
    interests: tuple[InterestShare, ...]
    entropy: float
    confidence: float
    segment: str | None
    categories: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Membership:
    """The user's segment, the model that said so, and the event time of the change."""

    segment: str
    model_version: int
    since: float


@dataclass(frozen=True, slots=True)
class Change:
    """A segment change that waits in the outbox until its send was confirmed.

    What it says of the user is as of `at`: interests with their labels, the largest shares of the
    categories, entropy, confidence, and how far the shares are from those of a week before. None
    and empty where it was made before anybody said so; `drift` also within the first week.
    """

    change_id: str
    at: float
    before: str | None
    after: str
    label: str
    cause: str
    event_id: str | None
    margin: float
    model_version: int
    interests: tuple[InterestShare, ...] = ()
    categories: Mapping[str, float] = field(default_factory=dict)
    entropy: float | None = None
    confidence: float | None = None
    drift: float | None = None


@dataclass(frozen=True, slots=True)
class Forgetting:
    """A removal that is done here and not yet confirmed: what was on its way to a topic when it
    happened may have arrived there since.

    asked_by    ids of the events that asked for it, at most FORGETS_MAX, the newest last
    removed     what was known, in numbers by kind
    removed_at  wall clock of the save that removed it, seconds
    confirm_at  wall clock from which the output topics are put right, seconds
    """

    asked_by: tuple[str, ...]
    removed: Mapping[str, int]
    removed_at: float = 0.0
    confirm_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Budget:
    """Events of one hour of event time (hours since the epoch) that counted for everybody."""

    hour: int = 0
    spent: int = 0


@dataclass(frozen=True, slots=True)
class Profile:
    """Rings are oldest first; `marks` is least recently used first.

    version   orders the saves: max(previous + 1, wall clock in ms)
    as_of     newest event time applied; 0.0 before the first
    lately    what of `categories` came in the last days
    seen      32-bit hashes of items, `event_ids` 64-bit hashes of event ids
    marks     per source the offset of the last record applied from it
    forgotten_at  events of before this time are skipped
    forgetting    of the last time that the user was forgotten, until it is confirmed
    """

    user_id: str
    version: int = 0
    as_of: float = 0.0
    session: Mass | None = None
    interests: tuple[Interest, ...] = ()
    aversion: Mass | None = None
    categories: Tally = field(default_factory=Tally)
    lately: Lately = field(default_factory=Lately)
    ratings: RatingMean = field(default_factory=RatingMean)
    recent: tuple[Recent, ...] = ()
    seen: tuple[int, ...] = ()
    event_ids: tuple[int, ...] = ()
    marks: tuple[tuple[str, int], ...] = ()
    offered: tuple[int, ...] = ()
    current: StoredList | None = None
    membership: Membership | None = None
    outbox: tuple[Change, ...] = ()
    budget: Budget = Budget()
    forgotten_at: float | None = None
    forgetting: Forgetting | None = None

    @property
    def nameless(self) -> bool:
        """Whether nothing is left of a forgotten user that needs the name."""
        return self.forgotten_at is not None and self.forgetting is None and self.as_of == 0.0

    def mark(self, source: str) -> int:
        """Offset of the last record applied from `source`; -1 where there is none."""
        return dict(self.marks).get(source, -1)


def interest_weights(profile: Profile, now: float, tuning: Tuning) -> tuple[float, ...]:
    """Decayed weight of each interest as of `now`."""
    half_life_s = tuning.interest_half_life_s
    return tuple(weight_at(i.mass, now, half_life_s=half_life_s) for i in profile.interests)


def interest_shares(profile: Profile, now: float, tuning: Tuning) -> tuple[InterestShare, ...]:
    """The interests with weight left and their shares, largest first.

    Labels are as the user's last list has them; an interest that is newer has its medoid's.
    """
    published = profile.current.interests if profile.current else ()
    labels = {one.id: one.label for one in published if one.label}
    weights = interest_weights(profile, now, tuning)
    total = sum(weights)
    if total <= 0:
        return ()
    rows = [
        InterestShare(i.id, labels.get(i.id, i.label), w / total)
        for i, w in zip(profile.interests, weights, strict=True)
        if w > 0
    ]
    return tuple(sorted(rows, key=lambda row: (-row.share, row.id)))


def different(recent: Sequence[Recent]) -> list[str]:
    """Ids of the different items of a ring, the newest first; of a repeated one its last place
    counts."""
    return list(dict.fromkeys(entry.item_id for entry in reversed(recent)))


def taste(profile: Profile, now: float, tuning: Tuning) -> Vector | None:
    """The user's overall direction: (d,) unit float32, or None where no interest has weight."""
    total: Vector | None = None
    for interest in profile.interests:
        left = np.float32(factor(max(now - interest.mass.at, 0.0), tuning.interest_half_life_s))
        part = left * interest.mass.vector
        total = part if total is None else total + part
    return None if total is None else direction(total)


def trust(profile: Profile, now: float, tuning: Tuning) -> float:
    """Confidence in the interests as a whole, in [0, 1); falls with silence."""
    return confidence(sum(interest_weights(profile, now, tuning)), tuning.confidence_weight)
