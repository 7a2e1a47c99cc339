"""The same worker on Apache Kafka itself and the Qdrant server: killed, told to go, cut off."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.endtoend.deployment import Deployment
from tests.support import audit, kafka, load
from tests.support.kafka import Kafka
from tests.support.kafka_workers import until
from tests.support.records import Sender
from tests.support.stores import Place

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]

USERS, EVENTS = 250, 3600
RATE = 200.0
EXTRA = {
    "INTERESTREAM_KAFKA_TIMEOUT_S": "3",  # how soon a worker notices that its broker is away
    "INTERESTREAM_FETCH_MAX_WAIT_MS": "500",
}


@pytest.fixture(scope="module")
def apache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    if reason := kafka.missing():
        pytest.skip(reason)
    running = Kafka(tmp_path_factory.mktemp("kafka")).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def deployment(
    apache: Kafka, qdrant_server: Place, tmp_path_factory: pytest.TempPathFactory
) -> Deployment:
    return Deployment(apache.url, qdrant_server, tmp_path_factory.mktemp("worker"), EXTRA)


async def test_whatever_ends_the_worker_each_event_counts_once_and_each_list_gets_out(
    apache: Kafka, deployment: Deployment, model_dir: Path
) -> None:
    """Under load: kill -9; an end between save and publication; SIGTERM. Each time a new start."""
    settings = deployment.settings()
    sender = Sender(settings)
    plan = load.Load(users=USERS, events=EVENTS, now=time.time())
    todo = [one.record for one in plan.events]
    third = len(todo) // 3
    first, second, last = todo[:third], todo[third : 2 * third], todo[2 * third :]

    with (
        deployment.worker().start() as worker,
        ThreadPoolExecutor(1) as aside,
    ):
        sender.burst("items", load.items())
        until(sender.committed, "items committed")

        sending = aside.submit(sender.paced, "events", first, RATE)
        until(lambda: worker.counters().events > third // 3, "work under way")
        worker.kill()
        worker.start()
        sending.result()
        until(sender.committed, "the first third committed")

        done = worker.counters().events
        sender.burst("events", second)
        until(lambda: worker.counters().events > done + third // 5, "a burst under way")
        apache.kill()
        until(lambda: not worker.ready, "the worker knows that the broker is away")
        assert worker.alive
        worker.kill()
        apache.start()
        cut = await audit.look(settings, model_dir)
        assert audit.stranded(cut, plan.fate), "no list waits for its records to come again"
        worker.start()
        until(sender.committed, "the second third committed")
        healed = await audit.look(settings, model_dir)
        audit.check_lists(healed, audit.expected(healed, plan.fate))

        done = worker.counters().events
        sending = aside.submit(sender.paced, "events", last, RATE)
        until(lambda: worker.counters().events > done + third // 3, "work under way")
        assert worker.terminate() == 0
        worker.start(segments_refit_s="3600")  # one fit, then no more changes
        sending.result()
        until(sender.committed, "everything committed")
        until(lambda: worker.settled, "users moved to the last segments")
        found = await audit.look_when_quiet(settings, model_dir)

    assert len(found.events) == sender.sent["events"]
    assert {change.cause for change in found.changes} >= {"event", "sweep"}
    audit.check_all(found, plan.fate)
