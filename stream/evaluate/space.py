"""Which settings a search may change, between which values, and why it leaves others alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from stream.core.tuning import Tuning
from stream.errors import Misconfigured

Number: TypeAlias = int | float
DIGITS = 3  # of a value that is tried: more would pretend to be known


@dataclass(frozen=True, slots=True)
class Range:
    """All values between two ends; `log`: as many below as above the geometric mean."""

    low: float
    high: float
    log: bool = False

    def holding(self, value: Number) -> Range:
        """Wide enough for a value; one on a log scale must be above 0."""
        return Range(min(self.low, value), max(self.high, value), self.log)


@dataclass(frozen=True, slots=True)
class Choices:
    """A few values. Of what is learned from, so that runs over the events serve several trials."""

    values: tuple[Number, ...]

    def holding(self, value: Number) -> Choices:
        """With this value among them."""
        return Choices(tuple(sorted({*self.values, value})))


Space: TypeAlias = Mapping[str, Range | Choices]

#: They weigh what is made elsewhere: a trained model, and segments.
SEQUENCE, CROWD = "sequence_part", "crowd_part"
WEIGHTS: Space = {
    **{
        name: Range(0.0, 1.0)
        for name in Tuning.__dataclass_fields__
        if name.endswith("_part") and name not in (SEQUENCE, CROWD)
    },
    "neighbours_part": Range(0.0, 2.0),
}
SCALES: Space = {
    "hotness_scale": Range(3.0, 300.0, log=True),
    "confidence_weight": Range(0.1, 10.0, log=True),
    "neighbour_scale": Range(0.005, 0.5, log=True),
    "neighbour_prior_count": Range(0.5, 50.0, log=True),
    "neighbour_query_half_life": Range(0.5, 20.0, log=True),
    "neighbour_window": Choices((5, 10, 20, 30, 50)),
    "neighbour_place_half_life": Choices((5.0, 10.0, 20.0, 40.0)),
}
#: Only by name: they shape profiles, which more than one list is made of.
PROFILES: Space = {
    "interests_max": Choices((1, 2, 3, 5, 8)),
    "interest_merge_spread": Choices((-0.3, 0.0, 0.3, 0.6, 0.9)),
    "interest_young_spread": Choices((0.0, 0.3, 0.6, 0.9)),
    "category_prior": Range(0.1, 10.0, log=True),
}
#: By the constraint that they need, for accuracy alone switches them off.
DIVERSE: Space = {"diversity": Range(0.0, 0.3), "category_cap": Range(0.2, 1.0)}
CALIBRATED: Space = {"calibration": Range(0.0, 0.5)}

#: Read when a list is made and at no time before: changing them asks for no new run over the
#: events. What is not named here counts as learned from.
RANKING_ONLY = frozenset(
    {
        *WEIGHTS,
        *DIVERSE,
        *CALIBRATED,
        "hotness_scale",
        "confidence_weight",
        "category_prior",
        "neighbour_scale",
        "neighbour_prior_count",
        "neighbour_query_half_life",
    }
)

HALF_LIFE = "_half_life_s"
HALF_LIFE_STEPS = (-3, -1.5, 0, 1.5, 3)  # powers of 2
REFUSED = {
    HALF_LIFE: "a half-life is a time, and events recorded within an hour, as MovieLens' are, say "
    "nothing about it: give --half-lives if yours span weeks of each user's life",
    "exploration_places": "a replay cannot tell what exploration finds out",
    "offered_signal_weight": "lists of a replay were shown to nobody, so it has no effect",
    "list_size": "another list size is another figure",
    SEQUENCE: "a search knows no trained model: measure it with evaluate --sequence",
    CROWD: "a search knows no segments: measure it with evaluate --ablate",
}


@dataclass(frozen=True, slots=True)
class Allowed:
    """What was asked for beside the accuracy.

    coverage    a least coverage is given, so lists may become more diverse for it
    divergence  a largest divergence from the user's categories is given
    half_lives  half-lives in time may be searched
    fresh       some item says when it was published
    """

    coverage: bool = False
    divergence: bool = False
    half_lives: bool = False
    fresh: bool = True


def space(present: Tuning, only: Sequence[str], allowed: Allowed) -> Space:
    """What is searched, in a fixed order, with the present values inside.

    Without names: weights but the largest, which is the unit of all others, scales, and what
    `allowed` adds. Raises Misconfigured for a name that cannot be searched, with the reason.
    """
    known = _known(present)
    names = list(dict.fromkeys(only)) or list(_usual(present, allowed))
    for name in names:
        _check(name, known, allowed)
    return {name: known[name].holding(getattr(present, name)) for name in known if name in names}


def learned(tuning: Tuning) -> tuple[object, ...]:
    """Two tunings of which this is equal learn the same from the same events."""
    names = sorted(Tuning.__dataclass_fields__.keys() - RANKING_ONLY)
    return tuple(getattr(tuning, name) for name in names)


def _known(present: Tuning) -> Space:
    lives = {
        name: Choices(tuple(getattr(present, name) * 2.0**step for step in HALF_LIFE_STEPS))
        for name in Tuning.__dataclass_fields__
        if name.endswith(HALF_LIFE)
    }
    return {**WEIGHTS, **SCALES, **PROFILES, **DIVERSE, **CALIBRATED, **lives}


def _usual(present: Tuning, allowed: Allowed) -> Iterable[str]:
    unit = max(WEIGHTS, key=lambda name: float(getattr(present, name)))
    yield from (name for name in WEIGHTS if name != unit and _matters(name, allowed))
    yield from SCALES
    if allowed.coverage:
        yield "diversity"
    if allowed.divergence:
        yield "calibration"
    if allowed.half_lives:
        yield from (n for n in _known(present) if n.endswith(HALF_LIFE) and _matters(n, allowed))


def _matters(name: str, allowed: Allowed) -> bool:
    return allowed.fresh or not name.startswith("freshness")


def _check(name: str, known: Space, allowed: Allowed) -> None:
    if name.endswith(HALF_LIFE) and name in known and not allowed.half_lives:
        raise Misconfigured(f"{name} is not searched: {REFUSED[HALF_LIFE]}")
    if name in REFUSED:
        raise Misconfigured(f"{name} is not searched: {REFUSED[name]}")
    if name not in known:
        raise Misconfigured(
            f"--only has {name!r}: name settings in small letters, commas between, out of "
            f"{', '.join(sorted(known))}"
        )
    needed = "--min-coverage" if name in DIVERSE else "--max-kl" if name in CALIBRATED else ""
    if needed and not (allowed.coverage if name in DIVERSE else allowed.divergence):
        raise Misconfigured(
            f"{name} is not searched by accuracy alone, which would switch it off: give {needed}"
        )
