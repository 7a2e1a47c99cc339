"""A search for better ranking settings: trials on a window of events, by Optuna's TPE sampler.

The present settings are a trial as all others, the first, so what is found is never worse than
they are on the window. Whether it is better is for other events to say.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState

from stream.core.tuning import Tuning
from stream.evaluate.goal import Figures, Goal
from stream.evaluate.space import DIGITS, Choices, Number, Range, Space

Values = Mapping[str, Number]
Callback = Callable[[optuna.Study, FrozenTrial], None]

#: One in so many trials is near the present settings: one in so many of its values is drawn around
#: the present one, by so great a part of its range. Then the sampler is asked. All values drawn at
#: once from all of their ranges are nearly always bad, and it learns little of them.
STARTING_SHARE = 2
DRAWN_SHARE = 4
NEAR = 1 / 8
IMPORTANCE_TRIALS = 8  # fewer say nothing of what matters
FIGURES, TRIED, SECONDS = "figures", "values", "seconds"


@dataclass(frozen=True, slots=True)
class Trial:
    """Some values and what came of them on the window. `holds`: all bounds do."""

    number: int
    values: Values
    figures: Figures
    holds: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Ask:
    """What is searched.

    identity  tells searches in one file apart: those with the same go on from each other's trials
    study     SQLite file that keeps the trials; None: memory
    """

    present: Tuning
    space: Space
    goal: Goal
    trials: int = 40
    time_limit_s: float | None = None
    seed: int = 0
    study: Path | None = None
    identity: str = "tune"


@dataclass(frozen=True, slots=True)
class Found:
    """All trials in order, the one of the present settings, and the best that keeps the bounds.

    best         the present one where no other is better, or none keeps the bounds
    importance   share of each setting in how much trials differ; empty where too few tell
    interrupted  whether it was ended by Ctrl-C
    """

    trials: tuple[Trial, ...]
    present: Trial
    best: Trial
    importance: Mapping[str, float]
    interrupted: bool = False


def search(
    measure: Callable[[Tuning], Figures],
    ask: Ask,
    tells: Callable[[Trial, Trial], None] = lambda trial, best: None,
) -> Found:
    """Measure the present settings and then what the sampler suggests.

    measure  the figures on the window
    tells    hears of every trial, with the best so far

    Ctrl-C ends the search with what is found until then; it is raised again where the present
    settings were not measured yet. The time limit is looked at between two trials.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = _study(ask)
    before = len(_completed(study))
    _enqueue(study, ask)
    interrupted = False
    try:
        if ask.trials > before:
            study.optimize(
                lambda trial: _measured(trial, measure, ask),
                n_trials=ask.trials - before,
                callbacks=[_telling(tells, ask), _limiting(ask.time_limit_s)],
            )
    except KeyboardInterrupt:
        interrupted = True
        if not _is_known(study, ask):
            raise
    trials = _trials(study, ask)
    importance = _importance(study, ask.seed)
    return Found(trials, _present(trials, ask), _best(trials, ask), importance, interrupted)


def _measured(suggested: optuna.Trial, measure: Callable[[Tuning], Figures], ask: Ask) -> float:
    values: dict[str, Any] = {name: _suggested(suggested, name, ask) for name in ask.space}
    begun = time.perf_counter()
    figures = measure(replace(ask.present, **values))
    suggested.set_user_attr(TRIED, values)
    suggested.set_user_attr(FIGURES, figures)
    suggested.set_user_attr(SECONDS, round(time.perf_counter() - begun, 2))
    for name, more in ask.goal.excess(figures).items():
        suggested.set_constraint(name, more)
    return figures[ask.goal.name]


def _telling(tells: Callable[[Trial, Trial], None], ask: Ask) -> Callback:
    return lambda study, one: tells(_trial(one, ask), _best(_trials(study, ask), ask))


def _limiting(limit_s: float | None) -> Callback:
    """Stops where the time is over; Optuna's own limit could stop before the first trial."""
    started = time.perf_counter()

    def look(study: optuna.Study, _: FrozenTrial) -> None:
        if limit_s is not None and time.perf_counter() - started >= limit_s:
            study.stop()

    return look


