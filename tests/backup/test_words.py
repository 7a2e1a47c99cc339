"""What a person reads before a restore, and a program."""

from __future__ import annotations

import json

import msgspec
import pytest

from stream.backup.manifest import File, Kind, Manifest, Positions, Saved
from stream.backup.plan import Plan
from stream.backup.positions import Decision
from stream.commands import backup
from stream.commands.backup_bars import Bars, Lines, shown
from stream.settings import load
from stream.store.moves import EncoderId
from stream.store.restoring import Restoring

SETTINGS = load(namespace="ns")
USERS = Saved("users", "ns_users_e1", Kind.POINTS, 7, File("users.points.zst", 9, "00"), {}, {})
MANIFEST = Manifest(
    format=1,
    snapshot="s1",
    service="1.2.3",
    at="2026-01-01T00:00:00+00:00",
    namespace="ns",
    qdrant="1.18.0",
    encoder=EncoderId("e1", 8),
    schema=1,
    collections=(USERS,),
    aliases={},
    positions=Positions("c1", "ns", ()),
)
EVENTS = Decision("events", True, {0: 5}, 4, {0: 2}, {})
PLAN = Plan(MANIFEST, (), None, {"ns_users_e1": 3, "ns_users_e1_r2": 4}, (EVENTS,))


def told(plan: Plan) -> str:
    return "\n".join(backup.told(plan, SETTINGS))


def test_the_plan_says_what_is_replaced_what_stays_behind_and_what_is_missing() -> None:
    text = told(PLAN)

    assert "ns_users_e1 holds 3 points: replaced" in text
    assert "ns_users_e1_r2 holds 4 points: left behind" in text
    assert "ns.events: up to 4 records" not in text
    assert "ns.events: back to the snapshot's offsets; up to 4 records come again" in text
    assert "partition 0: 2" in text


def test_the_plan_says_what_is_in_the_way_and_that_a_restore_is_taken_up() -> None:
    begun = Restoring("s1", "/there", ("ns_users_e1",))
    plan = Plan(MANIFEST, ("a wall",), begun, {"ns_users_e1": 7}, ())

    assert "in the way: a wall" in told(plan)
    assert "/there" in told(plan)
    assert "7 points: restored already" in told(plan)


def test_programs_read_the_same() -> None:
    read = json.loads(json.dumps(backup.as_json(PLAN, done=True)))

    assert read["done"] is True
    assert read["collections"] == {"ns_users_e1": 7}
    assert read["topics"][0]["missing"] == {"0": 2}
    assert read["topics"][0]["offsets"] == {"0": 5}


def test_a_snapshot_is_summed_up() -> None:
    text = "\n".join(backup.summary(MANIFEST))

    assert "users  7 points" in text
    assert "exported points" in text
    own = msgspec.structs.replace(USERS, kind=Kind.SNAPSHOT)
    text = "\n".join(backup.summary(msgspec.structs.replace(MANIFEST, collections=(own,))))
    assert "Qdrant's own snapshots" in text


def test_progress_is_lines_in_a_log_and_bars_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines: list[str] = []
    with shown(lines.append) as tells:
        assert isinstance(tells, Lines)
        tells.begins("users", 3)
        tells.advances("users", 3)
    assert lines == ["users …"]
    monkeypatch.setattr("rich.console.Console.is_terminal", True)
    with shown(lines.append) as tells:
        assert isinstance(tells, Bars)
        tells.begins("users", 3)
        tells.advances("users", 3)
    assert lines == ["users …"]
