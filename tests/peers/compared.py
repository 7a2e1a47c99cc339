"""From places to figures, and how far our two orders are from each peer on the same rankings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.sequence.ranking import LIST_SIZE
from stream.evaluate import metrics
from stream.evaluate.intervals import Interval, Users, paired
from stream.evaluate.orders import Places
from stream.evaluate.summary import OURS

FIGURES = {"hr": metrics.hits, "ndcg": metrics.gains}
OURS_BOTH = (OURS, f"{OURS} (score)")

Flags = NDArray[np.bool_]
Figures = dict[str, Any]


def compared(places: Mapping[str, Places], users: Sequence[str], known: Flags) -> Figures:
    """Figures of all methods, of ours against each other one, and by whether a user was known.

    places  (r,) by method, ours among them
    known   (r,) whether the ranking's user had used anything before the first training
    """
    drawn = Users.of(users)
    return {
        "events": len(users),
        "users": len(set(users)),
        "methods": {name: figures(own, drawn) for name, own in places.items()},
        "paired": {
            ours: {
                name: against(places[ours], own, drawn)
                for name, own in places.items()
                if name not in OURS_BOTH
            }
            for ours in OURS_BOTH
        },
        "by": {
            "users known to the first training": _part(places, users, known),
            "users that came later": _part(places, users, ~known),
        },
    }


def figures(places: Places, users: Users) -> Figures:
    """Hit rate and NDCG, each with its interval `[low, high]`."""
    found: Figures = {}
    for name, figure in FIGURES.items():
        mean = users.mean(figure(places, LIST_SIZE))
        found |= {
            f"{name}@{LIST_SIZE}": round(mean.value, 5),
            f"{name}@{LIST_SIZE}_interval": _ends(mean),
        }
    return found


def against(ours: Places, other: Places, users: Users) -> Figures:
    """How much more `ours` finds than `other`; `change` is a share of the other's figure."""
    found: Figures = {}
    for name, figure in FIGURES.items():
        far = paired(users, figure(ours, LIST_SIZE), figure(other, LIST_SIZE))
        found[f"{name}@{LIST_SIZE}"] = {
            "difference": round(far.difference.value, 5),
            "interval": _ends(far.difference),
            "change": None if far.change is None else round(far.change, 4),
            "sure": far.sure,
        }
    return found


def _part(places: Mapping[str, Places], users: Sequence[str], inside: Flags) -> Figures:
    if not inside.any():
        return {"events": 0}
    own = [user for user, yes in zip(users, inside, strict=True) if yes]
    drawn = Users.of(own)
    return {
        "events": len(own),
        "users": len(set(own)),
        "methods": {name: figures(found[inside], drawn) for name, found in places.items()},
    }


def _ends(found: Interval) -> list[float]:
    return [round(found.low, 5), round(found.high, 5)]
