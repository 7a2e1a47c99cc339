"""The world as it goes on: who comes next, what they are shown, what they do."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

import msgspec

from stream.evaluate.simulation import goods, tastes
from stream.evaluate.simulation.calendar import calendar
from stream.evaluate.simulation.draws import Part, draws
from stream.evaluate.simulation.plan import Plan, as_settings
from stream.evaluate.simulation.shelf import Shelf
from stream.evaluate.simulation.shows import FrontPage, Shows
from stream.evaluate.simulation.tastes import Person
from stream.evaluate.simulation.truth import Quiet, Truth
from stream.evaluate.simulation.visits import (
    EVENTS_A_VISIT,
    Caller,
    Visit,
    bot,
    human,
    numbers,
)
from stream.evaluate.simulation.words import THEMES
from stream.wire.inputs import Event, Item

PAUSE_S = 60.0  # between two visits of a user, at least


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """An item goes without notice: the message that says so, and when, seconds."""

    at: float
    item: Item


@dataclass(slots=True)
class _Life:
    """Where a person is: visits so far, and what was done until the next, in ordinary days."""

    person: Person
    done: float
    visits: int = 0
    memory: array[int] = field(default_factory=lambda: array("i"))


class World:
    """A plan's world. Events come in time order; who they are of is in `truth`.

    shows  is asked for a list at each visit, when every event of before it was handed out
    """

    def __init__(self, plan: Plan, shows: Shows | None = None) -> None:
        self.plan = plan
        self._shows = shows or FrontPage()
        self._days = calendar(plan)
        self._goods = goods.goods(plan)
        every = tastes.groups(plan)
        rate = plan.events_per_day / EVENTS_A_VISIT
        people = [tastes.person(n, plan, every, self._days, rate) for n in range(plan.users)]
        self.truth = Truth(
            plan=as_settings(plan),
            categories=tuple(theme.name for theme in THEMES[: plan.categories]),
            groups=every,
            bursts=goods.bursts(plan, self._days, self._goods),
            quiet=tuple(Quiet(span.start, span.end) for span in self._days.quiet),
            users=tuple(each.truth for each in people),
            items=self._goods,
        )
        self._shelf = Shelf(self._goods, self.truth.bursts, plan.categories)
        self._lives = [_Life(each, each.first) for each in people]
        self._visits = [(self._days.at(each.first), each.number) for each in people]
        heapify(self._visits)
        self._pending: list[tuple[float, int, int, int, Event]] = []

    def items(self) -> Iterator[Item]:
        """What producers say of the items as they are born, oldest first."""
        for number in sorted(range(len(self._goods)), key=lambda n: (self._goods[n].born, n)):
            yield goods.message(number, self._goods[number], self.plan)

    def withdrawals(self) -> Iterator[Withdrawal]:
        """What producers say of those that go without notice, oldest first."""
        gone = [
            (good.dies, number)
            for number, good in enumerate(self._goods)
            if good.dies is not None and not good.announced
        ]
        for at, number in sorted(gone):
            item = goods.message(number, self._goods[number], self.plan)
            yield Withdrawal(at, msgspec.structs.replace(item, available=False))

    def events(self) -> Iterator[Event]:
        """All that is done, oldest first."""
        while ready := self.step():
            yield from ready

    @property
    def due(self) -> float:
        """When somebody comes next, seconds since the epoch; infinity: nobody does any more."""
        return self._visits[0][0]

    def step(self) -> list[Event]:
        """What is done until the next visit, oldest first; nothing: the days are over."""
        while self.due < math.inf:
            if ready := self._before(self.due):
                return ready
            self._visit(*heappop(self._visits))
        return self._before(math.inf)

    def _before(self, at: float) -> list[Event]:
        ready = []
        while self._pending and self._pending[0][0] <= at:
            ready.append(heappop(self._pending)[-1])
        return ready

    def _visit(self, at: float, number: int) -> None:
        """One visit, and when the user comes again."""
        life = self._lives[number]
        who = life.person.truth
        u = numbers(draws(self.plan.seed, Part.VISIT, number, life.visits))
        life.done += -math.log1p(-next(u)) / life.person.visits
        self._shelf.move(at)
        caller = Caller(who.id, life.memory)
        prefix = f"{who.id}-{life.visits}"
        visit = Visit(caller, self._shelf, u, at, self._days.until(at), prefix)
        if taste := who.taste_at(at):
            human(visit, taste, self._shows.shown(who.id, at), self.plan)
        else:
            bot(visit, self.plan)
        for place, event in enumerate(visit.events):
            heappush(self._pending, (event.at, number, life.visits, place, event))
        life.visits += 1
        soonest = round(visit.at + PAUSE_S, 3)
        after = self._days.awake(max(self._days.at(life.done), soonest))
        heappush(self._visits, (after, number))
