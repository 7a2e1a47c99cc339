"""How `interestream tune` looks: progress with the best so far, the evidence, the tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from stream.evaluate.envfile import render
from stream.evaluate.goal import COVERAGE, DIVERGENCE, Figures, Goal

if TYPE_CHECKING:
    from stream.commands.tune import Tuned
    from stream.evaluate.search import Trial


class Watched:
    """Bars of trials and of events where a person is watching, else a line for each best one."""

    def __init__(self, console: Console, goal: Goal, trials: int) -> None:
        self._console = console
        self._goal = goal
        self._total = trials
        self._best: Trial | None = None
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,}"))
        times = (TimeElapsedColumn(), TimeRemainingColumn())
        self._bars = Progress(*columns, *times, console=console, disable=not console.is_terminal)
        self._trials = self._bars.add_task("trials", total=trials)
        self._events = self._bars.add_task("events", total=None)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def begins(self, events: int) -> None:
        """A pass over so many events, unless a kept one serves."""
        self._bars.reset(self._events, total=events)

    def passed(self, events: int) -> None:
        self._bars.advance(self._events, events)

    def tried(self, trial: Trial, best: Trial) -> None:
        """A trial is over."""
        told = f"trials, best {self._goal.name} {best.figures[self._goal.name]:.4f}"
        self._bars.update(self._trials, completed=trial.number + 1, description=told)
        if not self._console.is_terminal and best != self._best:
            self._console.print(
                f"trial {trial.number + 1} of {self._total}: {told.removeprefix('trials, ')}",
                highlight=False,
            )
        self._best = best

    def holds_out(self, events: int) -> None:
        """The search is over; both settings pass over the hold-out."""
        self._bars.reset(self._events, total=2 * events, description="hold-out")


def settings_file(tuned: Tuned) -> str:
    """The file: evidence, then the values, each with what it was or what was found."""
    found = tuned.found
    others = found.present.values if tuned.changed else found.best.values
    return render(
        list(evidence(tuned)), tuned.values, others, "before:" if tuned.changed else "found:"
    )


def evidence(tuned: Tuned) -> Iterator[str]:
    """Where the values come from, a line each."""
    window, held, found, goal = tuned.window, tuned.holdout, tuned.found, tuned.goal
    yield "Ranking settings by `interestream tune`; load them with: set -a; . FILE; set +a"
    yield f"{tuned.at:%Y-%m-%d %H:%M} UTC, interestream {tuned.version}"
    yield f"command   {tuned.options.command}"
    yield (
        f"data      {tuned.data.name}: {len(tuned.data.events):,} events read, "
        f"{len(tuned.data.items):,} items, BLAKE2b {tuned.digest}"
    )
    yield (
        f"search    {len(found.trials)} trials, seed {tuned.options.seed}, best is number "
        f"{found.best.number}" + (", ended by Ctrl-C" if found.interrupted else "")
    )
    yield f"window    events {window.first:,} to {window.end:,}, every {window.every}th ranked"
    yield f"  before  {_told(goal, found.present.figures)}"
    yield f"  found   {_told(goal, found.best.figures)}"
    unseen = ", not looked at" if tuned.verdict is None else f", every {held.every}th ranked"
    yield f"hold-out  events {held.first:,} to {held.end:,}{unseen}"
    if tuned.verdict is not None:
        said = tuned.verdict
        yield f"  before  {_told(goal, said.present)}"
        yield f"  found   {_told(goal, said.found)}"
        yield (
            f"  found - before {_difference(tuned)}, {said.rankings:,} rankings of "
            f"{said.users:,} users"
        )
    yield f"verdict   {conclusion(tuned)}"


def conclusion(tuned: Tuned) -> str:
    """What is to be thought of it, in one plain line."""
    said = tuned.verdict
    if said is None:
        best = tuned.found.best
        if not best.holds:
            return "no trial keeps the bounds: the present settings stay"
        return "nothing better was found on the window: the present settings stay"
    kept = "written by --force" if tuned.changed else "the present settings stay"
    if said.confirmed:
        return "confirmed by the hold-out: the found settings are written"
    if not tuned.goal.holds(said.found):
        return f"NOT confirmed: on the hold-out the found settings miss a bound; {kept}"
    return f"NOT confirmed: on the hold-out the difference may be 0 or below; {kept}"


def show(tuned: Tuned, console: Console) -> None:
    """Values, what mattered, and the conclusion."""
    console.print(_values(tuned))
    if tuned.found.importance:
        console.print(_importance(tuned))
    for line in evidence(tuned):
        if line.startswith(("window", "hold-out", "  ")):
            console.print(line, highlight=False)
    console.print(f"[bold]{conclusion(tuned)}[/]", highlight=False)


def _values(tuned: Tuned) -> Table:
    found = tuned.found
    table = Table(title=f"{len(found.trials)} trials on {tuned.data.name}")
    for name in ("setting", "present", "found"):
        table.add_column(name, justify="left" if name == "setting" else "right")
    for name, value in found.present.values.items():
        table.add_row(name, f"{value:g}", f"{found.best.values[name]:g}")
    return table


def _importance(tuned: Tuned) -> Table:
    table = Table(title=f"what moved {tuned.goal.name} (fANOVA)")
    table.add_column("setting")
    table.add_column("share", justify="right")
    for name, share in tuned.found.importance.items():
        table.add_row(name, f"{share:.0%}")
    return table


def _told(goal: Goal, figures: Figures) -> str:
    return (
        f"{goal.name} {figures[goal.name]:.5f}, coverage {figures[COVERAGE]:.3f}, "
        f"calibration KL {figures[DIVERGENCE]:.3f}"
    )


def _difference(tuned: Tuned) -> str:
    assert tuned.verdict is not None
    against = tuned.verdict.against
    far = against.difference
    share = "" if against.change is None else f" ({against.change:+.1%})"
    return f"{far.value:+.5f}{share}, 95 % interval {far.low:+.5f} to {far.high:+.5f}"
