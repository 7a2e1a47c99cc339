"""Topics, produce, tail and dead letters over a real broker."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from stream.errors import Misconfigured, Reject, Unavailable
from stream.kafka.admin import ensure_topics, list_topics
from stream.kafka.dead_letters import dead_letter, read_dead_letters
from stream.kafka.deliveries import TopicPartition
from stream.kafka.publisher import Outgoing, Publisher
from stream.settings import Settings
from tests.commands.conftest import Command
from tests.kafka.fakes import FakeRecord

pytestmark = pytest.mark.integration


def event(user: str, **given: object) -> bytes:
    click = {"user_id": user, "item_id": "film-1", "type": "click", "at": time.time()}
    return json.dumps(click | given).encode()


@pytest.fixture
def ready(here: Settings) -> Settings:
    ensure_topics(here)
    return here


def test_topics_are_created_listed_and_missing_ones_named(here: Settings, command: Command) -> None:
    before = command("topics", "list").output
    assert before.count("missing") == 7

    assert command("topics", "create").output.count("created") == 7
    assert command("topics", "create").output.count("is there") == 7
    after = command("topics", "list").output
    assert all(f"{name}" in after for name in list_topics(here))
    assert (after.count("4 partitions"), after.count("missing")) == (7, 0)


def test_what_was_produced_is_tailed_in_order(
    ready: Settings, command: Command, tmp_path: Path
) -> None:
    values = [event("ada", event_id=f"e{n}") for n in range(1200)]  # more than one window
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join(values) + b"\n\n")

    sent = command("produce", "events", str(file))
    tailed = command("tail", "events", "--from-beginning", "--limit", "1200", "--json")

    assert (sent.exit_code, sent.stdout) == (0, "1200 sent and confirmed\n")
    found = [json.loads(line)["event_id"] for line in tailed.stdout.splitlines()]
    assert found == [f"e{n}" for n in range(1200)]  # one key, one partition


def test_keys_are_the_ids(ready: Settings, command: Command) -> None:
    """Only with the user as key does the broker keep a user's events in order."""
    command("produce", "events", "-", typed=b"\n".join(map(event, ["ada", "bob", "ada"])))
    item = b'{"item_id": "film-1", "title": "One", "categories": ["a", "b"]}'
    command("produce", "items", "-", typed=item)

    mine = command("tail", ready.topic("events"), "--from-beginning", "--limit", "2", "--user=ada")
    items = command("tail", "items", "--from-beginning", "--limit", "1")

    assert mine.stdout.count("  ada  click film-1") == 2
    assert "  film-1  One [a, b]" in items.stdout


def test_a_line_that_would_be_refused_is_named_and_the_others_are_sent(
    ready: Settings, command: Command
) -> None:
    lines = b"\n".join(
        [event("ada"), b"{", event("ada", at="2025-01-31T08:00:00"), event("bob", type="x")]
    )

    result = command("produce", "events", "-", typed=lines)

    assert result.exit_code == 1
    assert result.stdout == (
        "2 sent and confirmed · 1 refused: malformed_json · 1 refused: no_time_zone · "
        "1 without effect: unknown_type\n"
    )
    problems = result.stderr.splitlines()
    assert [line.split(": ")[:2] for line in problems] == [
        ["line 2", "malformed_json"],
        ["line 3", "no_time_zone"],
        ["line 4", "unknown_type"],
    ]


def test_as_is_sends_what_will_be_refused_too(ready: Settings, command: Command) -> None:
    result = command("produce", "events", "--as-is", "-", typed=b'{\n{"user_id": "ada"}')

    assert (result.exit_code, result.stdout) == (0, "2 sent and confirmed\n")
    mine = command("tail", "events", "--from-beginning", "--limit=1", "--user=ada", "--json")
    assert json.loads(mine.stdout) == {"user_id": "ada"}
    both = command("tail", "events", "--from-beginning", "--limit=2", "--json")
    assert set(both.stdout.splitlines()) == {'"{"', '{"user_id":"ada"}'}


