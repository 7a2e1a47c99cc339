"""What a world is to be like: everything that it is made from, and the limits of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stream.errors import Misconfigured
from stream.evaluate.simulation.words import THEMES

DAY_S = 86_400.0
DEFAULT_START = 1_735_689_600.0  # 2025-01-01T00:00:00Z: evaluation refuses what is in the future


@dataclass(frozen=True, slots=True)
class Plan:
    """A world by its numbers; the same plan gives the same world, to the byte.

    days            how long it is watched; quiet spans count
    groups          of users who share a distribution over tastes
    categories      what items are about, and what tastes are distributions over
    events_per_day  of an average user outside quiet spans, impressions included, while lists are
                    what the front page shows; better lists make more
    start           of the first day, whole seconds since the epoch
    drifting        share of the users who go over to another group's taste once
    bots            share of the users who are none
    births          share of the items that are published during the days; the others are there
    deaths          share of the items that go during the days
    bursts          some hours each, in which all are busier and one item draws its category
    quiet           (first day, day after the last) in which nobody does anything
    list_size       items on the front page
    position_bias   place r of a list is looked at with probability r^-position_bias
    concentration   of the users' shares around those of their group: the larger, the closer
    dimension       of vectors that items bring; None: they bring none, their texts are encoded
    cohesion        mean cosine of two such vectors of one category; of two categories it is 0

    Raises Misconfigured where a value is outside its limits.
    """

    users: int
    items: int
    days: int
    seed: int = 0
    groups: int = 6
    categories: int = 12
    events_per_day: float = 6.0
    start: float = DEFAULT_START
    drifting: float = 0.1
    bots: float = 0.01
    births: float = 0.3
    deaths: float = 0.2
    bursts: int = 1
    quiet: tuple[tuple[int, int], ...] = ()
    list_size: int = 10
    position_bias: float = 0.7
    concentration: float = 60.0
    dimension: int | None = None
    cohesion: float = 0.6

    def __post_init__(self) -> None:
        for name, (low, high, remedy) in _limits(self).items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise Misconfigured(f"{name} is {value}, limit {low:.12g} to {high:.12g}: {remedy}")
        if self.start != int(self.start):
            raise Misconfigured(f"start is {self.start}: leave out what is less than a second")
        _check_quiet(self)

    @property
    def end(self) -> float:
        """When it is no longer watched, seconds since the epoch."""
        return self.start + self.days * DAY_S


def _limits(plan: Plan) -> dict[str, tuple[float, float, str]]:
    """Lowest and highest value of each number, and what to do about another."""
    share = (0, 1, "it is a share, such as 0.1")
    few_items = f"each of {plan.categories} categories needs 2 items: more items or less categories"
    return {
        "users": (1, 10_000_000, "choose a number of users in it"),
        "categories": (2, len(THEMES), f"there are words for {len(THEMES)} categories"),
        "items": (2 * plan.categories, 1_000_000, few_items),
        "days": (1, 3650, "choose a number of days in it"),
        "seed": (0, 2**63 - 1, "any whole number in it will do"),
        "groups": (1, 1000, "choose a number of groups in it"),
        "events_per_day": (0.01, 1000, "more than that is a bot: see bots"),
        "start": (0, 1e11, "seconds since the epoch; milliseconds?"),
        "drifting": share,
        "bots": share,
        "births": share,
        "deaths": share,
        "bursts": (0, 1000, "choose a number of bursts in it"),
        "list_size": (1, 100, "choose a length of lists in it"),
        "position_bias": (0, 5, "0 is no bias, 1 halves the second place"),
        "concentration": (1, 1e6, "the larger, the closer users are to their group"),
        "dimension": (8, 4096, "the encoder's own, such as 384"),
        "cohesion": (0.05, 0.99, "a mean cosine within a category, such as 0.6"),
    }


def _check_quiet(plan: Plan) -> None:
    before = 0
    for first, after in sorted(plan.quiet):
        if not before <= first < after <= plan.days:
            raise Misconfigured(
                f"quiet span {first}:{after} does not fit days 0 to {plan.days}: name the first "
                "day and the day after the last, one span after the other"
            )
        before = after
    if sum(after - first for first, after in plan.quiet) >= plan.days:
        raise Misconfigured(
            f"all {plan.days} days are quiet, at least one must not be: shorten a quiet span"
        )


def as_settings(plan: Plan) -> dict[str, Any]:
    """The plan for the truth file."""
    return {name: getattr(plan, name) for name in plan.__dataclass_fields__}
