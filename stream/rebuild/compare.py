"""Whether two profiles say the same: exactly where arithmetic is, within rounding where it is not.

Sums of the session and the aversion are kept in float16 at every save, interests in float32, and
how many saves there were is not known: n events are n saves at most, and their errors, which point
anywhere, add up like √n.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np

from stream.core.decay import Mass, Vector, factor
from stream.core.profile import Interest, Profile
from stream.core.tuning import Tuning

FLOAT16 = 2.0**-11  # share of a value by which a save may change it
MOST_OFF = 0.05  # of a sum's weight, however many saves there were
EXACT = 1e-6  # weights are doubles all the way: nothing but the order of additions
SHORT = 1e-4  # six digits of categories, at every save
FAINT = 1e-6  # weight of a day that half precision may lose
FORGOTTEN_S = 1e-3  # a replay begins a hair before the time that the live profile has

#: What depends on items as well as on events.
OF_ITEMS = frozenset({"session", "aversion", "interests", "categories", "lately"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs, in words. `field` is of the profile."""

    field: str
    live: str
    rebuilt: str

    def __str__(self) -> str:
        return f"{self.field}: live {self.live}, rebuilt {self.rebuilt}"


def differences(
    live: Profile, rebuilt: Profile, sources: Iterable[str], tuning: Tuning, events: int
) -> list[Difference]:
    """What differs of what events determine.

    sources  of the topic that was replayed: marks of others are not compared
    events   that were replayed for the user
    """
    known = set(sources)
    share = min(4 * FLOAT16 * sqrt(max(events, 1)), MOST_OFF)
    return [
        *_unequal("marks", _marks(live, known), _marks(rebuilt, known)),
        *_times("forgotten_at", live.forgotten_at, rebuilt.forgotten_at),
        *_unequal("as_of", live.as_of, rebuilt.as_of),
        *_rings("event_ids", live.event_ids, rebuilt.event_ids),
        *_rings("seen", live.seen, rebuilt.seen),
        *_recent(live, rebuilt),
        *_ratings(live, rebuilt),
        *_unequal("budget", live.budget, rebuilt.budget),
        *_masses("session", live.session, rebuilt.session, share),
        *_masses("aversion", live.aversion, rebuilt.aversion, share),
        *_masses("interests", _total(live, tuning), _total(rebuilt, tuning), share),
        *_categories(live, rebuilt),
        *_lately(live, rebuilt, share),
    ]


def regrouped(live: Profile, rebuilt: Profile) -> bool:
    """Whether the same sums are divided into other interests.

    That depends on thresholds that fit the catalogue, which may have grown since, and at a
    threshold on rounding.
    """
    return {_division(one) for one in live.interests} != {
        _division(one) for one in rebuilt.interests
    }


def _division(interest: Interest) -> tuple[str, str]:
    return interest.id, f"{interest.mass.weight:.3g}"


def _marks(profile: Profile, sources: set[str]) -> dict[str, int]:
    return {source: offset for source, offset in profile.marks if source in sources}


def _unequal(field: str, live: object, rebuilt: object) -> Iterator[Difference]:
    if live != rebuilt:
        yield Difference(field, _said(live), _said(rebuilt))


def _times(field: str, live: float | None, rebuilt: float | None) -> Iterator[Difference]:
    if live is None or rebuilt is None or abs(live - rebuilt) > FORGOTTEN_S:
        yield from _unequal(field, live, rebuilt)


def _rings(field: str, live: tuple[int, ...], rebuilt: tuple[int, ...]) -> Iterator[Difference]:
    if live == rebuilt:
        return
    mine, other = set(live), set(rebuilt)
    if mine == other:
        yield Difference(field, f"{len(live)} in one order", "the same in another")
        return
    yield Difference(
        field,
        f"{len(live)}, of which {len(mine - other)} alone",
        f"{len(rebuilt)}, of which {len(other - mine)} alone",
    )


