"""A profile as a person may read it: titles for ids, ages for times, evidence beside interests.

Weights and confidences are as of `now`, by the wall clock: what a list made now would go by.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from stream.core.decay import Mass, confidence, weight_at
from stream.core.distribution import distribution, drift
from stream.core.profile import Offer, Profile, Recent, interest_shares, trust
from stream.core.tuning import Tuning


class Named(Struct, frozen=True):
    """An item; `title` is "" where the store does not know it."""

    item_id: str
    title: str


class RecentItem(Struct, frozen=True):
    """What the user did. `interest` is the id it joined, "" for none; it may have gone since."""

    item: Named
    at: float
    age_s: float
    strength: float
    interest: str


class InterestPicture(Struct, frozen=True):
    """One interest; `evidence` are the newest items that joined it, newest first."""

    id: str
    label: str
    share: float
    confidence: float
    weight: float
    age_s: float
    medoid: Named
    evidence: list[RecentItem]


class MassPicture(Struct, frozen=True):
    """A decayed sum: its weight now, how far it is believed, and the age of its newest part."""

    weight: float
    confidence: float
    age_s: float


class OfferPicture(Struct, frozen=True):
    """A place of the stored list; `share` is empty beyond the first places."""

    rank: int
    item: Named
    score: float
    source: str
    share: dict[str, float]
    because: list[Named]


class ListPicture(Struct, frozen=True):
    version: int
    as_of: float
    age_s: float
    caused_by: list[str]
    offers: list[OfferPicture]


class SegmentPicture(Struct, frozen=True):
    id: str
    label: str
    since: float
    model_version: int


class Picture(Struct, frozen=True):
    """Everything known about a user. `marks` are offsets by source, newest used last.

    categories  shares by category, largest first; `other` is of those never touched
    drift       in [0, 1] from the shares of a week before the newest event; null: not known
    """

    user_id: str
    version: int
    as_of: float
    age_s: float
    confidence: float
    interests: list[InterestPicture]
    recent: list[RecentItem]
    session: MassPicture | None
    aversion: MassPicture | None
    categories: dict[str, float]
    other: float
    entropy: float
    drift: float | None
    segment: SegmentPicture | None
    unsent_changes: int
    seen: int
    marks: dict[str, int]
    forgotten_at: float | None
    current: ListPicture | None


def items_of(profile: Profile) -> set[str]:
    """Ids of every item that the picture names."""
    offers = profile.current.offers if profile.current else ()
    return (
        {recent.item_id for recent in profile.recent}
        | {interest.medoid for interest in profile.interests}
        | {offer.item_id for offer in offers}
        | {item_id for offer in offers for item_id in offer.because}
    ) - {""}


def picture(
    profile: Profile,
    titles: Mapping[str, str],
    segment_label: str,
    now: float,
    tuning: Tuning,
) -> Picture:
    """titles: by item id, as far as known; segment_label: "" where it is not known."""
    named = _Names(titles)
    recent = [_recent(one, named, now) for one in reversed(profile.recent)]
    member = profile.membership
    divided = distribution(profile, now, tuning)
    return Picture(
        user_id=profile.user_id,
        version=profile.version,
        as_of=profile.as_of,
        age_s=now - profile.as_of,
        confidence=trust(profile, now, tuning),
        interests=_interests(profile, recent, named, now, tuning),
        recent=recent,
        session=_mass(profile.session, now, tuning.session_half_life_s, tuning),
        aversion=_mass(profile.aversion, now, tuning.aversion_half_life_s, tuning),
        categories=dict(divided.shares),
        other=divided.other,
        entropy=divided.entropy,
        drift=drift(profile, profile.as_of, tuning),
        segment=(
            SegmentPicture(member.segment, segment_label, member.since, member.model_version)
            if member
            else None
        ),
        unsent_changes=len(profile.outbox),
        seen=len(profile.seen),
        marks=dict(profile.marks),
        forgotten_at=profile.forgotten_at,
        current=_list(profile, named, now),
    )


class _Names:
    def __init__(self, titles: Mapping[str, str]) -> None:
        self._titles = titles

    def __call__(self, item_id: str) -> Named:
        return Named(item_id, self._titles.get(item_id, ""))


def _recent(one: Recent, named: _Names, now: float) -> RecentItem:
    return RecentItem(named(one.item_id), one.at, now - one.at, one.strength, one.interest)


def _interests(
    profile: Profile, recent: list[RecentItem], named: _Names, now: float, tuning: Tuning
) -> list[InterestPicture]:
    """Largest share first; those without weight left are gone from every list, so from here too."""
    by_id = {interest.id: interest for interest in profile.interests}
    found = []
    for row in interest_shares(profile, now, tuning):
        interest = by_id[row.id]
        mass = _mass(interest.mass, now, tuning.interest_half_life_s, tuning)
        assert mass is not None
        found.append(
            InterestPicture(
                id=row.id,
                label=row.label,
                share=row.share,
                confidence=mass.confidence,
                weight=mass.weight,
                age_s=mass.age_s,
                medoid=named(interest.medoid),
                evidence=[one for one in recent if one.interest == row.id],
            )
        )
    return found


def _mass(mass: Mass | None, now: float, half_life_s: float, tuning: Tuning) -> MassPicture | None:
    if mass is None:
        return None
    weight = weight_at(mass, now, half_life_s=half_life_s)
    return MassPicture(weight, confidence(weight, tuning.confidence_weight), now - mass.at)


def _list(profile: Profile, named: _Names, now: float) -> ListPicture | None:
    current = profile.current
    if current is None:
        return None
    return ListPicture(
        version=current.version,
        as_of=current.as_of,
        age_s=now - current.as_of,
        caused_by=list(current.caused_by),
        offers=[_offer(rank, offer, named) for rank, offer in enumerate(current.offers, 1)],
    )


def _offer(rank: int, offer: Offer, named: _Names) -> OfferPicture:
    return OfferPicture(
        rank=rank,
        item=named(offer.item_id),
        score=offer.score,
        source=offer.source,
        share=dict(offer.share),
        because=[named(item_id) for item_id in offer.because],
    )
