"""Looking for a schedule that breaks a law, and for the shortest form of one that was found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random

from tests.simulation.laws import violations
from tests.simulation.scenarios import SCENARIOS, Scenario
from tests.simulation.schedule import Decisions, Run

MOST_DECISIONS = 6
CHOICES = 1 << 16  # more than there are actions at any step: taken modulo their number


@dataclass(frozen=True, slots=True)
class Finding:
    """A schedule that breaks a law; it was the `tried`-th."""

    scenario: Scenario
    decisions: Decisions
    tried: int
    wrong: Sequence[str]

    def __str__(self) -> str:
        run = Run(self.scenario, self.decisions).to_the_end()
        replay = f"replay: Run(SCENARIOS[{SCENARIOS.index(self.scenario)}], {dict(self.decisions)})"
        lines = [f"{self.scenario.name!r}, schedule {self.tried}", *run.trace, *self.wrong, replay]
        return "\n".join(lines)


def judged(scenario: Scenario, decisions: Decisions) -> list[str]:
    """What a schedule breaks."""
    run = Run(scenario, decisions).to_the_end()
    return run.broken or violations(run.outside)


def search(scenario: Scenario, numbers: Iterable[int]) -> Finding | None:
    """The first of these schedules that breaks a law."""
    length = Run(scenario).to_the_end().steps
    for tried, number in enumerate(numbers, 1):
        decisions = schedule(number, length)
        if wrong := judged(scenario, decisions):
            return Finding(scenario, decisions, tried, wrong)
    return None


def schedule(number: int, length: int) -> dict[int, int]:
    """The schedule of that number: a few decisions within the steps of an undisturbed run.

    Half of them follow one another closely: most mistakes need two or three within a few steps.
    """
    random = Random(number)  # not for secrets: the same number, the same schedule
    count = random.randint(1, MOST_DECISIONS)
    steps = list(islice(_steps(random, length), count))
    return {step: random.randrange(1, CHOICES) for step in sorted(steps)}


def _steps(random: Random, length: int) -> Iterator[int]:
    step = random.randrange(length)
    while True:
        yield step
        near = random.random() < 0.5
        step = step + random.randint(1, 6) if near else random.randrange(length)


def shrunk(found: Finding) -> Finding:
    """The same without the decisions that are not needed."""
    decisions, wrong = dict(found.decisions), found.wrong
    for step in sorted(decisions, reverse=True):
        fewer = {other: choice for other, choice in decisions.items() if other != step}
        if still := judged(found.scenario, fewer):
            decisions, wrong = fewer, still
    return Finding(found.scenario, decisions, found.tried, wrong)
