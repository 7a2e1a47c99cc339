"""Moments of a leader's work at which a worker dies or stops, when the suite says so.

As `hooked`, for what fits segments and moves users. Orders are files: `crash` and `stop` name a
moment; `fit` says "hang" to the children that fit; `lead` lets every worker lead, whatever the
lease says.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.faults.hooked import FOLDER, POLL_S, Call, Changing, Halt, order

QUICK = "FAULTS_QUICK"  # variable: whether a leader waits as shortly as below
QUICK_WAITS = {
    "stream.agents.leader": {"POLL_S": 0.3},
    "stream.agents.refit": {"RETRY_S": 0.5},
    "stream.store.codec": {"OUTBOX_WAIT_S": 3.0},
}
HANG = "hang"


@dataclass(frozen=True, slots=True)
class Moment:
    """A method of a class, and whether its beginning or its end is meant.

    when  of its first argument: whether this call is meant
    """

    module: str
    owner: str
    method: str
    end: bool
    when: Callable[[Any], bool] = lambda _: True


def _emptied(read: Sequence[Any]) -> bool:
    return bool(read) and not any(one.profile.outbox for one in read)


MOMENTS = {
    "saved": Moment("stream.store.segments", "Segments", "save", end=True),
    "recorded": Moment("stream.store.segment_history", "SegmentHistory", "add", end=True),
    "switched": Moment("stream.store.segments", "Segments", "switch", end=True),
    # users are stored in their new segments, and nobody was told
    "moved": Moment("stream.agents.sweep", "Sweep", "_send", end=False, when=bool),
    # everybody was told, and it still waits in the outboxes
    "sent": Moment("stream.agents.sweep", "Sweep", "_save", end=False, when=_emptied),
}


def install() -> None:
    """Prepare the process; without the variable nothing happens."""
    named = os.environ.get(FOLDER)
    if named is None:
        return
    folder = Path(named)
    modules = {moment.module for moment in MOMENTS.values()}
    changes: dict[str, Callable[[ModuleType], None]]
    changes = dict.fromkeys(modules, partial(halting, folder=folder))
    changes["stream.agents.lease"] = lambda loaded: leading(loaded.Lease, folder / "lead")
    changes["stream.core.segment_fit"] = lambda loaded: hanging(loaded, folder / "fit")
    if QUICK in os.environ:
        for module, waits in QUICK_WAITS.items():
            changes[module] = partial(_quickened, waits=waits)
    sys.meta_path.insert(0, Changing(changes))


def _quickened(module: ModuleType, waits: Mapping[str, float]) -> None:
    for name, seconds in waits.items():
        assert hasattr(module, name), f"{module.__name__}.{name} is gone: a hook hangs on it"
        setattr(module, name, seconds)


def halting(module: ModuleType, folder: Path) -> None:
    """The process dies or stops at each moment of the module, at its nth time since the order."""
    for name, moment in MOMENTS.items():
        if moment.module == module.__name__:
            owner = getattr(module, moment.owner)
            method = _halting(getattr(owner, moment.method), name, moment, folder)
            setattr(owner, moment.method, method)


def _halting(method: Call, name: str, moment: Moment, folder: Path) -> Call:
    dies = Halt(name, folder / "crash", signal.SIGKILL)
    stops = Halt(name, folder / "stop", signal.SIGSTOP)

    def halt(given: Any) -> None:
        if moment.when(given):
            dies.if_told()
            stops.if_told()

    @wraps(method)
    async def halted(self: object, *given: Any) -> Any:
        if moment.end:
            answer = await method(self, *given)
            halt(*given[:1])
            return answer
        halt(*given[:1])
        return await method(self, *given)

    return halted


def hanging(module: ModuleType, file: Path) -> None:
    """A fit hangs while "hang" is ordered; a file beside the order tells who hangs."""
    fit: Call = module.refit

    @wraps(fit)
    def hung(*given: Any, **named: Any) -> Any:
        if order(file) == HANG:
            file.with_suffix(f".{os.getpid()}").touch()
        while order(file) == HANG:
            time.sleep(POLL_S)
        return fit(*given, **named)

    module.refit = hung  # type: ignore[attr-defined]


def leading(lease: type, file: Path) -> None:
    """Whoever asks holds the lease while that is ordered."""
    held: property = lease.held  # type: ignore[attr-defined]
    leads = property(lambda self: bool(order(file)) or held.__get__(self))
    lease.held = leads  # type: ignore[attr-defined]