def _recent(live: Profile, rebuilt: Profile) -> Iterator[Difference]:
    mine = [(one.item_id, one.at) for one in live.recent]
    other = [(one.item_id, one.at) for one in rebuilt.recent]
    if mine != other:
        here, there = set(mine) - set(other), set(other) - set(mine)
        yield Difference(
            "recent",
            f"{len(mine)}, alone: {_some(sorted(item for item, _ in here))}",
            f"{len(other)}, alone: {_some(sorted(item for item, _ in there))}",
        )
        return
    for one, again in zip(live.recent, rebuilt.recent, strict=True):
        if abs(one.strength - again.strength) > 2 * FLOAT16:
            yield Difference(
                "recent",
                f"{one.item_id} with strength {one.strength:.4g}",
                f"{again.strength:.4g}",
            )


def _ratings(live: Profile, rebuilt: Profile) -> Iterator[Difference]:
    mine, other = live.ratings, rebuilt.ratings
    if mine.count != other.count or abs(mine.total - other.total) > EXACT * (1 + mine.count):
        yield Difference(
            "ratings", _rated(mine.count, mine.total), _rated(other.count, other.total)
        )


def _rated(count: int, total: float) -> str:
    return f"{count} that add up to {total:.6g}"


def _masses(
    field: str, live: Mass | None, rebuilt: Mass | None, share: float
) -> Iterator[Difference]:
    if live is None or rebuilt is None:
        yield from _unequal(field, _weighed(live), _weighed(rebuilt))
        return
    if live.at != rebuilt.at:
        yield Difference(field, f"as of {live.at:.3f}", f"as of {rebuilt.at:.3f}")
        return
    if abs(live.weight - rebuilt.weight) > EXACT * max(live.weight, rebuilt.weight):
        yield Difference(field, _weighed(live), _weighed(rebuilt))
        return
    off = float(np.linalg.norm(live.vector - rebuilt.vector)) / live.weight
    if off > share:
        yield Difference(
            field,
            f"{_weighed(live)}, its vector off by {off:.2g} of that",
            f"{_weighed(rebuilt)} (rounding explains {share:.2g})",
        )


def _weighed(mass: Mass | None) -> str:
    return "none" if mass is None else f"weight {mass.weight:.6g}"


def _total(profile: Profile, tuning: Tuning) -> Mass | None:
    """All interests as one mass: how they are divided is compared elsewhere."""
    if not profile.interests:
        return None
    at = max(one.mass.at for one in profile.interests)
    weight, vector = 0.0, None
    for one in profile.interests:
        left = factor(at - one.mass.at, tuning.interest_half_life_s)
        weight += left * one.mass.weight
        part: Vector = np.float32(left) * one.mass.vector
        vector = part if vector is None else vector + part
    assert vector is not None
    return Mass(weight, vector, at)


def _categories(live: Profile, rebuilt: Profile) -> Iterator[Difference]:
    mine, other = live.categories.weights, rebuilt.categories.weights
    if mine.keys() != other.keys():
        yield Difference(
            "categories",
            f"{len(mine)}, alone: {_some(sorted(mine.keys() - other.keys()))}",
            f"{len(other)}, alone: {_some(sorted(other.keys() - mine.keys()))}",
        )
        return
    for name in sorted(mine):
        if abs(mine[name] - other[name]) > SHORT * max(mine[name], other[name]):
            yield Difference("categories", f"{name} {mine[name]:.4g}", f"{other[name]:.4g}")


def _lately(live: Profile, rebuilt: Profile, share: float) -> Iterator[Difference]:
    """Of the days that both have whole: a profile may be older than the keeping of days."""
    first = max(live.lately.since, rebuilt.lately.since)
    mine, other = (
        {(day, name): one for day, weights in days.items() for name, one in weights.items()}
        for days in (live.lately.days, rebuilt.lately.days)
    )
    off = []
    for day, name in sorted(key for key in mine.keys() | other.keys() if key[0] >= first):
        here, there = mine.get((day, name), 0.0), other.get((day, name), 0.0)
        if abs(here - there) > share * max(here, there) + FAINT:
            off.append((f"{name} {here:.4g} on day {day} since the epoch", f"{there:.4g}"))
    if off:
        more = f" and {len(off) - 1} more" if off[1:] else ""
        yield Difference("lately", off[0][0] + more, off[0][1] + more)


def _some(names: list[str]) -> str:
    return (
        ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "") or "none"
    )


def _said(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {one}" for key, one in sorted(value.items())) or "none"
    return "none" if value is None else str(value)
