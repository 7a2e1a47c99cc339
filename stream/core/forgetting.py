"""Forgetting a user: what stays is what keeps the user from coming back by accident."""

from __future__ import annotations

from dataclasses import replace

from stream.core.hashes import hash64
from stream.core.profile import Forgetting, Profile
from stream.core.tuning import FORGETS_MAX


def tombstone(profile: Profile, event_id: str, at: float) -> Profile:
    """What is left of a user who asked to be forgotten at the event time `at`.

    Marks and the id of the event make redelivered events change nothing, the time lets older ones
    be skipped, the version makes a stalled writer's profile look old. The user's name goes when
    the removal is confirmed: until then it is needed to reach the output topics.
    """
    return Profile(
        profile.user_id,
        version=profile.version,
        marks=profile.marks,
        event_ids=(hash64(event_id),),
        forgotten_at=at,
        forgetting=_removal(profile, event_id),
    )


def begun(profile: Profile, now: float, *, confirm_s: float) -> Profile:
    """The profile with its removal dated. Raises ValueError where nothing is being removed.

    now        wall clock of the save, seconds
    confirm_s  after which it is confirmed
    """
    if profile.forgetting is None:
        raise ValueError(f"user {profile.user_id!r} is not being forgotten")
    dated = replace(profile.forgetting, removed_at=now, confirm_at=now + confirm_s)
    return replace(profile, forgetting=dated)


def _removal(profile: Profile, event_id: str) -> Forgetting:
    """One that an earlier removal waits for is answered together with it."""
    earlier = profile.forgetting or Forgetting((), {})
    removed = {kind: earlier.removed.get(kind, 0) + n for kind, n in _known(profile).items()}
    return Forgetting((*earlier.asked_by, event_id)[-FORGETS_MAX:], removed)


def _known(profile: Profile) -> dict[str, int]:
    """What is known of a user, in numbers by kind."""
    return {
        "interests": len(profile.interests),
        "categories": len(profile.categories.weights),
        "ratings": profile.ratings.count,
        "recent": len(profile.recent),
        "seen": len(profile.seen),
        "offers": (len(profile.current.offers) if profile.current else 0) + len(profile.offered),
        "segment": int(profile.membership is not None),
        "segment_changes": len(profile.outbox),
    }
