"""When models are trained: once, on all before a moment, or again and again after it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from export.sequence.log import Asked, Log
from export.sequence.ranking import Model, places_of
from stream.evaluate.orders import NOWHERE, Places


@dataclass(frozen=True, slots=True)
class Trained:
    """What training leaves.

    chosen  on the validation window, and how well it did there
    again   trains from the start on a longer log
    """

    model: Model
    chosen: Mapping[str, Any]
    again: Callable[[Log], Trained]


@dataclass(frozen=True, slots=True)
class Fit:
    """A model, and the seconds it took, choosing included."""

    model: Model
    chosen: Mapping[str, Any]
    seconds: float


def fits(log: Log, train: Callable[[Log], Trained], moments: Sequence[int]) -> dict[int, Fit]:
    """By moment the model of all before it.

    train    at the first moment; at others what it left is asked to train again
    moments  places in the data set, ascending
    """
    found: dict[int, Fit] = {}
    for moment in moments:
        started = time.perf_counter()
        trained = train(log.before(moment))
        seconds = round(time.perf_counter() - started, 2)
        found[moment] = Fit(trained.model, trained.chosen, seconds)
        train = trained.again
    return found


def ranked(log: Log, asked: Asked, fitted: Mapping[int, Fit]) -> Places:
    """(m,) places; each ranking by the newest model of its moment or before.

    Rankings of before the first model have no place.
    """
    found = np.full(len(asked.rows), NOWHERE, np.int64)
    for start, end in pairwise([*fitted, np.iinfo(np.intp).max]):
        popular = log.before(start).counts()
        inside = (asked.places >= start) & (asked.places < end)
        found[inside] = places_of(fitted[start].model, asked.between(start, end), popular)
    return found
