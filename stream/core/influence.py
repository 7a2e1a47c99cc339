"""How much one event counts for everybody else: the guard against loud users and echoes."""

from __future__ import annotations

from dataclasses import replace
from math import floor

from stream.core.hashes import hash32
from stream.core.profile import Budget, Profile
from stream.core.tuning import EventKind, Tuning

HOUR_S = 3600.0

#: What a rating far below its user's mean still counts for: who rates a film low has watched it,
#: which says much about what else they turn to. Left out, held-out ranking loses a seventh.
LEAST_RATED = 0.5


def influence(
    profile: Profile, kind: EventKind, item_id: str, at: float, worth: float, tuning: Tuning
) -> tuple[Profile, float]:
    """The profile with its budget spent, and the event's weight in [0, 1].

    1, or for a rating 0.5 to 1 by its worth; over 1 + the number of times that the item is among
    the user's recent ones already; times `offered_signal_weight` where we had offered it, or
    popularity would feed itself. 0 beyond `signals_per_hour` of a user (hours of event time).

    profile  as it was before the event
    worth    the event's strength, in [-1, 1]
    """
    profile, allowed = _spent(profile, at, tuning)
    if not allowed:
        return profile, 0.0
    weight = LEAST_RATED + (1 - LEAST_RATED) * (1 + worth) / 2 if kind.rated else 1.0
    weight /= 1 + sum(recent.item_id == item_id for recent in profile.recent)
    if _was_offered(profile, item_id):
        weight *= tuning.offered_signal_weight
    return profile, weight


def _spent(profile: Profile, at: float, tuning: Tuning) -> tuple[Profile, bool]:
    """A late event counts to the newest hour: nobody gains by sending late."""
    budget, hour = profile.budget, floor(at / HOUR_S)
    spent = budget.spent if hour <= budget.hour else 0
    if spent >= tuning.signals_per_hour:
        return profile, False
    return replace(profile, budget=Budget(max(hour, budget.hour), spent + 1)), True


def _was_offered(profile: Profile, item_id: str) -> bool:
    current = () if profile.current is None else profile.current.offers
    return hash32(item_id) in profile.offered or any(o.item_id == item_id for o in current)
