"""Rounds of faults on a running stack: `python -m tests.faults.run --help`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import zlib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from stream.embedded import archives
from tests.faults.kinds import FAULTS, SHORT, Fault, named
from tests.faults.report import Report
from tests.faults.rounds import play
from tests.faults.stack import Stack, running
from tests.support import kafka, stores

CACHE = Path(__file__).parents[2] / ".cache"
STACK_ROUNDS = 20  # then a new stack: every check reads all that was ever sent to one


def main(argv: Sequence[str] | None = None) -> int:
    """0 where every round was clean, those of earlier runs in the file included."""
    told = _arguments().parse_args(argv)
    if told.on == "kafka" and (why := kafka.missing() or stores.server_missing()):
        sys.exit(why)
    names = list(SHORT) if told.short else [one for one in told.faults.split(",") if one]
    faults = [one for one in _chosen(names) if told.on in one.on]
    report = Report(told.out)
    left = missing_rounds(report, faults, told.on, told.rounds)
    with Stage(told.on, told.keep) as stage:
        for number, fault in enumerate(left, 1):
            _round(stage, fault, report, events=told.events)
            report.save()
            _tell(f"[{number}/{len(left)}] {_said(report, fault, told.on)}")
    _tell(report.table())
    for row in report.rows.values():
        for finding in row.findings:
            _tell(f"{row.name} ({row.on}): {finding}")
    return 0 if report.clean else 1


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.run", description=__doc__)
    parser.add_argument("--faults", default="", help="names, by commas; all by default")
    parser.add_argument("--short", action="store_true", help="the eight most telling faults")
    parser.add_argument(
        "--rounds", type=int, default=1, help="of each fault, those in the file included"
    )
    parser.add_argument("--events", type=int, default=600, help="good events of a round")
    parser.add_argument("--on", choices=("embedded", "kafka"), default="embedded")
    parser.add_argument("--out", type=Path, help="JSON to write, and to add to where it exists")
    parser.add_argument("--keep", type=Path, help="a folder for the stacks' logs, kept")
    return parser


def _chosen(names: Sequence[str]) -> list[Fault]:
    return [named(name) for name in names] or list(FAULTS)


def missing_rounds(report: Report, faults: Sequence[Fault], on: str, rounds: int) -> list[Fault]:
    """What is to be played until every fault has its rounds, those in the file included.

    Every fault once, then every fault again: a run that is stopped has rounds of all.
    """
    return [
        fault
        for number in range(rounds)
        for fault in faults
        if report.rounds_of(fault.name, on) <= number
    ]


def _round(stage: Stage, fault: Fault, report: Report, *, events: int) -> None:
    row = report.row(fault.name, stage.on)
    seed = zlib.crc32(f"{fault.name} {row.rounds}".encode())
    try:
        one = play(stage.stack(), fault, events=events, seed=seed)
    except Exception as why:  # noqa: BLE001  # a finding; the next round has a new stack
        row.add_stuck(f"{type(why).__name__}: {why}"[:2000])
        stage.drop()
        return
    row.add(one)
    if not one.tally.clean:
        stage.drop()


def _said(report: Report, fault: Fault, on: str) -> str:
    row = report.row(fault.name, on)
    took = f"{row.back_s[-1]:.1f} s, done in {row.last_s[-1]:.1f} s" if row.last_s else "never"
    return (
        f"{time.strftime('%H:%M:%S')} {fault.name}: {row.rounds} rounds, {row.events} events, "
        f"lost {row.lost}, doubled {row.doubled}, unpublished {row.unpublished}, "
        f"stuck {row.stuck}, back in {took}"
    )


class Stage:
    """The running stack, made when it is needed, and made anew after STACK_ROUNDS rounds."""

    def __init__(self, on: str, keep: Path | None) -> None:
        self.on = on
        self.model_dir = archives.model_dir(CACHE)
        self._keep = None if keep is None else keep.resolve()  # processes start elsewhere
        self._cleaning = ExitStack()
        self._stack: Stack | None = None

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()

    def stack(self) -> Stack:
        if self._stack is not None and (
            self._stack.spent or len(self._stack.plans) >= STACK_ROUNDS
        ):
            self.drop()
        if self._stack is None:
            stack = running(self.on, self._folder(), self.model_dir)
            self._stack = self._cleaning.enter_context(stack)
        return self._stack

    def drop(self) -> None:
        """End the stack; the next round begins with a new one."""
        self._stack = None
        self._cleaning.close()

    def _folder(self) -> Path:
        if self._keep is None:
            return Path(self._cleaning.enter_context(tempfile.TemporaryDirectory()))
        self._keep.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=self._keep))


if __name__ == "__main__":
    sys.exit(main())
