"""What the figures of `tests.bench.segments` are: pure functions of what was seen of users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp2
from typing import Any

import numpy as np
from sklearn.metrics import adjusted_rand_score


@dataclass(frozen=True, slots=True)
class Move:
    """A user's segment changed. `at` is event time, seconds; `before` None: the first one."""

    at: float
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class Liked:
    """An event that said something of a user's taste.

    at      event time, seconds
    weight  its strength where it is above 0, else 0
    new     whether the user had the new taste by then, by the truth
    """

    at: float
    weight: float
    new: bool


def returns(moves: Sequence[Move], within_s: float) -> int:
    """Moves back into a segment that the user had left less than `within_s` before.

    moves  of one user, oldest first
    """
    return sum(
        any(
            earlier.before == move.after and move.at - earlier.at < within_s
            for earlier in moves[:place]
        )
        for place, move in enumerate(moves)
    )


def majority_by_weight(events: Sequence[Liked], half_life_s: float) -> int | None:
    """Place of the first event from which on the new taste has more than half of the decayed
    weight; None: it never has."""
    return _first(
        2 * new > old + new
        for old, new in _weights([(one.at, one.weight, one.new) for one in events], half_life_s)
    )


def majority_of_last(events: Sequence[Liked], window: int) -> int | None:
    """Place of the first event at which more than half of the last `window` events with a weight
    were of the new taste, however many there were before; None: there is none."""
    last: list[bool] = []

    def mostly_new(one: Liked) -> bool:
        if one.weight > 0:
            last.append(one.new)
        return 2 * sum(last[-window:]) > window

    return _first(map(mostly_new, events))


def _weights(
    events: Sequence[tuple[float, float, bool]], half_life_s: float
) -> list[tuple[float, float]]:
    """(old, new) after each event, both as of the newest one."""
    sums, now, found = [0.0, 0.0], -np.inf, []
    for at, weight, new in events:
        later = max(now, at)
        left = exp2(-(later - now) / half_life_s) if np.isfinite(now) else 0.0
        sums = [left * each for each in sums]
        sums[new] += weight * exp2(-(later - at) / half_life_s)
        now = later
        found.append((sums[0], sums[1]))
    return found


def _first(truths: Any) -> int | None:
    return next((place for place, true in enumerate(truths) if true), None)


def l1(found: Mapping[str, float], planted: Mapping[str, float], names: Sequence[str]) -> float:
    """Sum of absolute differences over `names` and one place for all else, at most 2.

    Both sum to 1; what `found` leaves to 1 is of no name, and so all else.
    """
    apart = sum(abs(found.get(name, 0.0) - planted.get(name, 0.0)) for name in names)
    rest = [1.0 - sum(each.get(name, 0.0) for name in names) for each in (found, planted)]
    return apart + abs(rest[0] - rest[1])


def rand(found: Mapping[str, str | None], planted: Mapping[str, str]) -> float:
    """Adjusted Rand index of segments against groups, over the users who are in a segment."""
    users = [user for user in planted if found.get(user) is not None]
    if not users:
        return 0.0
    return float(adjusted_rand_score([planted[u] for u in users], [found[u] for u in users]))


def kept(before: Mapping[str, str], after: Mapping[str, str]) -> float:
    """Share of the users of `before` whose segment has the same id in `after`."""
    if not before:
        return 1.0
    return sum(after.get(user) == segment for user, segment in before.items()) / len(before)


def spread(values: Sequence[float]) -> dict[str, float]:
    """p50, p95 and worst, as JSON takes them; empty: nothing was seen."""
    if not values:
        return {}
    p50, p95 = np.percentile(values, (50, 95))
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1), "worst": max(values)}


def mean_and_worst(values: Sequence[float], *, most: bool = False) -> dict[str, float]:
    """The mean over runs, and the least, or the most, of them."""
    worst = max(values) if most else min(values)
    return {"mean": round(float(np.mean(values)), 4), "worst": round(worst, 4)}
