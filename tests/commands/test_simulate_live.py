"""`interestream simulate --live` over a real broker."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from stream.commands import lines
from stream.errors import Misconfigured
from stream.evaluate.simulation.files import EVENTS, TRUTH
from stream.kafka.admin import ensure_topics
from stream.settings import Settings
from stream.wire.messages import Recommendation
from tests.commands.conftest import Command
from tests.evaluate.test_simulate_loop import recommendation

pytestmark = pytest.mark.integration

FEW = ("simulate", "--live", "--users", "20", "--items", "40", "--days", "1", "--bots", "0")
FAST = ("--speed", "40000")  # a day in some 2 s


def test_people_react_to_the_lists_on_the_topic(
    here: Settings, command: Command, tmp_path: Path
) -> None:
    ensure_topics(here)
    ours = recommendation(1, *(f"item-{n}" for n in range(12)))
    lists = [msgspec.structs.replace(ours, user_id=f"user-{n}") for n in range(20)]
    send_lists(here, lists)

    done = command(*FEW, *FAST, "--out", str(tmp_path), "--events-per-day", "20")

    assert done.exit_code == 0, done.output
    assert "20 lists heard" in done.output
    events = [json.loads(line) for line in (tmp_path / EVENTS).read_bytes().splitlines()]
    assert f"{len(events)} events sent and confirmed" in done.output
    shown = [event["recommendation_id"] for event in events if event["type"] == "impression"]
    assert shown.count("list-1") > len(shown) / 2  # the first lists may be asked for before
    count = str(len(events))
    tailed = command("tail", "events", "--from-beginning", "--limit", count, "--json")
    sent = [json.loads(line) for line in tailed.stdout.splitlines()]
    assert sorted(sent, key=by_id) == sorted(events, key=by_id)
    assert (tmp_path / TRUTH).exists()
    with (tmp_path / EVENTS).open("rb") as source:
        assert not any(
            line.refused or line.skipped for line in lines.read(source, lines.Kind.EVENTS, here)
        )


def by_id(event: dict[str, str]) -> str:
    return event["event_id"]


def send_lists(settings: Settings, lists: list[Recommendation]) -> None:
    from kafka import KafkaProducer

    from stream.kafka.security import kafka_python_options

    producer = KafkaProducer(enable_idempotence=False, **kafka_python_options(settings))
    for one in lists:
        producer.send(
            settings.topic("recommendations"),
            key=one.user_id.encode(),
            value=msgspec.json.encode(one),
        )
    producer.flush()
    producer.close()


def test_a_missing_topic_ends_the_run(here: Settings, command: Command, tmp_path: Path) -> None:
    done = command(*FEW, *FAST, "--out", str(tmp_path))

    assert isinstance(done.exception, Misconfigured)
    assert "topics create" in str(done.exception)


def test_a_speed_that_cannot_be_is_refused(command: Command, tmp_path: Path) -> None:
    done = command(*FEW, "--speed", "0.5", "--out", str(tmp_path / "new"))

    assert isinstance(done.exception, Misconfigured)
    assert "--speed is 0.5, limit 1 to 1e+06" in str(done.exception)
    assert not (tmp_path / "new").exists()
