"""A user in plain words: shares, evidence with titles, why this segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stream.core.profile import Membership, Profile, taste
from stream.core.segments import SegmentModel
from stream.core.tuning import Tuning
from stream.reads import answers
from stream.reads.names import Titles, cut
from stream.reads.picture import InterestPicture, Picture, RecentItem, picture
from stream.reads.times import moment
from stream.wire.encode import rfc3339

EVIDENCE_MAX = 10
RECENT_MAX = 20
INTERESTS_NAMED = 3
DIGITS = 6


@dataclass(frozen=True, slots=True)
class Told:
    """A user as answers tell it; `names` are titles by item."""

    names: Titles
    model: SegmentModel | None
    now: float
    tuning: Tuning

    def user(self, profile: Profile) -> answers.User:
        segment = self._segment(profile)
        label = segment.label if segment else ""
        seen = picture(profile, self.names, label, self.now, self.tuning)
        interests = [_interest(one) for one in seen.interests]
        return answers.User(
            user_id=profile.user_id,
            summary=_summary(seen, interests, segment),
            version=profile.version,
            last_active_at=moment(profile.as_of),
            confidence=round(seen.confidence, DIGITS),
            entropy=round(seen.entropy, DIGITS),
            interests=interests,
            categories={cut(name): round(s, DIGITS) for name, s in seen.categories.items()},
            ratings=self._ratings(profile),
            segment=segment,
            recent=[_evidence(one) for one in seen.recent[:RECENT_MAX]],
        )

    def _ratings(self, profile: Profile) -> answers.Ratings | None:
        if not profile.ratings.count:
            return None
        mean = profile.ratings.shrunk(
            prior_mean=self.tuning.rating_prior_mean, prior_count=self.tuning.rating_prior_count
        )
        return answers.Ratings(count=profile.ratings.count, mean=round(mean, DIGITS))

    def _segment(self, profile: Profile) -> answers.InSegment | None:
        member = profile.membership
        if member is None:
            return None
        here = self.model.get(member.segment) if self.model else None
        return answers.InSegment(
            id=member.segment,
            label=cut(here.label) if here else "",
            since=rfc3339(member.since),
            model_version=member.model_version,
            why=why_there(profile, member, self.model, self.tuning),
        )


def why_there(
    profile: Profile, member: Membership, model: SegmentModel | None, tuning: Tuning
) -> str:
    """One sentence: how near the user's segment is, and which is the next."""
    unit = taste(profile, profile.as_of, tuning)
    if model is None or unit is None or model.get(member.segment) is None:
        return "the model in force does not have this segment: the next event assigns another"
    cosines = np.stack([segment.centroid for segment in model.segments]) @ unit  # (k, d)·(d,)
    own = next(i for i, segment in enumerate(model.segments) if segment.id == member.segment)
    others = [i for i in np.argsort(-cosines, kind="stable").tolist() if i != own]
    here = f"the taste's cosine to its middle is {cosines[own]:.2f}"
    if not others:
        return f"{here}; it is the only segment"
    after = model.segments[others[0]]
    name = f"{after.label} ({after.id})" if after.label else after.id
    if cosines[others[0]] > cosines[own]:
        return f"{here}; {name} is nearer ({cosines[others[0]]:.2f}), not by enough or not yet"
    return f"{here}; next is {name} with {cosines[others[0]]:.2f}"


def _interest(one: InterestPicture) -> answers.Interest:
    return answers.Interest(
        id=one.id,
        label=cut(one.label),
        share=round(one.share, DIGITS),
        confidence=round(one.confidence, DIGITS),
        typical=answers.ItemName(item_id=one.medoid.item_id, title=one.medoid.title),
        evidence=[_evidence(each) for each in one.evidence[:EVIDENCE_MAX]],
    )


def _evidence(one: RecentItem) -> answers.Evidence:
    return answers.Evidence(
        item_id=one.item.item_id,
        title=one.item.title,
        at=rfc3339(one.at),
        strength=max(-1.0, min(round(one.strength, DIGITS), 1.0)),
    )


def _summary(
    seen: Picture, interests: Sequence[answers.Interest], segment: answers.InSegment | None
) -> str:
    if not seen.as_of:
        return "Nothing is known yet: no event was applied."
    named = [f"{one.label} ({one.share:.0%})" for one in interests[:INTERESTS_NAMED]]
    likes = f"Likes {', '.join(named)}" if named else "No interest is known yet"
    more = len(interests) - len(named)
    place = f"; in segment {segment.label or segment.id}" if segment else ""
    return (
        f"{likes}{f' and {more} more' if more > 0 else ''}{place}. "
        f"Last active {rfc3339(seen.as_of)}."
    )
