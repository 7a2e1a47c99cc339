"""Which events are ranked before they are learned, and which are learned at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.core.tuning import EventKind
from stream.wire.inputs import Event

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Plan:
    """For each event, in time order: whether it is ranked, and whether it is learned afterwards."""

    name: str
    ranked: Flags
    learned: Flags


def prequential(events: Sequence[Event], *, first: int, every: int) -> Plan:
    """Each `every`-th event after the first ones is ranked, and all are learned."""
    place = np.arange(len(events))
    ranked = (place >= first) & ((place - first) % every == 0)
    return Plan("prequential", ranked, np.ones(len(events), np.bool_))


def time_split(events: Sequence[Event], *, share: float, every: int, learning: bool) -> Plan:
    """One moment for everybody: before it events are learned, after it they are ranked.

    share     of the events that lie before the moment
    every     of the events after it only each `every`-th is ranked
    learning  whether events after it are learned too, or all stays as it was at the moment
    """
    place = np.arange(len(events))
    start = int(len(events) * share)
    ranked = (place >= start) & ((place - start) % every == 0)
    learned = np.ones(len(events), np.bool_) if learning else place < start
    return Plan("time-split" if learning else "time-split, frozen", ranked, learned)


def leave_one_out(events: Sequence[Event]) -> Plan:
    """Each user's last event is ranked, with the events of before it known, and no later ones."""
    last = {event.user_id: place for place, event in enumerate(events)}
    ranked = np.zeros(len(events), np.bool_)
    ranked[list(last.values())] = True
    return Plan("leave-one-out", ranked, np.ones(len(events), np.bool_))


def wanted(event: Event, kind: EventKind | None) -> bool:
    """Whether a list that had offered the item would have been right: somebody wanted it."""
    return event.item_id is not None and kind is not None and kind.updates and kind.strength > 0
