"""Users whose tastes are planted: shares over categories, kept for some days each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stream.core.distribution import drift
from stream.core.fold import Observation, fold
from stream.core.profile import Profile
from tests.core.samples import CLICK, DAY_S, LIKE, NOW, TUNING, VIEW, observation

Shares = Sequence[float]
#: Kinds and how often: what is done with an item says nothing of its category.
MIXED = ((VIEW, 0.3), (CLICK, 0.5), (LIKE, 0.2))
ALIKE = ((LIKE, 1.0),)


@dataclass(frozen=True, slots=True)
class Spell:
    """Some days with one taste. `shares` of categories c0, c1, … sum to 1."""

    days: float
    events: int
    shares: Shares


def zipf(count: int) -> Shares:
    """The second half as often as the first, the third a third as often, …"""
    shares = 1 / np.arange(1, count + 1)
    return [float(share) for share in shares / shares.sum()]


def life(
    seed: int, *spells: Spell, kinds: Sequence[tuple[object, float]] = MIXED
) -> list[Observation]:
    """Events at random times, on categories, of kinds and with dwells all drawn by themselves."""
    rng = np.random.default_rng(seed)
    events: list[Observation] = []
    start = 0.0
    for spell in spells:
        days = start + np.sort(rng.uniform(0, spell.days, spell.events))
        drawn = rng.choice(len(spell.shares), spell.events, p=spell.shares)
        which = rng.choice(len(kinds), spell.events, p=[often for _, often in kinds])
        dwells = rng.lognormal(3, 1, spell.events)
        events += [
            observation(
                len(events) + n,
                at=NOW + float(days[n]) * DAY_S,
                kind=kinds[which[n]][0],
                dwell_s=float(dwells[n]),
                categories=(f"c{drawn[n]}",),
                vector=None,
            )
            for n in range(spell.events)
        ]
        start += spell.days
    return events


def lived(events: Sequence[Observation]) -> Profile:
    return fold(Profile("u"), events, TUNING).profile


def apart(found: dict[str | None, float], shares: Shares) -> float:
    """L1 distance of shares to planted ones: 2 at most. All else counts as wrong."""
    planted: dict[str | None, float] = {f"c{n}": share for n, share in enumerate(shares)}
    names = found.keys() | planted.keys()
    return sum(abs(found.get(name, 0.0) - planted.get(name, 0.0)) for name in names)


def counted(events: Sequence[Observation]) -> dict[str | None, float]:
    """Shares of the plain numbers of events: off by nothing but the draw."""
    shares: dict[str | None, float] = {}
    for event in events:
        shares[event.categories[0]] = shares.get(event.categories[0], 0.0) + 1 / len(events)
    return shares


def drifts(events: Sequence[Observation], days: Sequence[float]) -> list[float]:
    """The user's drift on some days, in their order; NaN where it is not known."""
    found, profile, since = [], Profile("u"), 0.0
    for now in (NOW + day * DAY_S for day in days):
        came = [event for event in events if since < event.at <= now]
        profile, since = fold(profile, came, TUNING).profile, now
        moved = drift(profile, now, TUNING)
        found.append(float("nan") if moved is None else moved)
    return found
