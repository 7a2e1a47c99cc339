"""`interestream simulate`: a planted world as files of our own messages, and the truth beside."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from stream.commands.simulate_live import Live
from stream.errors import Misconfigured
from stream.evaluate.simulate import (
    DAY_S,
    ClosedLoop,
    Plan,
    Truth,
    World,
    prepare,
    write,
)
from stream.evaluate.simulation.pace import Pace
from stream.settings import Settings

MAX_SPEED = 1e6


def simulate(plan: Plan, folder: Path, console: Console, *, force: bool) -> list[str]:
    """Write the plan's world, and say what was written.

    Raises Misconfigured where the folder cannot be written, or holds a world and `force` is not
    set.
    """
    prepare(folder, force=force)
    world = World(plan)
    with _bar(plan.days, console) as advances:
        written = write(world, folder, advances)
    return [
        *_people(world.truth),
        f"{written.items} items of {len(world.truth.categories)} categories, "
        f"{written.withdrawn} go without notice",
        f"{written.events} events",
        f"written to {folder}",
    ]


def live(
    plan: Plan, folder: Path, settings: Settings, console: Console, *, speed: float, force: bool
) -> list[str]:
    """Send the plan's world as it happens, and say what was sent.

    speed  seconds of the world a second; the last day ends when the run does

    Raises Misconfigured as `simulate` and where a topic is missing, and Unavailable("kafka").
    """
    if not 1 <= speed <= MAX_SPEED:
        raise Misconfigured(
            f"--speed is {speed:g}, limit 1 to {MAX_SPEED:g}: 1 is real time, 3600 a day in 24 s"
        )
    prepare(folder, force=force)
    clock = Pace(time.time(), speed, plan.days)
    loop = ClosedLoop()
    world = World(replace(plan, start=clock.start), loop)
    with _bar(plan.days, console) as advances:
        sent = Live(world, loop, clock, settings).run(folder, advances)
    return [
        *_people(world.truth),
        f"{sent.items} items and {sent.events} events sent and confirmed, {sent.lists} lists heard",
        f"written to {folder}",
    ]


def moment(text: str) -> float:
    """Whole seconds since the epoch of a date or a time; UTC where it has no offset.

    Raises Misconfigured.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Misconfigured(
            f"--start is {text!r}: write a date or a time such as 2025-01-31 or "
            "2025-01-31T08:00:00Z"
        ) from error
    return found.replace(tzinfo=found.tzinfo or UTC, microsecond=0).timestamp()


def spans(texts: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """`FIRST:AFTER` as days. Raises Misconfigured."""
    return tuple(_span(text) for text in texts)


def _span(text: str) -> tuple[int, int]:
    first, _, after = text.partition(":")
    if not (first.isdecimal() and after.isdecimal()):
        raise Misconfigured(
            f"--quiet is {text!r}: write the first day and the day after the last, such as 30:60"
        )
    return int(first), int(after)


def _people(truth: Truth) -> list[str]:
    drifting = sum(bool(moments) for moments in truth.drifts.values())
    return [
        f"{len(truth.users)} users: {len(truth.groups)} groups, {drifting} drift, "
        f"{len(truth.bots)} are bots"
    ]


@contextmanager
def _bar(days: int, console: Console) -> Iterator[Callable[[float], None]]:
    """A bar of days, where a person is watching."""
    if not console.is_terminal:
        yield lambda _: None
        return
    columns = (TextColumn("day {task.completed:.0f} of {task.total:.0f}"), BarColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task("days", total=days)
        yield lambda seconds: bar.advance(task, seconds / DAY_S)
