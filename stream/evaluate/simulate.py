"""A planted world in memory: `simulate(Plan(…))` gives messages as the service decodes them.

`World` goes step by step, with lists from outside if there are any (`ClosedLoop`); what is true
of a world is its `truth`. `interestream simulate` writes the same as files.
"""

from __future__ import annotations

from dataclasses import dataclass

from stream.evaluate.dataset import Dataset
from stream.evaluate.simulation.files import Written, prepare, write
from stream.evaluate.simulation.plan import DAY_S, Plan
from stream.evaluate.simulation.shows import ClosedLoop, Shown, Shows
from stream.evaluate.simulation.truth import Truth, read
from stream.evaluate.simulation.world import Withdrawal, World
from stream.wire.inputs import Event, Item

__all__ = [
    "DAY_S",
    "ClosedLoop",
    "Plan",
    "Shown",
    "Shows",
    "Simulated",
    "Truth",
    "Withdrawal",
    "World",
    "Written",
    "prepare",
    "read",
    "simulate",
    "write",
]


@dataclass(frozen=True, slots=True)
class Simulated:
    """All that a world said, oldest first, and what was true of it.

    items        as they were born
    withdrawals  of the items that went without notice
    """

    items: tuple[Item, ...]
    events: tuple[Event, ...]
    withdrawals: tuple[Withdrawal, ...]
    truth: Truth

    @property
    def dataset(self) -> Dataset:
        """As evaluation takes it, with the users' first groups."""
        groups = {"group": dict(self.truth.group_of)}
        return Dataset("simulated", self.items, self.events, groups)


def simulate(plan: Plan, shows: Shows | None = None) -> Simulated:
    """The whole world of a plan; of a large one take `World` and go step by step."""
    world = World(plan, shows)
    events = tuple(world.events())
    return Simulated(tuple(world.items()), events, tuple(world.withdrawals()), world.truth)
