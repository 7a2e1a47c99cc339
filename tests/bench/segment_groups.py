"""Whether planted groups are found, and whether users stay in their segments over refits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stream.core.profile import Profile
from stream.core.segments import SegmentModel
from stream.core.tuning import DAY_S
from stream.settings import Settings
from tests.bench.segment_figures import kept, rand
from tests.bench.segment_worlds import (
    Keeper,
    Models,
    Stream,
    chosen,
    given,
    keeper,
    tastes,
    world,
)

REFIT_DAYS = 10.0
AGAIN = 3  # refits on unchanged data, one after another
MORE = (0.05, 0.5)  # users that come on top, as shares of those before
COUNTS = ("given", "chosen")


def run(kind: str, seed: int, users: int | None = None) -> dict[str, Any]:
    """One world of a kind, with the number of segments given, and chosen within bounds."""
    found = world(kind, seed, users)
    settings = dict(zip(COUNTS, (given(), chosen()), strict=True))
    models = {name: Models(own, own.tuning()) for name, own in settings.items()}
    keepers = {name: keeper(own, models[name]) for name, own in settings.items()}
    stream = Stream(found, given(), REFIT_DAYS * DAY_S, [*models.values()], [*keepers.values()])
    profiles = stream.play()
    end = found.events[-1].at
    groups = {user: str(found.truth.group_at(user, end)) for user in found.truth.group_of}
    seen = {user: groups[user] for user in profiles if user in groups}
    return {
        "users": len(seen),
        "events_a_user": round(sum(map(len, stream.liked.values())) / len(profiles), 1),
        "recovery": {name: _recovered(one, seen) for name, one in keepers.items()},
        "stability": {
            name: stability(list(profiles.values()), own, models[name].now, seed)
            for name, own in settings.items()
        },
    }


def _recovered(one: Keeper, groups: Mapping[str, str]) -> dict[str, float]:
    segments = one.segments
    named = {user: segments.get(user) for user in groups}
    inside = [user for user in groups if user in segments]
    model = one.models.now
    return {
        "rand": round(rand(named, groups), 4),
        "segments": 0 if model is None else len(model.segments),
        "in_one": round(len(inside) / len(groups), 4),
    }


def stability(
    people: Sequence[Profile], settings: Settings, model: SegmentModel | None, seed: int
) -> dict[str, float]:
    """Shares of users whose segment has the same id after a refit.

    unchanged       three refits on the same tastes, the model in force being the world's last
    nearest         the same by the nearest centroid alone, without the margin for moving
    fresh sample    everybody's, where one half of them was fitted first and then the other
    5 %, 50 % more  of the first users', where so many came on top before the refit

    `min_stay_s` is 0 here: no time passes, and it would keep everybody where they are.
    """
    order = np.random.default_rng(seed).permutation(len(people))
    mixed = [people[place] for place in order]
    half = len(mixed) // 2
    rules: list[dict[str, float]] = [{}, {"margin": 0.0}]
    unchanged, nearest = _kept(people, model, [people] * AGAIN, settings, rules)
    (fresh,) = _kept(people, _first(mixed[:half], settings), [mixed[half:]], settings)
    found = {"unchanged": unchanged, "nearest": nearest, "fresh sample": fresh}
    for share in MORE:
        old = mixed[: round(len(mixed) / (1 + share))]
        (found[f"{share:.0%} more"],) = _kept(old, _first(old, settings), [mixed], settings)
    return found


def _first(sample: Sequence[Profile], settings: Settings) -> SegmentModel | None:
    return Models(settings, settings.tuning()).fitted(tastes(sample, settings.tuning()))


def _kept(
    people: Sequence[Profile],
    model: SegmentModel | None,
    samples: Sequence[Sequence[Profile]],
    settings: Settings,
    rules: Sequence[Mapping[str, float]] = ({},),
) -> list[float]:
    """By rule of moving, the share of the people in the same segment after a fit of each sample
    as under the model."""
    models = Models(settings, settings.tuning())
    models.now = model
    keepers = [keeper(settings, models, **{"min_stay_s": 0.0, **rule}) for rule in rules]
    before: list[dict[str, str]] = []
    for sample in [(), *samples]:
        models.refit(sample)
        for one in keepers:
            for profile in people:
                one.look(profile, 0)
        before = before or [one.segments for one in keepers]
    return [round(kept(was, one.segments), 4) for was, one in zip(before, keepers, strict=True)]
