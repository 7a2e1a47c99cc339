"""What can be had: items of a category each, born and gone, and the messages that say so."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from stream.evaluate.simulation import texts
from stream.evaluate.simulation.calendar import Calendar
from stream.evaluate.simulation.draws import Part, draws
from stream.evaluate.simulation.plan import DAY_S, Plan
from stream.evaluate.simulation.truth import Burst, Good
from stream.evaluate.simulation.words import THEMES
from stream.wire.inputs import Item

OLDEST_S = 90 * DAY_S  # before the first day, of what is there already
POPULAR = 0.9  # standard deviation of the logarithm of how often an item is taken
BORN_WITHIN = 0.9  # of the days: what comes later would hardly be seen
FACTS = 5  # draws from an item's stream before its words
DECIMALS = 5  # of a vector's numbers


def goods(plan: Plan) -> tuple[Good, ...]:
    """Every item of the plan, by number; its category is the number's remainder."""
    return tuple(_good(number, plan) for number in range(plan.items))


def bursts(plan: Plan, days: Calendar, every: Sequence[Good]) -> tuple[Burst, ...]:
    """Which item each burst is about: one that is there all the time."""
    found = []
    for number, span in enumerate(days.bursts):
        there = [g for g in every if g.born <= span.start and (g.dies or math.inf) > span.end]
        u = draws(plan.seed, Part.BURST, number).random()
        found.append(Burst(span.start, span.end, there[int(u * len(there))].id))
    return tuple(found)


def message(number: int, good: Good, plan: Plan) -> Item:
    """What a producer says of an item when it is born."""
    rng = _stream(number, plan)
    rng.random(FACTS), rng.normal(size=2)
    theme = THEMES[number % plan.categories]
    return Item(
        item_id=good.id,
        title=texts.title(theme, rng.random(texts.TITLE_DRAWS).tolist()),
        text=texts.text(theme, rng.random(texts.TEXT_DRAWS).tolist()),
        categories=(good.category,),
        lang="en",
        published_at=good.born,
        expires_at=good.dies if good.announced else None,
        vectors={} if plan.dimension is None else {"text": _vector(number, plan.dimension, plan)},
    )


def _stream(number: int, plan: Plan) -> np.random.Generator:
    return draws(plan.seed, Part.ITEM, number)


def _good(number: int, plan: Plan) -> Good:
    rng = _stream(number, plan)
    new, when, goes, until, announced = rng.random(FACTS).tolist()
    quality, popular = rng.normal(size=2).tolist()
    stays = number < plan.categories  # every category always has something
    born = plan.start - DAY_S - when * OLDEST_S
    if new < plan.births and not stays:
        born = plan.start + when * BORN_WITHIN * (plan.end - plan.start)
    dies = None
    if goes < plan.deaths and not stays:
        begin = max(born, plan.start)
        dies = begin + (0.1 + 0.9 * until) * (plan.end - begin)
    return Good(
        id=f"item-{number}",
        category=THEMES[number % plan.categories].name,
        born=round(born, 3),
        dies=None if dies is None else round(dies, 3),
        announced=dies is not None and announced < 0.5,
        quality=round(quality, 3),
        weight=round(math.exp(POPULAR * popular), 6),
    )


def _vector(number: int, dimension: int, plan: Plan) -> tuple[float, ...]:
    """Two of a category have a mean cosine of `cohesion`, two of different ones of about 0."""
    centre = draws(plan.seed, Part.CENTRE, number % plan.categories).normal(size=dimension)
    own = draws(plan.seed, Part.VECTOR, number).normal(size=dimension)
    mixed = math.sqrt(plan.cohesion) * _unit(centre) + math.sqrt(1 - plan.cohesion) * _unit(own)
    return tuple(round(float(x), DECIMALS) for x in _unit(mixed))


def _unit(vector: np.typing.NDArray[np.float64]) -> np.typing.NDArray[np.float64]:
    return vector / math.sqrt(float(vector @ vector))
