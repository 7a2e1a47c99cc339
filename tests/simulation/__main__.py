"""Search longer than the tests do: `python -m tests.simulation [SCHEDULES] [FIRST]`, of each
scenario; exits 1 with the schedule where a law is broken."""

from __future__ import annotations

import logging
import sys
from types import SimpleNamespace
from unittest import mock

import structlog

from tests.simulation.explore import search, shrunk
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.schedule import Run


def main(count: int = 1000, first: int = 0) -> int:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with mock.patch("stream.commit.random", SimpleNamespace(uniform=lambda *_: 0.0)):
        for scenario in SCENARIOS:
            found = search(scenario, range(first, first + count))
            print(f"{count} schedules: {scenario.name}", flush=True)  # noqa: T201
            if found is not None:
                found = shrunk(found)
                run = Run(scenario, found.decisions).to_the_end()
                print(*run.told, found, sep="\n")  # noqa: T201
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
