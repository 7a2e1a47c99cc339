"""What the Kafka side tells the rest of the process about its condition."""

from __future__ import annotations

from typing import Protocol


class Health(Protocol):
    """Where readiness and liveness come from."""

    def stuck(self, what: str) -> None:
        """`what` has hung for longer than the watchdog allows: liveness is false until unstuck."""

    def unstuck(self, what: str) -> None: ...

    def unavailable(self, part: str, message: str) -> None:
        """Somebody waits for `part` ("kafka", "qdrant", "encoder"): readiness is false.

        Each call is taken back by one call of `available`.
        """

    def available(self, part: str) -> None: ...
