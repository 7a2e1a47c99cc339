"""A slower encoder inside a worker, while a file says so: the other end of `rig.Rig.slow_encoder`.

Installed by `hooks/sitecustomize.py` before the service is imported; nothing of the service knows.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.hooked import Changing, order

VARIABLE = "SOAK_ENCODER"  # the file: how many times its time a run takes; without it: once


def install() -> None:
    """Prepare the process; without the variable nothing happens."""
    file = os.environ.get(VARIABLE)
    if file is not None:
        change = {"stream.encoder.sessions": lambda module: slowing(module.Session, Path(file))}
        sys.meta_path.insert(0, Changing(change))


def slowing(session: type, file: Path) -> None:
    """Every run of the encoder takes the ordered multiple of its time."""
    run: Callable[..., Any] = session.run  # type: ignore[attr-defined]

    def slow(self: object, *given: Any) -> Any:
        started = time.perf_counter()
        rows = run(self, *given)
        spent_s = time.perf_counter() - started
        if told := order(file):
            time.sleep(spent_s * (float(told) - 1))
        return rows

    session.run = slow  # type: ignore[attr-defined]
