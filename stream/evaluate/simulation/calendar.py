"""When people are awake: how busy each hour is, quiet spans, bursts.

Times of visits come from the integral of this, so that a quiet span has none, however busy a
person is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.evaluate.simulation.draws import Part, draws
from stream.evaluate.simulation.plan import DAY_S, Plan

HOUR_S = 3600.0
HOUR_MS = 3_600_000
HOURS = 24
BURST_HOURS = 6
BURST_ACTIVITY = 3.0  # times as busy as usual
EVENING = 20  # UTC; the busiest hour, and twelve hours from it the quietest
SWING = 0.8  # of the day: from 1 - SWING to 1 + SWING times the mean


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` until before `end`, seconds since the epoch."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Calendar:
    """How much an average person does until when.

    edges   (h + 1,) the hours' ends, seconds since the epoch
    done    (h + 1,) ordinary days' worth of activity until each of them; never falls
    quiet   in order
    bursts  in the order they were drawn; some may overlap
    """

    edges: NDArray[np.float64]
    done: NDArray[np.float64]
    quiet: tuple[Span, ...]
    bursts: tuple[Span, ...]

    def at(self, done: float) -> float:
        """When so many ordinary days' worth is done, cut to the millisecond; infinity: never.

        Never in a quiet span: an hour in which nothing is done holds no such moment.
        """
        if done >= self.done[-1]:
            return math.inf
        hour = int(self.done.searchsorted(done, side="right"))  # the first that does more
        part = (done - self.done[hour - 1]) / (self.done[hour] - self.done[hour - 1])
        into_ms = min(int(part * HOUR_MS), HOUR_MS - 1)
        return float(self.edges[hour - 1]) + into_ms / 1000

    def until(self, at: float) -> float:
        """When the waking time that holds `at` ends: a quiet span begins, or the last day is over.

        A moment in a quiet span has no waking time: `at` itself.
        """
        if self.awake(at) > at:
            return at
        begins = (span.start for span in self.quiet if span.start > at)
        return next(begins, float(self.edges[-1]))

    def awake(self, at: float) -> float:
        """The first moment from `at` on that lies in no quiet span; infinity: not in these days."""
        for span in self.quiet:
            if span.start <= at < span.end:
                at = span.end
        return at if at < self.edges[-1] else math.inf


def calendar(plan: Plan) -> Calendar:
    """The hours of a plan's days."""
    rng = draws(plan.seed, Part.CALENDAR)
    hours = plan.days * HOURS
    turn = 2 * np.pi * (np.arange(hours, dtype=np.float64) % HOURS - EVENING) / HOURS
    busy = 1 + SWING * np.cos(turn)  # (h,)
    for first, after in plan.quiet:
        busy[first * HOURS : after * HOURS] = 0
    awake = np.flatnonzero(busy)
    begins = sorted(int(awake[int(u * len(awake))]) for u in rng.random(plan.bursts))
    for begin in begins:
        # at most BURST_ACTIVITY where two overlap, and a quiet hour stays quiet
        ours = slice(begin, begin + BURST_HOURS)
        busy[ours] = np.where(busy[ours] > 0, np.maximum(busy[ours], BURST_ACTIVITY), 0)
    edges = plan.start + np.arange(hours + 1, dtype=np.float64) * HOUR_S
    done = np.zeros(hours + 1)
    done[1:] = np.cumsum(busy / HOURS)
    quiet = [
        Span(plan.start + first * DAY_S, plan.start + after * DAY_S)
        for first, after in sorted(plan.quiet)
    ]
    bursts = [
        Span(float(edges[begin]), float(edges[min(begin + BURST_HOURS, hours)])) for begin in begins
    ]
    return Calendar(edges, done, tuple(quiet), tuple(bursts))
