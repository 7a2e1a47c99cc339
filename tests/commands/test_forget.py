"""Asking for users to be forgotten, from the command line."""

from __future__ import annotations

import json

import pytest

from stream.errors import Misconfigured
from stream.kafka.admin import ensure_topics
from stream.settings import Settings
from tests.commands.conftest import Command
from tests.support import records

pytestmark = pytest.mark.integration


@pytest.fixture
def ready(here: Settings) -> Settings:
    ensure_topics(here)
    return here


def asked(settings: Settings) -> list[str]:
    """The users, in the order of their names."""
    found = [json.loads(record.value or b"") for record in records.read(settings, "events")]
    assert all(event["type"] == "forget" for event in found)
    return sorted(event["user_id"] for event in found)


def test_each_user_is_asked_for_once(ready: Settings, command: Command) -> None:
    done = command("forget", "ada", "bob", "ada", "--json", typed="y\n")

    assert done.exit_code == 0, done.output
    assert asked(ready) == ["ada", "bob"]
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [one["user_id"] for one in said] == ["ada", "bob"]


def test_nothing_is_sent_without_a_yes(ready: Settings, command: Command) -> None:
    done = command("forget", "ada", typed="n\n")

    assert done.exit_code == 1
    assert "forget 1 user for good?" in done.output
    assert asked(ready) == []


def test_an_id_that_is_refused_keeps_all_from_being_sent(ready: Settings, command: Command) -> None:
    done = command("forget", "ada", " ", "--yes")

    assert isinstance(done.exception, Misconfigured)
    assert "user_id is ' ': send a non-empty id; nobody was asked" in str(done.exception)
    assert asked(ready) == []
