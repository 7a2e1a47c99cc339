"""A profile made anew from its events; what they do not determine is taken from the live one."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nextafter

from stream.core.profile import Profile


def seeded(user_id: str, live: Profile | None) -> Profile:
    """What a replay of a user's events begins with: nothing, but that a forgotten user stays so.

    The time lies just below the live one's: the event that asked for it, where it comes, is
    applied as it was.
    """
    if live is None or live.forgotten_at is None:
        return Profile(user_id)
    return Profile(user_id, forgotten_at=nextafter(live.forgotten_at, -inf))


def carried(rebuilt: Profile, live: Profile) -> Profile:
    """The rebuilt profile as it can take the place of the live one.

    Events determine neither list nor earlier offers, segment, changes that wait, or how far a
    removal is. The version is above the live one's by one: a live profile that is written again
    has at least this one, and so shows that its carrying is out of date.
    """
    version = live.version + 1
    asked = -inf if live.forgotten_at is None else live.forgotten_at
    here = -inf if rebuilt.forgotten_at is None else rebuilt.forgotten_at
    if here < nextafter(asked, -inf):  # not replayed yet, and all that was comes from before it
        rebuilt = replace(seeded(rebuilt.user_id, live), marks=rebuilt.marks)
    elif here > asked:  # live has missed the request: nothing may be carried over it
        return replace(
            rebuilt, version=version, current=None, offered=(), membership=None, outbox=()
        )
    return replace(
        rebuilt,
        version=version,
        current=live.current,
        offered=live.offered,
        membership=live.membership,
        outbox=live.outbox,
        forgetting=live.forgetting,
    )
