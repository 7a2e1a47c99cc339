"""Segments: groups of users around centroids of their tastes, with ids that outlive a refit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stream.core.distribution import drift, portrait
from stream.core.hashes import versioned_id
from stream.core.profile import Change, Membership, Profile, interest_weights, taste
from stream.core.tuning import OUTBOX_MAX, Tuning

#: A model knows its users from so many a segment on, and until they are so many times as many: in
#: ten planted worlds of 8 groups none that was fitted on as many was followed by one that moved
#: more than 3 %, and up to 110 users as many as 40 % moved (docs/decisions/0010-who-is-asked.md).
KNOWN_EACH = 25
KNOWN_GROWTH = 2.0


@dataclass(frozen=True, slots=True)
class Segment:
    """One group. `centroid` is (d,) unit float32; `size` counts users of the sample.

    terms  categories and words that are special about it, the most telling first
    named  those of them that its label was made of, when it was
    """

    id: str
    label: str
    centroid: NDArray[np.float32]
    size: int
    terms: tuple[str, ...] = ()
    named: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SegmentModel:
    """The segments of one fit; versions only grow."""

    version: int
    segments: tuple[Segment, ...]

    def get(self, segment_id: str) -> Segment | None:
        return next((s for s in self.segments if s.id == segment_id), None)

    def knows(self, users: int) -> bool:
        """Whether it was fitted on enough of them for a move to say something of the users.

        Few of a segment, or half as many as there are now, make segments that the next fit has to
        move: that is a deployment which grows, and nothing for a person to decide about.

        users  of a sample now
        """
        fitted = sum(segment.size for segment in self.segments)
        return fitted >= KNOWN_EACH * len(self.segments) and users <= KNOWN_GROWTH * fitted


def assign(
    profile: Profile,
    model: SegmentModel | None,
    *,
    margin: float,
    min_stay_s: float,
    cause: str | None,
    tuning: Tuning,
    min_weight: float = 0.0,
) -> Profile:
    """The profile in the segment where it belongs now; a move waits in its outbox.

    Who is in none yet stays so until the interests weigh enough; who is in one is never without
    one again, however the weight decays.

    It moves when another segment is nearer by `margin` (cosine) and, except for the first
    assignment or a segment that is gone, `min_stay_s` of event time has passed. A model older than
    the one the profile was assigned by is not applied.

    cause       id of the event that led here; None: a sweep
    min_weight  of all interests together, for the first segment
    """
    if model is None or not model.segments or len(profile.outbox) >= OUTBOX_MAX:
        return profile
    member = profile.membership
    if member is not None and model.version < member.model_version:
        return profile
    if not counts(profile, min_weight, tuning):
        return profile
    unit = taste(profile, profile.as_of, tuning)
    if unit is None:
        return profile
    cosines = np.stack([segment.centroid for segment in model.segments]) @ unit  # (k, d)·(d,)
    best = int(np.argmax(cosines))
    here = _place(member, model.segments)
    gained = float(cosines[best] - cosines[here]) if here is not None else float(cosines[best])
    if here is not None and member is not None:
        stays = here == best or gained < margin or profile.as_of - member.since < min_stay_s
        if stays:
            return replace(profile, membership=replace(member, model_version=model.version))
    return _moved(profile, model, model.segments[best], gained, cause, tuning)


def counts(profile: Profile, min_weight: float, tuning: Tuning) -> bool:
    """Whether the user is in a segment, or weighs enough for a first one; fits are about these."""
    if profile.membership is not None:
        return True
    return sum(interest_weights(profile, profile.as_of, tuning)) >= min_weight


def _place(member: Membership | None, segments: Sequence[Segment]) -> int | None:
    if member is None:
        return None
    return next((i for i, segment in enumerate(segments) if segment.id == member.segment), None)


def _moved(
    profile: Profile,
    model: SegmentModel,
    to: Segment,
    margin: float,
    event_id: str | None,
    tuning: Tuning,
) -> Profile:
    member = profile.membership
    refit = member is not None and member.model_version != model.version
    cause = "sweep" if event_id is None else "refit" if refit else "event"
    seen = portrait(profile, {}, profile.as_of, tuning)
    moved = drift(profile, profile.as_of, tuning)
    change = Change(
        change_id=versioned_id("segment-change", profile.user_id, profile.version),
        at=profile.as_of,
        before=member.segment if member else None,
        after=to.id,
        label=to.label,
        cause=cause,
        event_id=event_id if cause == "event" else None,
        margin=round(margin, 6),
        model_version=model.version,
        interests=seen.interests,
        categories=seen.categories,
        entropy=seen.entropy,
        confidence=seen.confidence,
        drift=None if moved is None else round(moved, 6),
    )
    return replace(
        profile,
        membership=Membership(to.id, model.version, profile.as_of),
        outbox=(*profile.outbox, change),
    )