# --- what is tried


def _study(ask: Ask) -> optuna.Study:
    storage = None if ask.study is None else f"sqlite:///{ask.study.resolve()}"
    study = optuna.create_study(
        storage=storage, study_name=ask.identity, direction="maximize", load_if_exists=True
    )
    study.sampler = optuna.samplers.TPESampler(
        # going on with the same seed would draw the first trials once more
        seed=ask.seed + len(study.trials),
        n_startup_trials=max(ask.trials // STARTING_SHARE, 1),
        multivariate=True,
    )
    return study


def _enqueue(study: optuna.Study, ask: Ask) -> None:
    """The present settings first, unless an earlier search measured them, and a few near them."""
    if _is_known(study, ask):
        return
    study.enqueue_trial(_own(ask))
    for near in _starts(ask):
        study.enqueue_trial(near)


def _starts(ask: Ask) -> Iterator[dict[str, Any]]:
    """Values near the present ones: a few are drawn, the others are as they are."""
    rng = np.random.default_rng(ask.seed)
    names = list(ask.space)
    for _ in range(ask.trials // STARTING_SHARE):
        drawn = rng.choice(len(names), size=max(len(names) // DRAWN_SHARE, 1), replace=False)
        near = {names[n]: _near(_own(ask)[names[n]], ask.space[names[n]], rng) for n in drawn}
        yield _own(ask) | near


def _near(value: Number, dimension: Range | Choices, rng: np.random.Generator) -> Number:
    """Normally distributed around a value, on the dimension's scale; of choices any."""
    if isinstance(dimension, Choices):
        return dimension.values[int(rng.integers(len(dimension.values)))]
    low, high = dimension.low, dimension.high
    if dimension.log:
        factor = (high / low) ** (rng.normal() * NEAR)
        return float(np.clip(value * factor, low, high))
    return float(np.clip(value + (high - low) * NEAR * rng.normal(), low, high))


def _suggested(trial: optuna.Trial, name: str, ask: Ask) -> Number:
    """A value of few digits, but for the present one, which is what it is."""
    dimension = ask.space[name]
    if not isinstance(dimension, Range):
        chosen: Number = trial.suggest_categorical(name, dimension.values)
        return chosen
    value = trial.suggest_float(name, dimension.low, dimension.high, log=dimension.log)
    return value if value == getattr(ask.present, name) else float(f"{value:.{DIGITS}g}")


# --- reading a study


def _completed(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def _tried(trial: FrozenTrial) -> dict[str, Any]:
    tried: dict[str, Any] = trial.user_attrs[TRIED]
    return tried


def _trials(study: optuna.Study, ask: Ask) -> tuple[Trial, ...]:
    return tuple(_trial(one, ask) for one in _completed(study))


def _trial(one: FrozenTrial, ask: Ask) -> Trial:
    figures = one.user_attrs[FIGURES]
    holds = ask.goal.holds(figures)
    return Trial(one.number, _tried(one), figures, holds, one.user_attrs[SECONDS])


def _own(ask: Ask) -> dict[str, Any]:
    return {name: getattr(ask.present, name) for name in ask.space}


def _is_known(study: optuna.Study, ask: Ask) -> bool:
    return any(_tried(trial) == _own(ask) for trial in _completed(study))


def _present(trials: tuple[Trial, ...], ask: Ask) -> Trial:
    return next(trial for trial in trials if trial.values == _own(ask))


def _best(trials: tuple[Trial, ...], ask: Ask) -> Trial:
    """The largest figure among those that keep the bounds; of equals the present, the earliest."""
    present = _present(trials, ask)
    able = [trial for trial in (present, *trials) if trial.holds]
    return max(able, key=lambda trial: trial.figures[ask.goal.name], default=present)


def _importance(study: optuna.Study, seed: int) -> dict[str, float]:
    """By fANOVA (Hutter et al., ICML 2014)."""
    done = _completed(study)
    if len(done) < IMPORTANCE_TRIALS or len({trial.value for trial in done}) < 2:
        return {}
    found = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=seed))
    return {name: round(float(share), 4) for name, share in found.items()}
