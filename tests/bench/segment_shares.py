"""Whether published interest shares are the planted ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from stream.core.distribution import portrait
from stream.core.profile import Profile
from stream.core.tuning import Tuning
from stream.evaluate.simulate import Plan, Truth, simulate
from stream.settings import load
from stream.wire.inputs import Event
from tests.bench.segment_figures import l1
from tests.bench.segment_worlds import DIMENSION, engine

AT = (50, 200, 1000)
KINDS = ("single", "double", "triple")
OF_A_KIND = 5  # users, at most
#: A main category has at least this share; what lies below is spread over all categories.
MAIN = 0.05
PLAN = Plan(
    users=24,
    items=240,
    days=45,
    groups=3,
    events_per_day=40,
    drifting=0,
    bots=0,
    births=0,
    deaths=0,
    bursts=0,
    concentration=1e4,
    dimension=DIMENSION,
)
#: Events as people make them, and the clicks alone as if all were likes.
AS = ("of all kinds", "of one kind")


def run(seed: int, plan: Plan = PLAN) -> dict[str, Any]:
    """By how events count and kind of taste and events: L1 of each user's interests, categories,
    and of the draw."""
    found = simulate(replace(plan, seed=seed))
    settings = load()
    watched = _watched(found.truth)
    errors: dict[str, dict[str, list[dict[str, float]]]] = {name: {} for name in AS}
    for name in AS:
        own = engine(found, settings)
        alike = name == AS[1]
        drawn: dict[str, list[tuple[str, float]]] = {user: [] for user in watched}
        for event in found.events:
            user = event.user_id
            counts = event.type == "click" if alike else own.kinds[event.type].updates
            if user not in watched or not counts or len(drawn[user]) >= AT[-1]:
                continue
            now = own.fold(user, (_alike(event) if alike else event,)).profile
            category = found.truth.category_of[event.item_id or ""]
            drawn[user].append((category, max(now.recent[-1].strength, 0.0)))
            if len(drawn[user]) in AT:
                planted = found.truth.shares_at(user, event.at)
                errors[name].setdefault(f"{watched[user]} {len(drawn[user])}", []).append(
                    _errors(now, drawn[user], planted, settings.tuning())
                )
    return errors


def _watched(truth: Truth) -> dict[str, str]:
    """The first users of each kind of taste, and which it is."""
    kinds = {group.id: group.kind for group in truth.groups}
    found: dict[str, str] = {}
    for user, group in truth.group_of.items():
        if list(found.values()).count(kinds[group]) < OF_A_KIND:
            found[user] = kinds[group]
    return found


def pooled(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Means over all users of all runs, by how events count, kind of taste and events."""
    return {
        name: {
            f"{kind} {at}": _means(rows)
            for kind in KINDS
            for at in AT
            if (rows := [row for run in runs for row in run[name].get(f"{kind} {at}", ())])
        }
        for name in AS
    }


def _alike(event: Event) -> Event:
    return msgspec.structs.replace(event, type="like", dwell_s=None, rating=None, text=None)


def _errors(
    profile: Profile,
    drawn: Sequence[tuple[str, float]],
    planted: Mapping[str, float],
    tuning: Tuning,
) -> dict[str, float]:
    names = [name for name, share in planted.items() if share >= MAIN]
    said = portrait(profile, {}, profile.as_of, tuning)
    interests = _shares_of([(one.label, one.share) for one in said.interests])
    return {
        "interests": l1(interests, planted, names),
        "categories": l1(said.categories, planted, names),
        "weights": l1(_shares_of(drawn), planted, names),
        "draw": l1(_shares_of([(name, 1.0) for name, _ in drawn]), planted, names),
    }


def _shares_of(weights: Sequence[tuple[str, float]]) -> dict[str, float]:
    sums: defaultdict[str, float] = defaultdict(float)
    for name, weight in weights:
        sums[name] += weight
    total = sum(sums.values()) or 1.0
    return {name: weight / total for name, weight in sums.items()}


def _means(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = ("interests", "categories", "weights", "draw")
    means = {name: round(float(np.mean([row[name] for row in rows])), 4) for name in names}
    return {"users": len(rows), **means}
