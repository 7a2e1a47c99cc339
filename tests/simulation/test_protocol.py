"""The protocol holds under every schedule tried, and each of its protections is needed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.simulation.explore import judged, search, shrunk
from tests.simulation.protections import PROTECTIONS, Protection
from tests.simulation.scenarios import SCENARIOS, Scenario
from tests.simulation.schedule import Run

WITH_ALL = 60  # schedules of each scenario; `python -m tests.simulation` tries more
MANY = 250
WITHOUT_ONE = 600  # at most: three of 250 do it where it is rarest, and one is enough


@pytest.fixture(autouse=True)
def _no_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Conflicts are met at once: how long a writer rests is the schedule's to say."""
    monkeypatch.setattr("stream.commit.random", SimpleNamespace(uniform=lambda *_: 0.0))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_no_schedule_breaks_a_law(scenario: Scenario) -> None:
    found = search(scenario, range(WITH_ALL))

    assert found is None, f"\n{shrunk(found)}"


@pytest.mark.integration  # for its length: three times the rest together
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_no_schedule_of_a_longer_search_breaks_a_law(scenario: Scenario) -> None:
    found = search(scenario, range(WITH_ALL, WITH_ALL + MANY))

    assert found is None, f"\n{shrunk(found)}"


@pytest.mark.parametrize("protection", PROTECTIONS, ids=lambda protection: protection.name)
def test_each_protection_is_missed(protection: Protection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it some schedule breaks a law; the same one is harmless with it."""
    with monkeypatch.context() as patch:
        protection.without(patch)
        found = search(SCENARIOS[protection.scenario], range(WITHOUT_ONE))
        assert found is not None, f"{WITHOUT_ONE} schedules without it: {protection.why}"
        print(f"without {protection.name}:\n{shrunk(found)}")  # noqa: T201  # for pytest -s
        assert judged(found.scenario, found.decisions)
    assert judged(found.scenario, found.decisions) == []


def test_a_schedule_runs_the_same_way_each_time() -> None:
    """What was decided, what was stored and what was sent, etags apart."""
    decisions = {3: 20932, 5: 50472, 9: 17, 11: 17872}
    runs = [Run(SCENARIOS[1], decisions).to_the_end() for _ in range(2)]

    one, other = ((run.trace, run.steps, run.outside.broker.arrived) for run in runs)
    assert one == other
    assert len(one[0]) == len(decisions)
