"""One run: at every point where a task waits, a decision says what happens next.

A schedule is the decisions that differ from the plain course of things, in which each task goes on
until it ends, and everything answers. So it is short, and can be printed, replayed and shrunk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain

from stream.core.segments import SegmentModel
from stream.errors import Unavailable
from tests.commit.world import segment_model
from tests.simulation import disturbances
from tests.simulation.outside import Outside
from tests.simulation.requests import Request
from tests.simulation.scenarios import Scenario
from tests.simulation.workers import Process, Task

MOST_STEPS = 3000  # an undisturbed run has about 20
SKEWS_S = {"A": 0.0, "B": -5.0}

Decisions = Mapping[int, int]  # by step


@dataclass
class Run:
    """A scenario under a schedule.

    owners    partition -> name of the worker that the group has given it to
    zombies   processes that have not heard yet that they lost a partition
    stopped   tasks that stand still, by the step at which they go on
    trace     the decisions, in words
    told      every step and every decision, in words
    broken    what must never be, seen on the way
    """

    scenario: Scenario
    decisions: Decisions = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.outside = Outside(self.scenario)
        self.processes = {name: self._process(name, 1) for name in SKEWS_S}
        self.owners: dict[int, str] = {}
        self.zombies: list[tuple[Process, int]] = []
        self.stopped: dict[int, Task] = {}
        self.current: Task | None = None
        self.sweeps = 0
        self.steps = 0
        self.trace: list[str] = []
        self.told: list[str] = []
        self.broken: list[str] = []
        for partition, name in zip(self.outside.broker.logs, self.processes, strict=True):
            self.assign(partition, name)

    def to_the_end(self) -> Run:
        """Until all is committed and nobody has anything left to do; late effects happen last.

        When the time has come that nothing can be on its way any more, removals are confirmed. Then
        the rest arrives, and everything comes once more.
        """
        self._settle()
        self._confirm()
        self.outside.broker.append(self.scenario)
        for partition in self.owners:
            self.replay(partition)
        self._settle()
        self._confirm()
        if not (self.broken or self.outside.broker.finished):
            committed = self.outside.broker.committed
            self.broken.append(f"not done after {self.steps} steps, committed: {committed}")
        for process in self.processes.values():
            process.end()
        return self

    def _confirm(self) -> None:
        while self.outside.unconfirmed and self.steps < MOST_STEPS and not self.broken:
            next(iter(self.processes.values())).confirm()
            self._settle()

    def _settle(self) -> None:
        while self.steps < MOST_STEPS and not self.broken and self._step():
            self.steps += 1
        while self.outside.late:
            self.outside.land(0)

    # --- steps

    def _step(self) -> bool:
        """The plain course or what was decided; False where nothing is left to do."""
        self.current = self.stopped.pop(self.steps, self.current)
        ready = self.ready()
        remedies = disturbances.hearing(self)
        if not ready and not remedies:
            return False
        if number := self.decisions.get(self.steps, 0):
            name, act = disturbances.chosen(self, number)
            self.trace.append(f"{self.steps:4}: {name}")
            self.told.append(self.trace[-1])
            act()
        elif ready:
            self.go_on(self.current if self.current in ready else ready[0])
        else:
            remedies[0][1]()
        return True

    def ready(self) -> list[Task]:
        """The tasks that may go on, in a fixed order."""
        return [task for task in self._tasks() if task.ready]

    def _tasks(self) -> list[Task]:
        return list(chain.from_iterable(process.tasks for process in self.processes.values()))

    def go_on(self, task: Task | None, error: Exception | None = None) -> None:
        """What the task waits for happens, or it hears an error; it runs on to its next request."""
        assert task is not None
        self.current = task
        self.told.append(f"{self.steps:4}: {task.name}: {error or task.at}")
        request = task.request
        try:
            if error is not None:
                task.request = task.coroutine.throw(error)
            else:
                answer = self._answer(task)
                task.request = task.coroutine.send(answer)
        except StopIteration:
            task.done = True
        except Exception as bug:  # noqa: BLE001  # whatever it is: no schedule may end a worker
            task.done = True
            self.broken.append(f"{task.name} died of {bug!r}")
        self._check_stopped(task, request)

    def _answer(self, task: Task) -> object:
        self.happen(task)
        return None if task.request is None else task.request.answer()

    def happen(self, task: Task, first: int | None = None) -> None:
        """All that the task asks for, or the `first` effects of it."""
        if task.request is None:
            return
        if task.request.what == "send":
            self.outside.flush(self.process_of(task).publisher)
        task.request.happen(first)

    def _check_stopped(self, task: Task, before: Request | None) -> None:
        """Who knows that a partition may be another's neither begins a write nor sends."""
        work, now = task.work.delivery, task.request
        if task.done or work is None or now is None or now.what not in ("upsert", "send"):
            return
        second_half = before is not None and before.what == now.what == "upsert"
        if (work.revoked or work.doubtful) and not second_half:
            self.broken.append(f"{task.name} begins {now.what!r} for a partition it does not own")

    # --- what may be decided

    def stop(self, task: Task, steps: int) -> None:
        """Others go first: for so many steps, 0: until they end."""
        self.current = next(other for other in self.ready() if other is not task)
        if steps:
            self.stopped[self.steps + 1 + steps] = task

    def fail(self, task: Task, way: Callable[[Task], None]) -> None:
        """The task gets no answer, whatever `way` let happen."""
        assert task.request is not None
        way(task)
        self.go_on(task, Unavailable(task.request.part, "simulated"))

    def put_off(self, task: Task) -> None:
        """What the task asked for happens when it is decided, or at the very end."""
        if task.request is None or not task.request.effects:
            return
        sends = task.request.what == "send"
        keeper: object = self.process_of(task).publisher if sends else task.request
        self.outside.late.append((keeper, task.request.effects))
        task.request = replace(task.request, effects=[])

    def crash(self, process: Process, way: Callable[[Task], None]) -> None:
        """`way` says what becomes of its requests; a new process takes over its partitions."""
        for task in process.tasks:
            if not task.done and task.request is not None:
                way(task)
        process.end()
        name, life = process.name[0], int(process.name[1:]) + 1
        self.processes[name] = self._process(name, life)
        self.zombies = [zombie for zombie in self.zombies if zombie[0] is not process]
        for partition in [p for p, owner in self.owners.items() if owner == name]:
            self.assign(partition, name)

    def assign(self, partition: int, name: str) -> None:
        """The group gives the partition to a worker, who reads on from what is committed."""
        broker, process = self.outside.broker, self.processes[name]
        broker.epochs[partition] += 1
        self.zombies = [zombie for zombie in self.zombies if zombie != (process, partition)]
        process.assigned(partition, broker.epochs[partition])
        self.owners[partition] = name

    def rebalance(self, partition: int, to: str, heard: bool) -> None:
        """The former owner goes on as a zombie until it hears of it."""
        former = self.processes[self.owners[partition]]
        self.assign(partition, to)
        self.zombies.append((former, partition))
        if heard:
            self.notice(former, partition)

    def replay(self, partition: int) -> None:
        """The group's offset is set back to the beginning; the same worker reads on from there."""
        self.outside.broker.committed[partition] = 0
        self.assign(partition, self.owners[partition])

    def notice(self, process: Process, partition: int) -> None:
        self.zombies.remove((process, partition))
        process.revoked(partition)

    def sweep(self, process: Process) -> None:
        """After a fit in which the segments changed places."""
        self.sweeps += 1
        process.sweep(turned(segment_model(), self.sweeps))
        self.current = process.tasks[-1]

    def process_of(self, task: Task) -> Process:
        return next(p for p in self.processes.values() if task in p.tasks)

    def _process(self, name: str, life: int) -> Process:
        return Process(f"{name}{life}", self.outside, SKEWS_S[name])


def turned(model: SegmentModel, by: int) -> SegmentModel:
    """A later model, whose segments have the centroids of others."""
    centroids = [segment.centroid for segment in model.segments]
    return SegmentModel(
        model.version + by,
        tuple(
            replace(segment, centroid=centroids[(n + by) % len(centroids)])
            for n, segment in enumerate(model.segments)
        ),
    )
