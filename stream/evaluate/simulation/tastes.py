"""What people like: groups that share a distribution over categories, and users who vary it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from stream.evaluate.simulation.calendar import Calendar
from stream.evaluate.simulation.draws import Part, draws
from stream.evaluate.simulation.plan import Plan
from stream.evaluate.simulation.truth import Group, Taste, User

#: By kind of taste, how it is shared out between its main categories.
KINDS = {"single": (1.0,), "double": (0.6, 0.4), "triple": (0.45, 0.35, 0.2)}
BACKGROUND = 0.06  # of every taste, spread evenly over all categories
TRIES = 32  # candidates for a group's categories: the one most unlike the other groups is taken
DRIFTS_WITHIN = (0.3, 0.7)  # shares of all that is done, so that both tastes leave enough to see
SPREAD = 0.5  # of how active users are: the standard deviation of the logarithm
DECIMALS = 6  # of shares in the truth, which are those that are used

Shares = NDArray[np.float64]


def groups(plan: Plan) -> tuple[Group, ...]:
    """Distributions as unlike each other as can be; a further group leaves those before it."""
    found: list[Shares] = []
    made = []
    for number in range(plan.groups):
        kind = list(KINDS)[number % len(KINDS)]
        shares = _unlike(found, KINDS[kind], plan, number)
        found.append(shares)
        made.append(Group(f"group-{number}", kind, _exact(shares)))
    return tuple(made)


@dataclass(frozen=True, slots=True)
class Person:
    """What drives a user; the truth says the rest.

    number  makes the streams of chance
    visits  for each ordinary day's worth of activity
    first   ordinary days' worth of activity until the first visit
    """

    number: int
    truth: User
    visits: float
    first: float


def person(
    number: int, plan: Plan, every: Sequence[Group], days: Calendar, visits: float
) -> Person:
    """The user of a number, whoever else there is.

    visits  for each ordinary day, of an average user
    """
    rng = draws(plan.seed, Part.USER, number)
    bot, group, drifts, when, other, active, first = rng.random(7).tolist()
    rate = 1.0 if bot < plan.bots else visits * _activity(active)
    tastes: list[Taste] = []
    if bot >= plan.bots:
        own = int(group * len(every))
        tastes.append(_varied(every[own], plan.start, rng, plan))
        if drifts < plan.drifting and len(every) > 1:
            new = (own + 1 + int(other * (len(every) - 1))) % len(every)
            tastes.append(_varied(every[new], _moment(when, days), rng, plan))
    truth = User(f"user-{number}", not tastes, tastes[0].group if tastes else None, tuple(tastes))
    return Person(number, truth, rate, -math.log1p(-first) / rate)


def _moment(u: float, days: Calendar) -> float:
    low, high = DRIFTS_WITHIN
    return round(days.at((low + u * (high - low)) * float(days.done[-1])), 3)


def _activity(u: float) -> float:
    """Mean 1: many do little, a few do much."""
    return math.exp(SPREAD * NormalDist().inv_cdf(max(u, 1e-12)) - SPREAD**2 / 2)


def _varied(group: Group, since: float, rng: np.random.Generator, plan: Plan) -> Taste:
    shares = rng.dirichlet(np.array(group.shares) * plan.concentration)
    return Taste(since, group.id, _exact(shares))


def _unlike(found: list[Shares], parts: tuple[float, ...], plan: Plan, number: int) -> Shares:
    rng = draws(plan.seed, Part.GROUP, number)
    candidates = []
    for _ in range(TRIES):
        shares = np.full(plan.categories, BACKGROUND / plan.categories)
        main = rng.permutation(plan.categories)[: len(parts)]
        fitting = np.array(parts[: len(main)])
        shares[main] += (1 - BACKGROUND) * fitting / fitting.sum()
        candidates.append(shares)
    distances = [
        min((float(np.abs(shares - other).sum()) for other in found), default=0.0)
        for shares in candidates
    ]
    return candidates[int(np.argmax(distances))]


def _exact(shares: Shares) -> tuple[float, ...]:
    """Rounded, and still summing to 1 but for the last decimals."""
    return tuple(round(float(share), DECIMALS) for share in shares / shares.sum())
