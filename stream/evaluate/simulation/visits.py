"""What somebody does in one visit: looks at a list, clicks, looks around, says what they think.

A visit is a function of who, when, what is there and what is shown; its chance is its own. So two
recommenders meet the same people at the same moments, and these look for the same things besides.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stream.evaluate.simulation import texts
from stream.evaluate.simulation.plan import Plan
from stream.evaluate.simulation.shelf import Shelf
from stream.evaluate.simulation.shows import Shown
from stream.evaluate.simulation.truth import Taste
from stream.evaluate.simulation.words import THEMES
from stream.wire.inputs import Event

CLICKED = 0.6  # of what is looked at in a user's foremost category
AGAIN = 0.1  # times as likely on a list from outside where they had the item lately
LATELY = 50  # items that a user remembers
RETRIES = 3  # to find something that they did not have lately
OWN_CLICKS = 2.0  # in the mean, on what a user finds without a list
THINK_S, THINK_MORE_S = 2.0, 6.0  # between two things: at least, and in the mean beyond it
DWELL_S = 2.0  # at least; in the mean beyond it as much again, times the stars squared
BOT_GAP_S, BOT_MORE_S = 0.05, 0.35
BOT_BUSY = 20  # times as many events a day as an average user
BOT_MAX_CLICKS = 2000
BLOCK = 32  # draws taken at once

#: What follows on a click: (probability, by unhappy, neither, happy); "" is nothing.
FOLLOWS = (
    (0.10, ("rating", "rating", "rating")),
    (0.06, ("review", "review", "review")),
    (0.08, ("dislike", "", "like")),
    (0.04, ("hide", "", "purchase")),
    (0.04, ("skip", "", "add_to_cart")),
)
RATED_REVIEWS = 2 / 3  # of the reviews come with stars
#: In the mean, on the front page: the impression, clicks of either kind, what follows on these.
EVENTS_A_VISIT = 1 + (OWN_CLICKS + 0.24) * 1.26


@dataclass(frozen=True, slots=True)
class Caller:
    """Who visits: `memory` holds the numbers of the items they had lately, oldest first."""

    user_id: str
    memory: array[int]


@dataclass(slots=True)
class Visit:
    """A visit under way.

    at      of the next thing, seconds, whole milliseconds
    until   when it must be over
    prefix  of the ids of its events
    """

    caller: Caller
    shelf: Shelf
    u: Iterator[float]
    at: float
    until: float
    prefix: str
    events: list[Event] = field(default_factory=list)

    def does(self, kind: str, **fields: Any) -> None:
        """Add an event at the time that it is now."""
        event_id = f"{self.prefix}-{len(self.events)}"
        self.events.append(Event(self.caller.user_id, kind, self.at, event_id, **fields))

    def passes(self, seconds: float) -> bool:
        """Let time pass; whether there is time left."""
        self.at = round(self.at + seconds, 3)
        return self.at < self.until


def numbers(rng: np.random.Generator) -> Iterator[float]:
    """Draws in [0, 1), without end."""
    while True:
        yield from rng.random(BLOCK).tolist()


def human(visit: Visit, taste: Taste, shown: Shown | None, plan: Plan) -> None:
    """Look at the list that is shown, None: the front page, then around."""
    top = max(taste.shares)
    wanted = _wanted(visit, taste)
    page = shown or _front_page(visit, plan)
    # The front page avoids what they had lately where it can. Where it cannot, that counts in full:
    # else clicks would lean to the categories of which a user has seen least.
    again = AGAIN if shown else 1.0
    visit.does("impression", recommendation_id=page.recommendation_id, offers=page.items)
    for position, item_id in enumerate(page.items, 1):
        looks, clicks = next(visit.u), next(visit.u)
        item = visit.shelf.number(item_id)
        if item is None or looks >= position**-plan.position_bias:
            continue
        affinity = taste.shares[visit.shelf.category(item)] / top
        likely = CLICKED * affinity * (again if item in visit.caller.memory else 1)
        if clicks < likely and not _click(
            visit, item, affinity, recommendation_id=page.recommendation_id, position=position
        ):
            return
    for category in wanted:
        if not _click(visit, _fresh(visit, category), taste.shares[category] / top):
            return


def bot(visit: Visit, plan: Plan) -> None:
    """Click on anything, faster than anybody can."""
    mean = BOT_BUSY * plan.events_per_day
    clicks = min(int(-mean * math.log1p(-next(visit.u))) + 2, BOT_MAX_CLICKS)
    for _ in range(clicks):
        if not visit.passes(BOT_GAP_S + BOT_MORE_S * _exponential(visit.u)):
            return
        item = visit.shelf.anything(next(visit.u))
        if visit.shelf.there(item, visit.at):
            visit.does("click", item_id=visit.shelf.good(item).id, dwell_s=0.1)


def _wanted(visit: Visit, taste: Taste) -> list[int]:
    """Categories of what they will look for by themselves, whatever they are shown before."""
    count = int(math.log1p(-next(visit.u)) / math.log(OWN_CLICKS / (OWN_CLICKS + 1)))
    return [_drawn(taste.shares, next(visit.u)) for _ in range(count)]


def _front_page(visit: Visit, plan: Plan) -> Shown:
    items: list[int] = []
    for _ in range(plan.list_size):
        category = int(next(visit.u) * plan.categories)
        for _ in range(1 + RETRIES):
            item = visit.shelf.pick(category, next(visit.u))
            if item not in items and item not in visit.caller.memory:
                break
        if item not in items:
            items.append(item)
    return Shown(f"{visit.prefix}-page", tuple(visit.shelf.good(item).id for item in items))


def _fresh(visit: Visit, category: int) -> int:
    """An item of the category, one that they did not have lately if there is any to be found."""
    for _ in range(1 + RETRIES):
        item = visit.shelf.pick(category, next(visit.u))
        if item not in visit.caller.memory:
            break
    return item


def _click(visit: Visit, item: int, affinity: float, **answered: Any) -> bool:
    """Click on an item, stay a while, and say something perhaps; whether there is time left."""
    if not visit.passes(THINK_S + THINK_MORE_S * _exponential(visit.u)):
        return False
    if not visit.shelf.there(item, visit.at):
        return True
    good, memory = visit.shelf.good(item), visit.caller.memory
    stars = _stars(affinity, good.quality, visit.u)
    dwell = round(DWELL_S + DWELL_S * stars**2 * _exponential(visit.u), 1)
    visit.does("click", item_id=good.id, dwell_s=dwell, **answered)
    memory.append(item)
    del memory[:-LATELY]
    if not visit.passes(dwell):
        return False
    if visit.shelf.there(item, visit.at):
        _follow(visit, item, stars, answered)
    return True


def _stars(affinity: float, quality: float, u: Iterator[float]) -> int:
    """1 to 5: most for good items of the foremost category."""
    mood = 2 * (next(u) + next(u) + next(u)) - 3  # standard deviation 1
    return min(5, max(1, round(1.9 + 2.3 * affinity + 0.6 * quality + 0.5 * mood)))


def _follow(visit: Visit, item: int, stars: int, answered: dict[str, Any]) -> None:
    kind = _following(stars, next(visit.u))
    if not kind:
        return
    said: dict[str, Any] = {"item_id": visit.shelf.good(item).id, **answered}
    if kind == "rating":
        said["rating"] = float(stars)
    elif kind == "review":
        words = [next(visit.u) for _ in range(texts.REVIEW_DRAWS)]
        said |= {"text": texts.review(THEMES[visit.shelf.category(item)], stars, words)}
        said |= {"lang": "en"}
        if next(visit.u) < RATED_REVIEWS:
            said["rating"] = float(stars)
    visit.does(kind, **said)


def _following(stars: int, u: float) -> str:
    side = 0 if stars <= 2 else 1 if stars == 3 else 2
    for probability, kinds in FOLLOWS:
        if u < probability:
            return kinds[side]
        u -= probability
    return ""


def _drawn(shares: tuple[float, ...], u: float) -> int:
    """A category as often as its share."""
    for category, share in enumerate(shares):
        if u < share:
            return category
        u -= share
    return max(range(len(shares)), key=shares.__getitem__)  # what rounding left over


def _exponential(u: Iterator[float]) -> float:
    return -math.log1p(-next(u))
