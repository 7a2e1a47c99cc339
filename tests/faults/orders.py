"""Telling workers what is to go wrong inside them; `hooked` does it there."""

from __future__ import annotations

import os
from pathlib import Path

from tests.faults.hooked import FOLDER, GROUP, SECONDS, STEPS, order

ROOT = Path(__file__).parents[2]
HOOKS = Path(__file__).with_name("hooks")


class Orders:
    """The orders that hold for all workers started with `env`.

    folder  made if absent; one for each stack
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "clock").write_bytes(SECONDS.pack(0.0))

    def env(self, group: str | None = None) -> dict[str, str]:
        """Variables of a worker that takes orders; `group`: its consumer group."""
        variables = {FOLDER: str(self._folder), "PYTHONPATH": f"{HOOKS}{os.pathsep}{ROOT}"}
        return variables if group is None else {**variables, GROUP: group}

    def clock(self, seconds: float) -> None:
        """Put every worker's wall clock off by so much; 0: right again."""
        with (self._folder / "clock").open("r+b") as file:  # workers have it mapped
            file.write(SECONDS.pack(seconds))

    def crash_after(self, step: str, time: int = 1) -> None:
        """Let the first worker that ends this step of the commit for the nth time die there."""
        if step not in STEPS:
            raise ValueError(f"{step!r} is not a step: one of {', '.join(STEPS)}")
        self._give("crash", f"{step} {time}")

    @property
    def crash_waits(self) -> bool:
        """Whether nobody has died of the order yet."""
        return order(self._folder / "crash") != ""

    def encoder(self, what: str) -> None:
        """From now on it does `what`: "raise", "memory" (runs out of it) or "hang"."""
        self._give("encoder", what)

    def qdrant(self, status: str) -> None:
        """From now on half of the calls end in this gRPC status, some after they took effect;
        FULL: no write is carried out."""
        self._give("qdrant", status)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self.clock(0.0)
        for name in ("crash", "encoder", "qdrant"):
            (self._folder / name).unlink(missing_ok=True)

    def _give(self, name: str, what: str) -> None:
        """At once: half of an order must not be read."""
        part = self._folder / f"{name}.part"
        part.write_text(what)
        part.rename(self._folder / name)
