"""Telling workers what is to go wrong inside them; `hooked` does it there."""

from __future__ import annotations

import os
from pathlib import Path

from tests.faults.hooked import FOLDER, GROUP, SECONDS, STEPS, order
from tests.faults.moments import HANG, MOMENTS, QUICK

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

    def env(self, group: str | None = None, *, quick: bool = False) -> dict[str, str]:
        """Variables of a worker that takes orders.

        group  its consumer group
        quick  whether what a leader waits for comes in seconds
        """
        given = {GROUP: group, QUICK: "yes" if quick else None}
        variables = {FOLDER: str(self._folder), "PYTHONPATH": f"{HOOKS}{os.pathsep}{ROOT}"}
        return variables | {name: value for name, value in given.items() if value is not None}

    def clock(self, seconds: float) -> None:
        """Put every worker's wall clock off by so much; 0: right again."""
        with (self._folder / "clock").open("r+b") as file:  # workers have it mapped
            file.write(SECONDS.pack(seconds))

    def crash_after(self, step: str, time: int = 1) -> None:
        """Let the first worker that ends this step of the commit, or comes by this moment of
        `moments`, for the nth time die there."""
        if step not in (*STEPS, *MOMENTS):
            raise ValueError(f"{step!r} is not a step: one of {', '.join((*STEPS, *MOMENTS))}")
        self._give("crash", f"{step} {time}")

    @property
    def crash_waits(self) -> bool:
        """Whether nobody has died of the order yet."""
        return order(self._folder / "crash") != ""

    def stop_at(self, moment: str, time: int = 1) -> None:
        """Let the first worker that comes by this moment for the nth time stop there."""
        if moment not in MOMENTS:
            raise ValueError(f"{moment!r} is not a moment: one of {', '.join(MOMENTS)}")
        self._give("stop", f"{moment} {time}")

    def hang_fits(self) -> None:
        """From now on every fit of segments hangs in its child."""
        self.fits_go_on()
        self._give("fit", HANG)

    def hanging(self) -> list[int]:
        """Process ids of the fits that hang or did, since they last went on."""
        return [int(file.suffix[1:]) for file in self._folder.glob("fit.[0-9]*")]

    def fits_go_on(self) -> None:
        (self._folder / "fit").unlink(missing_ok=True)
        for number in self.hanging():
            (self._folder / f"fit.{number}").unlink(missing_ok=True)

    def everybody_leads(self, *, so: bool) -> None:
        """Whether every worker leads, whatever the lease says."""
        if so:
            self._give("lead", "yes")
        else:
            (self._folder / "lead").unlink(missing_ok=True)

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
        self.fits_go_on()
        for name in ("crash", "stop", "lead", "encoder", "qdrant"):
            (self._folder / name).unlink(missing_ok=True)

    def _give(self, name: str, what: str) -> None:
        """At once: half of an order must not be read."""
        part = self._folder / f"{name}.part"
        part.write_text(what)
        part.rename(self._folder / name)
