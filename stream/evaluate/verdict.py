"""The hold-out: whether events that no trial saw say the same of what was found."""

from __future__ import annotations

from dataclasses import dataclass

from stream.evaluate.goal import Figures, Goal
from stream.evaluate.intervals import Paired, Users, paired
from stream.evaluate.recorded import Rankings


@dataclass(frozen=True, slots=True)
class Verdict:
    """The present settings and the found ones on the same rankings of the hold-out.

    against    how much larger the found ones' figure is, in pairs, with a 95 % interval over users
    confirmed  whether that is above 0 and all bounds hold; where the present settings miss a bound
               it is enough that the found ones hold all
    """

    present: Figures
    found: Figures
    against: Paired
    confirmed: bool
    rankings: int
    users: int


def verdict(goal: Goal, present: Rankings, found: Rankings, *, feasible: bool) -> Verdict:
    """Compare them.

    feasible  whether the present settings kept the bounds on the window
    """
    against = paired(Users.of(found.users), goal.values(found), goal.values(present))
    figures = goal.figures(found)
    better = against.difference.low > 0 or not feasible
    return Verdict(
        goal.figures(present),
        figures,
        against,
        confirmed=better and goal.holds(figures),
        rankings=len(found),
        users=len(set(found.users)),
    )
