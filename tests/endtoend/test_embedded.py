"""The whole service on the embedded broker and store, its worker killed under load."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.endtoend.deployment import Deployment, embedded
from tests.support import audit, load
from tests.support.kafka_workers import until
from tests.support.records import Sender

pytestmark = pytest.mark.integration

USERS, EVENTS = 60, 900
RATE = 300.0


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with embedded(tmp_path_factory.mktemp("embedded")) as running:
        yield running


async def test_kill_9_under_load_loses_nothing_and_applies_nothing_twice(
    deployment: Deployment, model_dir: Path
) -> None:
    settings = deployment.settings()
    sender = Sender(settings)
    plan = load.Load(users=USERS, events=EVENTS, now=time.time())
    half = len(plan.events) // 2
    todo = [one.record for one in plan.events]

    with deployment.worker().start() as worker:
        sender.burst("items", load.items())
        until(sender.committed, "items committed")
        sender.paced("events", todo[: half // 2], RATE)
        sender.burst("events", todo[half // 2 : half])
        until(lambda: worker.counters().events > half // 2, "work under way")
        worker.kill()
        worker.start(segments_refit_s="3600")  # one fit, then no more changes
        sender.paced("events", todo[half:], RATE)
        until(sender.committed, "everything committed")
        until(lambda: worker.settled, "users moved to the last segments")
        found = await audit.look_when_quiet(settings, model_dir)

    audit.check_all(found, plan.fate)