def test_as_is_ends_at_what_the_topic_takes(ready: Settings, command: Command) -> None:
    huge = b'{"x": "%s"}' % (b"y" * 100_000)

    result = command("produce", "events", "--as-is", "-", typed=huge + b"\n" + event("ada"))

    assert result.exit_code == 1
    assert result.stdout == "1 sent and confirmed · 1 refused: too_large\n"
    assert "line 1: too_large: 100009 bytes" in result.stderr


def test_without_the_topic_nothing_is_sent(here: Settings, command: Command) -> None:
    result = command("produce", "events", "-", typed=event("ada"))

    assert isinstance(result.exception, Misconfigured)
    assert "run `interestream topics create`" in str(result.exception)


def test_without_a_broker_the_address_is_named(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERESTREAM_KAFKA_URL", "127.0.0.1:1")
    for words in (["topics", "list"], ["tail", "events"], ["dead-letters", "list"]):
        result = command(*words)
        assert isinstance(result.exception, Unavailable)
        assert "127.0.0.1:1" in str(result.exception)


async def refuse(settings: Settings, *records: FakeRecord, reason: str = "malformed_json") -> None:
    publisher = Publisher(settings)
    await publisher.start()
    tp = TopicPartition(settings.topic("events"), 2)
    why = Reject(reason, "not JSON at byte 3")
    letters: list[Outgoing] = [
        dead_letter(record, why, tp=tp, user_id="ada", settings=settings) for record in records
    ]
    await publisher.send(letters)
    await publisher.stop()


def bad(offset: int, value: bytes = b'{"x\x1b[2J') -> FakeRecord:
    return FakeRecord(offset, value, b"ada", timestamp=1_700_000_000_000 + offset)


async def test_dead_letters_are_listed_by_reason(ready: Settings, command: Command) -> None:
    await refuse(ready, bad(1), bad(2))
    await refuse(ready, bad(3, b"y" * 100_000), reason="too_large")

    everything = command("dead-letters", "list").stdout
    large = command("dead-letters", "list", "--reason", "too_large", "--json").stdout
    newest = command("dead-letters", "list", "--limit", "1").stdout

    assert everything.count("malformed_json") == 2
    assert "2023-11-14 22:13:20  malformed_json" in everything
    assert "    not JSON at byte 3\n" in everything
    assert "(cut, 100000 bytes)" in everything
    assert "\x1b" not in everything  # what producers send must not steer the terminal
    assert json.loads(large)["key"] == f"{ready.topic('events')}/2/3"
    assert "3 dead letters, 1 shown" in newest
    assert "/2/3" in newest


async def test_dead_letters_of_a_user_are_tailed(ready: Settings, command: Command) -> None:
    """The id itself is not kept, its hash is."""
    await refuse(ready, bad(1))
    found = command("tail", "dead-letters", "--from-beginning", "--limit=1", "--user=ada").stdout

    assert "malformed_json: not JSON at byte 3" in found


async def test_replay_sends_what_was_asked_for_and_confirmed(
    ready: Settings, command: Command
) -> None:
    await refuse(ready, bad(1), bad(2), bad(3, b"y" * 100_000))
    key = f"{ready.topic('events')}/2/1"

    dry = command("dead-letters", "replay", "--dry-run")
    refused = command("dead-letters", "replay", typed="n\n")
    assert "records that would be sent again: 2" in dry.stdout
    assert "1 were cut to fit" in dry.stderr
    assert refused.exit_code == 1
    assert len(list(read_dead_letters(ready))) == 3

    one = command("dead-letters", "replay", "--key", key, typed="y\n")
    assert "1 records sent again and confirmed" in one.stdout
    assert key not in {letter.key for letter in read_dead_letters(ready)}
    rest = command("dead-letters", "replay", "--yes")
    assert "1 records sent again and confirmed" in rest.stdout
    tailed = command("tail", "events", "--from-beginning", "--limit", "2")
    assert tailed.stdout.count("  ada  ") == 2
    nothing = command("dead-letters", "replay", "--reason", "bug")
    assert (nothing.exit_code, "no dead letter" in nothing.stderr) == (1, True)
