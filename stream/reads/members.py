"""Users of a segment, one line each."""

from __future__ import annotations

from collections.abc import Iterable

from stream.core.profile import Profile, interest_shares, taste
from stream.core.segments import Segment
from stream.core.tuning import Tuning
from stream.reads import answers
from stream.reads.living import loaded
from stream.reads.names import cut
from stream.reads.times import moment
from stream.store.rows import UserRow
from stream.wire.encode import rfc3339

INTERESTS_NAMED = 3
DIGITS = 6


def members(rows: Iterable[UserRow], segment: Segment, tuning: Tuning) -> list[answers.Member]:
    """In the order of the rows; those that are there for readers."""
    profiles = map(loaded, rows)
    return [_member(profile, segment, tuning) for profile in profiles if profile is not None]


def _member(profile: Profile, segment: Segment, tuning: Tuning) -> answers.Member:
    unit = taste(profile, profile.as_of, tuning)
    cosine = 0.0 if unit is None else float(segment.centroid @ unit)
    inside = profile.membership is not None and profile.membership.segment == segment.id
    shares = interest_shares(profile, profile.as_of, tuning)
    return answers.Member(
        user_id=profile.user_id,
        since=rfc3339(profile.membership.since) if profile.membership and inside else None,
        last_active_at=moment(profile.as_of),
        nearness=round(max(0.0, min(cosine, 1.0)), DIGITS),
        interests=[cut(share.label) for share in shares[:INTERESTS_NAMED]],
    )
