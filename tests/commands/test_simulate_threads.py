"""The threads of `interestream simulate --live`, on topics that are lists."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from stream.commands import simulate_live
from stream.commands.lines import Line
from stream.commands.produce import Tally
from stream.commands.simulate_live import Live
from stream.errors import Unavailable
from stream.evaluate.simulate import ClosedLoop, Plan, Shown, World, read
from stream.evaluate.simulation.files import EVENTS, ITEMS, TRUTH
from stream.evaluate.simulation.pace import Pace
from stream.settings import load
from tests.evaluate.test_simulate_loop import recommendation

A_DAY_AT_ONCE = 1e6
Topics = dict[str, list[Line]]


@pytest.fixture
def topics(monkeypatch: pytest.MonkeyPatch) -> Topics:
    """What was sent, by topic."""
    found: Topics = {}

    def send(lines: Iterable[Line], topic: str, *_: object, **__: object) -> Tally:
        sent = found.setdefault(topic, [])
        before = len(sent)
        sent.extend(lines)
        return Tally(sent=len(sent) - before)

    monkeypatch.setattr(simulate_live, "send", send)
    return found


def follows(monkeypatch: pytest.MonkeyPatch, records: Callable[[], Iterator[Any]]) -> None:
    """What is read: generators close, as those of the real one."""
    monkeypatch.setattr(simulate_live, "follow", lambda *_, **__: records())


def nothing() -> Iterator[Any]:
    yield from ()


def failing() -> Iterator[Any]:
    yield from ()
    raise Unavailable("kafka", "gone")


def live(speed: float) -> Live:
    clock, loop = Pace(time.time(), speed, 1), ClosedLoop()
    plan = Plan(users=30, items=40, days=1, births=0.5, deaths=0.5, bots=0, start=clock.start)
    return Live(World(plan, loop), loop, clock, load())


def test_all_is_sent_and_kept(
    topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    follows(monkeypatch, nothing)
    run = live(A_DAY_AT_ONCE)

    sent = run.run(tmp_path, lambda _: None)

    items, events = (topics[f"interestream.{name}"] for name in ("items", "events"))
    assert (sent.items, sent.events, sent.lists) == (len(items), len(events), 0)
    assert [line.value for line in events] == (tmp_path / EVENTS).read_bytes().splitlines()
    born = {line.value for line in items if b'"available":false' not in line.value}
    assert born == set((tmp_path / ITEMS).read_bytes().splitlines())
    assert len(items) - len(born) == len(list(run.world.withdrawals())) > 0
    assert read(tmp_path / TRUTH).users == run.world.truth.users


def test_lists_are_kept_until_null_takes_them_away_and_junk_is_passed_over(
    topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = [msgspec.json.encode(recommendation(n, f"item-{n}")) for n in (1, 2)]
    records: list[tuple[bytes, bytes | None]]
    records = [(b"user-0", value) for value in (*values, b"junk", b"{}", b"\xff")]
    other = msgspec.structs.replace(recommendation(1, "item-5"), user_id="user-1")
    records += [(b"user-1", msgspec.json.encode(other)), (b"user-1", None)]
    follows(
        monkeypatch,
        lambda: (SimpleNamespace(key=key, value=value) for key, value in records),
    )
    run = live(A_DAY_AT_ONCE)

    assert run.run(tmp_path, lambda _: None).lists == 3

    assert run.loop.shown("user-0", 0.0) == Shown("list-2", ("item-2",))
    assert run.loop.shown("user-1", 0.0) is None


def test_a_reader_that_fails_ends_a_run_of_a_day(
    topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    follows(monkeypatch, failing)

    with pytest.raises(Unavailable, match="gone"):
        live(speed=1).run(tmp_path, lambda _: None)
