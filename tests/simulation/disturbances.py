"""What may be decided at a step, other than that things go on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from tests.simulation.workers import Task

if TYPE_CHECKING:
    from tests.simulation.schedule import Run

Action = tuple[str, Callable[[], None]]

PAUSES = (0, 1, 2, 4)  # steps; 0: until the others have ended


def chosen(run: Run, number: int) -> Action:
    """The action of that number: it names a kind of disturbance, and then one of the kind."""
    kinds = [kind for each in KINDS if (kind := each(run))]
    if not kinds:
        return "nothing", lambda: None
    kind = kinds[number % len(kinds)]
    return kind[number // len(kinds) % len(kind)]


# --- others go first


def switches(run: Run) -> list[Action]:
    task = _interruptible(run)
    if task is None:
        return []
    return [
        (
            f"{task.name} stands still before {task.at} {_long(steps)}",
            partial(run.stop, task, steps),
        )
        for steps in PAUSES
    ]


def halves(run: Run) -> list[Action]:
    """Others see half of what was asked, before the rest of it happens."""
    task = _interruptible(run)
    if task is None or task.request is None or len(task.request.effects) < 2:
        return []

    def split(steps: int) -> None:
        run.happen(task, _half(task))
        run.stop(task, steps)

    return [
        (f"{task.name} stands still with half of {task.at} done {_long(n)}", partial(split, n))
        for n in PAUSES
    ]


def _interruptible(run: Run) -> Task | None:
    ready, task = run.ready(), run.current
    return task if task in ready and len(ready) > 1 else None


def _half(task: Task) -> int:
    return 0 if task.request is None else (len(task.request.effects) + 1) // 2


def _long(steps: int) -> str:
    return f"for {steps} steps" if steps else "until all others have ended"


# --- outages and crashes


def failures(run: Run) -> list[Action]:
    """What the current task asked for is not answered."""
    task = run.current
    if task is None or task.done or task.request is None or not task.request.part:
        return []
    ways: dict[str, Callable[[Task], None]] = {"did not happen": lambda _: None}
    if task.request.effects:
        ways["happened"] = run.happen
        ways["happens late"] = run.put_off
    if len(task.request.effects) > 1:
        ways["happened by half"] = lambda task: run.happen(task, _half(task))
    return [
        (f"{task.name}: {task.at} is not answered and {what}", partial(run.fail, task, way))
        for what, way in ways.items()
    ]


def crashes(run: Run) -> list[Action]:
    ways: dict[str, Callable[[Task], None]] = {
        "what it asked for does not happen": lambda _: None,
        "what it asked for happens": run.happen,
        "what it asked for happens late": run.put_off,
    }
    return [
        (f"{process.name} dies, {what}", partial(run.crash, process, way))
        for process in run.processes.values()
        for what, way in ways.items()
        if any(not task.done for task in process.tasks)
    ]


def landings(run: Run) -> list[Action]:
    return [
        ("what was late happens", partial(run.outside.land, number))
        for number in range(len(run.outside.late))
    ]


# --- the group


def rebalances(run: Run) -> list[Action]:
    """While there is anything left to deliver again."""
    if run.outside.broker.finished:
        return []
    return [
        (
            f"{partition} goes from {owner} to {to}, {owner} {'hears' if heard else 'is a zombie'}",
            partial(run.rebalance, partition, to, heard),
        )
        for partition, owner in run.owners.items()
        for to in run.processes
        if to != owner
        for heard in (False, True)
    ]


def replays(run: Run) -> list[Action]:
    """Offsets are set back on top of what is stored."""
    return [
        (f"{partition} is delivered again from the beginning", partial(run.replay, partition))
        for partition, offset in run.outside.broker.committed.items()
        if offset
    ]


def membership(run: Run) -> list[Action]:
    notices: list[Action] = [
        (
            f"{process.name} hears that it lost {partition_}",
            partial(run.notice, process, partition_),
        )
        for process, partition_ in run.zombies
    ]
    silences: list[Action] = [
        (f"heartbeats of {process.name} are not answered", partial(process.silent, True))
        for process in run.processes.values()
        if not process.flow.quiet
    ]
    return notices + silences + hearing(run)


def hearing(run: Run) -> list[Action]:
    return [
        (f"heartbeats of {process.name} are answered again", partial(process.silent, False))
        for process in run.processes.values()
        if process.flow.quiet
    ]


# --- the sweep


def sweeps(run: Run) -> list[Action]:
    if run.sweeps >= run.scenario.sweeps:
        return []
    return [
        (f"{process.name} sweeps", partial(run.sweep, process))
        for process in run.processes.values()
    ]


#: Some more than once: few steps have any, and what they reveal needs the right one.
KINDS = (
    switches,
    failures,
    failures,
    halves,
    halves,
    halves,
    crashes,
    rebalances,
    replays,
    membership,
    landings,
    sweeps,
)
