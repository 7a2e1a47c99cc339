"""A restless world: whether users go back and forth, and how soon it is seen who turned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from stream.core.tuning import DAY_S
from stream.evaluate.simulate import Plan, Truth, simulate
from tests.bench.segment_figures import (
    majority_by_weight,
    majority_of_last,
    returns,
    spread,
)
from tests.bench.segment_worlds import (
    GROUPS,
    RESTLESS,
    Keeper,
    Models,
    Stream,
    given,
    keeper,
)

REFIT_DAYS = 2.0
WINDOW = 20  # events: "the latest ones", for who looks at nothing older
#: What a move asks for beyond another segment being nearer, by rule.
RULES: Mapping[str, Mapping[str, float]] = {
    "service": {},
    "without min_stay_s": {"min_stay_s": 0.0},
    "without margin": {"margin": 0.0},
    "without either": {"margin": 0.0, "min_stay_s": 0.0},
}
SERVICE, NO_STAY, _, NEAREST = RULES
MAJORITIES = ("weight", "latest")
TARGET = 20
BEFORE = -1
WIDTHS = {"single": 1, "double": 2, "triple": 3}
SCOPES = {"min_stay_s": None, "a day": DAY_S}


def run(seed: int, plan: Plan = RESTLESS) -> dict[str, Any]:
    """Moves and returns by rule, and each turned user's delays."""
    settings = given(GROUPS)
    found = simulate(replace(plan, seed=seed))
    models = Models(settings, settings.tuning())
    keepers = {name: keeper(settings, models, **rule) for name, rule in RULES.items()}
    stream = Stream(found, settings, REFIT_DAYS * DAY_S, [models], [*keepers.values()])
    stream.play()
    days = (found.events[-1].at - found.events[0].at) / DAY_S
    half_life_s = settings.tuning().interest_half_life_s
    home = homes(found.truth, keepers[SERVICE], found.events[-1].at)
    return {
        "users": len(stream.liked),
        "days": round(days, 1),
        "min_stay_s": settings.segment_min_stay_s,
        "margin": settings.segment_margin,
        "half_life_days": half_life_s / DAY_S,
        "flapping": {
            name: _flapping(one, len(stream.liked) * days, settings.segment_min_stay_s)
            for name, one in keepers.items()
        },
        "turns": turned(stream, keepers, home, half_life_s),
    }


def _flapping(one: Keeper, user_days: float, min_stay_s: float) -> dict[str, float]:
    every = list(one.moves.values())
    moves = sum(move.before is not None for own in every for move in own)
    return {
        "moves": moves,
        "moves_per_user_and_day": round(moves / user_days, 5),
        **{
            f"back_within_{name}": sum(returns(own, within or min_stay_s) for own in every)
            for name, within in SCOPES.items()
        },
    }


def homes(truth: Truth, one: Keeper, at: float) -> dict[str, str]:
    """By group the segment in which most of its users are at the end who never turned."""
    counts: dict[str, Counter[str]] = {}
    for user, segment in one.segments.items():
        group = truth.group_at(user, at)
        if group is not None and not truth.drifts[user]:
            counts.setdefault(group, Counter())[segment] += 1
    return {group: found.most_common(1)[0][0] for group, found in counts.items()}


def turned(
    stream: Stream, keepers: Mapping[str, Keeper], home: Mapping[str, str], half_life_s: float
) -> list[dict[str, Any]]:
    """Who turned from one group's segment to another's, and came to a majority of new events.

    width   main categories of the group before and of the one after
    delays  by majority: `left`, events of the user after the one that made it, and by rule those
            until the one that moved the user to the new segment; None: not within these days
    """
    truth, found = stream.found.truth, []
    width = {group.id: WIDTHS[group.kind] for group in truth.groups}
    for user, liked in stream.liked.items():
        tastes = truth.user[user].tastes
        if len(tastes) < 2:
            continue
        before, after = tastes
        old, new = home.get(before.group), home.get(after.group)
        if new is None or new == old:
            continue
        moved = {name: _arrival(one, user, new, after.since) for name, one in keepers.items()}
        places = {
            "weight": majority_by_weight(liked, half_life_s),
            "latest": majority_of_last(liked, WINDOW),
        }
        if places["weight"] is None or moved[NEAREST] == BEFORE:
            continue
        found.append(
            {
                "width": [width[before.group], width[after.group]],
                "delays": {
                    name: {"left": len(liked) - 1 - place, **_delays(place, moved)}
                    for name, place in places.items()
                    if place is not None
                },
            }
        )
    return found


def _delays(place: int, moved: Mapping[str, int | None]) -> dict[str, int | None]:
    return {rule: None if at is None else at - place for rule, at in moved.items()}


def _arrival(one: Keeper, user: str, segment: str, since: float) -> int | None:
    """Place of the user's event that was the last one when the user moved to the segment after
    having turned; None: never; BEFORE: the user was there already."""
    steps = list(zip(one.moves[user], one.at[user], strict=True))
    past = [move.after for move, _ in steps if move.at < since]
    if past and past[-1] == segment:
        return BEFORE
    return next((at for move, at in steps if move.at >= since and move.after == segment), None)


def delays(turns: Sequence[Mapping[str, Any]], majority: str, rule: str) -> list[int]:
    """Of everybody of whom it can be said: who had not moved when the days ended counts with the
    events until then, where these are more than `TARGET`."""
    found = []
    for turn in turns:
        one = turn["delays"].get(majority, {"left": 0})
        late = one.get(rule)
        if late is not None:
            found.append(late)
        elif one["left"] > TARGET:
            found.append(one["left"])
    return found


def summary(turns: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Delays by majority, by how wide the tastes are, and what each rule adds."""
    return {
        "users": len(turns),
        **{
            f"by_{majority}": {
                **spread(found := delays(turns, majority, SERVICE)),
                "within_target": _share([late <= TARGET for late in found]),
            }
            for majority in MAJORITIES
        },
        "by_width": {
            name: {"users": len(some), **spread(some)} for name, some in by_width(turns).items()
        },
        "causes": {
            "the nearest centroid": spread(delays(turns, "weight", NEAREST)),
            "the margin": spread(_added(turns, NO_STAY, NEAREST)),
            "min_stay_s": spread(_added(turns, SERVICE, NO_STAY)),
        },
    }


def by_width(turns: Sequence[Mapping[str, Any]]) -> dict[str, list[int]]:
    """Delays from the majority by weight, by whether the new taste has fewer main categories."""
    found: dict[str, list[Mapping[str, Any]]] = {"narrower": [], "as wide": [], "wider": []}
    for turn in turns:
        before, after = turn["width"]
        found["narrower" if after < before else "wider" if after > before else "as wide"] += [turn]
    return {name: delays(some, "weight", SERVICE) for name, some in found.items()}


def _added(turns: Sequence[Mapping[str, Any]], rule: str, without: str) -> list[int]:
    both = [(turn["delays"]["weight"][rule], turn["delays"]["weight"][without]) for turn in turns]
    return [late - early for late, early in both if late is not None and early is not None]


def _share(truths: Sequence[bool]) -> float:
    return round(sum(truths) / len(truths), 4) if truths else 0.0
