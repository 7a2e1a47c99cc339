"""Worlds that tests look at, each made once, and ways to look at them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache

from stream.evaluate.simulate import Plan, Simulated, simulate
from stream.wire.inputs import Event

SMALL = Plan(users=30, items=60, days=10, seed=3, events_per_day=4, quiet=((4, 6),), dimension=8)
FORGETFUL = replace(SMALL, seed=8, births=0.6, deaths=0.9, drifting=0.5, bots=0.1)


@cache
def world(plan: Plan = SMALL) -> Simulated:
    return simulate(plan)


@cache
def busy() -> Simulated:
    """Enough of everything to count in: 40 users, some 30,000 events, no bots, no bursts."""
    return simulate(
        replace(
            SMALL, users=40, items=600, days=30, events_per_day=25, bots=0, bursts=0, drifting=0
        )
    )


def by_user(events: Iterable[Event]) -> Mapping[str, list[Event]]:
    """Each user's events, oldest first."""
    found = defaultdict(list)
    for event in events:
        found[event.user_id].append(event)
    return found


def clicks(events: Iterable[Event], *, listed: bool) -> list[Event]:
    """Clicks on lists that were shown, or those on what users found by themselves."""
    return [
        event
        for event in events
        if event.type == "click" and (event.position is not None) == listed
    ]
