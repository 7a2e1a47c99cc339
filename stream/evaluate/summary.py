"""From a run to figures: by method, by kind of user and item, and against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.core.tuning import DAY_S
from stream.evaluate import metrics
from stream.evaluate.intervals import Interval, Users, paired
from stream.evaluate.moments import LIKED
from stream.evaluate.ranked import Method, Ranked

OURS = "interestream"
POPULARITY = "popularity"
SIZES = (1, 5, 10)
DEEP = (20, 50)
ABLATED = "without "

Flags = NDArray[np.bool_]
Figures = dict[str, Any]


def summary(ranked: Ranked, groups: Mapping[str, Mapping[str, str]]) -> Figures:
    """All figures, ready for JSON. `groups`: by kind of group the group of each user."""
    if not len(ranked):
        return {"methods": {}, "by": {}, "paired": {}, "ratings": {}, "ablation": {}}
    users = Users.of(ranked.users)
    main = {name: one for name, one in ranked.methods.items() if not name.startswith(ABLATED)}
    return {
        "methods": {name: figures(one, ranked, users) for name, one in main.items()},
        "paired": {
            name: _against(main[OURS], one, ranked.list_size, users)
            for name, one in main.items()
            if name != OURS and OURS in main
        },
        "by": breakdowns(ranked, groups),
        "ratings": _ratings(ranked),
        "ablation": {
            name.removeprefix(ABLATED): _against(ranked.methods[OURS], one, ranked.list_size, users)
            for name, one in ranked.methods.items()
            if name.startswith(ABLATED)
        },
    }


def figures(one: Method, ranked: Ranked, users: Users) -> Figures:
    """One method's figures; an interval `[low, high]` beside hit rate and NDCG."""
    size = ranked.list_size
    found: Figures = {}
    for each in sorted({*(s for s in SIZES if s < size), size}):
        found |= _measured(f"hr@{each}", metrics.hits(one.places, each), users)
        found |= _measured(f"ndcg@{each}", metrics.gains(one.places, each), users)
    found |= _measured("mrr", metrics.reciprocals(one.places, size), users)
    if one.full:
        found |= {f"hr@{s}": _mean(metrics.hits(one.places, s)) for s in DEEP if s > size}
    precision = _mean(metrics.precision(one.lists, ranked.ahead))
    recall = _mean(metrics.recall(one.lists, ranked.ahead))
    exposed = metrics.exposure(one.lists, ranked.items)
    return found | {
        f"precision@{size}": precision,
        f"recall@{size}": recall,
        f"f1@{size}": round(metrics.harmonic(precision or 0.0, recall or 0.0), 5),
        f"coverage@{size}": round(metrics.coverage(exposed), 5),
        "gini": round(metrics.gini(exposed), 5),
        "novelty": _mean(one.novelty),
        "diversity": _mean(one.diversity),
        "calibration_kl": _mean(one.divergence),
        "serendipity": _serendipity(one, ranked, users),
    }


def _serendipity(one: Method, ranked: Ranked, users: Users) -> float | None:
    popular = ranked.methods.get(POPULARITY)
    if popular is None:
        return None
    return _mean(metrics.surprises(one.places, popular.places, ranked.list_size))


def _measured(name: str, values: metrics.Values, users: Users) -> Figures:
    found = users.mean(values)
    return {name: round(found.value, 5), f"{name}_interval": _ends(found)}


def _ends(found: Interval) -> list[float]:
    return [round(found.low, 5), round(found.high, 5)]


def _mean(values: metrics.Values) -> float | None:
    found = metrics.mean(values)
    return None if found is None else round(found, 5)


def _against(ours: Method, other: Method, size: int, users: Users) -> Figures:
    """How much more `ours` finds than `other`, on the same rankings."""
    found: Figures = {}
    for name, figure in (("hr", metrics.hits), ("ndcg", metrics.gains)):
        far = paired(users, figure(ours.places, size), figure(other.places, size))
        found[f"{name}@{size}"] = {
            "difference": round(far.difference.value, 5),
            "interval": _ends(far.difference),
            "change": None if far.change is None else round(far.change, 4),
            "sure": far.sure,
        }
    return found


# --- by kind of user and item


def breakdowns(ranked: Ranked, groups: Mapping[str, Mapping[str, str]]) -> Figures:
    """By kind, bucket and method: events, hit rate, NDCG; of user groups also the gap."""
    kinds = {
        "user_history": _history(ranked.history),
        "item_age": _ages(ranked.item_age),
        "item_uses": _uses(ranked.item_uses),
    }
    found = {kind: _buckets(ranked, buckets) for kind, buckets in kinds.items()}
    for kind, members in groups.items():
        own = np.array([members.get(user, "unknown") for user in ranked.users], object)
        buckets = {name: own == name for name in sorted(set(own))}
        found[f"user_{kind}"] = _buckets(ranked, buckets)
        found[f"user_{kind}"]["gap"] = _gaps(found[f"user_{kind}"], ranked.list_size)
    return found


def _history(history: NDArray[np.int64]) -> dict[str, Flags]:
    return _ranges(history, {"cold": 1, "1 to 4": 5, "5 to 19": 20, "20 to 99": 100}, "100 on")


def _uses(uses: NDArray[np.int64]) -> dict[str, Flags]:
    return _ranges(uses, {"cold": 1, "1 to 9": 10, "10 to 99": 100}, "100 on")


def _ages(age: metrics.Values) -> dict[str, Flags]:
    days = np.nan_to_num(age / DAY_S, nan=-1.0)
    ends = {"cold": 0, "under 1 day": 1, "1 to 7 days": 7, "7 to 30 days": 30}
    return _ranges(days, ends, "30 days on")


def _ranges(values: NDArray[Any], ends: Mapping[str, float], rest: str) -> dict[str, Flags]:
    """Buckets of what lies below each end and not below the one before."""
    found: dict[str, Flags] = {}
    start = -np.inf
    for name, end in (*ends.items(), (rest, np.inf)):
        found[name] = (values >= start) & (values < end)
        start = end
    return found


def _buckets(ranked: Ranked, buckets: Mapping[str, Flags]) -> Figures:
    size = ranked.list_size
    found: Figures = {}
    for bucket, inside in buckets.items():
        if not inside.any():
            continue
        users = Users.of([u for u, yes in zip(ranked.users, inside, strict=True) if yes])
        found[bucket] = {"events": int(inside.sum())} | {
            name: _measured(f"hr@{size}", metrics.hits(one.places[inside], size), users)
            | _measured(f"ndcg@{size}", metrics.gains(one.places[inside], size), users)
            for name, one in ranked.methods.items()
            if not name.startswith(ABLATED)
        }
    return found


def _gaps(buckets: Figures, size: int) -> dict[str, float]:
    """By method how much NDCG the best served group has over the worst served one."""
    methods: Sequence[str] = sorted({n for one in buckets.values() for n in one} - {"events"})
    found = {}
    for name in methods:
        values = [one[name][f"ndcg@{size}"] for one in buckets.values()]
        found[name] = round(max(values) - min(values), 5)
    return found


def _ratings(ranked: Ranked) -> Figures:
    found: Figures = {}
    for name, guessed in ranked.ratings.guessed.items():
        errors = metrics.rating_errors(ranked.ratings.given, guessed, LIKED)
        if errors is not None:
            found[name] = {key: round(value, 5) for key, value in errors.items()}
    return found


def settings_of(tuning: Any) -> Figures:
    """The ranking's numbers, for the record."""
    return asdict(tuning)
