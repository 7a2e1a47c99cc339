"""A world as it happens: each thing when its time has come."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import merge
from operator import itemgetter

from stream.evaluate.simulation.plan import DAY_S
from stream.evaluate.simulation.world import World
from stream.wire.inputs import Event, Item

Wait = Callable[[float], object]  # until a time of the world, seconds since the epoch


@dataclass(frozen=True, slots=True)
class Pace:
    """The world's time beside the wall's: both meet at the end of the days.

    So nothing that happens is ever in the future, however fast the world goes.

    began  wall clock at the first moment, seconds since the epoch
    speed  seconds of the world a second, at least 1
    """

    began: float
    speed: float
    days: int

    @property
    def start(self) -> int:
        """Of the world's first day, whole seconds since the epoch."""
        length = self.days * DAY_S
        return math.floor(self.began - length + length / self.speed)

    def wall(self, at: float) -> float:
        """The wall's time at a time of the world."""
        return self.began + (at - self.start) / self.speed


def events(world: World, wait: Wait) -> Iterator[Event]:
    """All that is done, each at its time; lists are asked for when a visit begins, not before."""
    while True:
        if world.due < math.inf:
            wait(world.due)
        ready = world.step()
        if not ready:
            return
        for event in ready:
            wait(event.at)
            yield event


def notices(world: World, wait: Wait) -> Iterator[Item]:
    """What producers say of items that come and go during the days, each at its time."""
    born = ((item.published_at or 0.0, item) for item in world.items())
    new = ((at, item) for at, item in born if at > world.plan.start)
    gone = ((each.at, each.item) for each in world.withdrawals())
    for at, item in merge(new, gone, key=itemgetter(0)):
        wait(at)
        yield item


def stock(world: World) -> Iterator[Item]:
    """What producers say of the items that are there from the beginning."""
    return (item for item in world.items() if (item.published_at or 0.0) <= world.plan.start)
