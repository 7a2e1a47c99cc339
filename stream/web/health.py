"""Liveness and readiness: what hangs, and what is away."""

from __future__ import annotations

from collections import Counter

import structlog

log = structlog.get_logger(__name__)

STARTING = "starting"


class Health:
    """Live: nothing hangs; a supervisor restarts what is not. Ready: started, nothing is away."""

    def __init__(self) -> None:
        self._stuck: set[str] = set()
        self._away: dict[str, str] = {"worker": STARTING}
        self._waiting: Counter[str] = Counter()

    @property
    def live(self) -> bool:
        return not self._stuck

    @property
    def ready(self) -> bool:
        return not self._away and self.live

    def report(self) -> dict[str, object]:
        """What is wrong, for a person; empty lists where nothing is."""
        return {"stuck": sorted(self._stuck), "away": dict(self._away)}

    def started(self) -> None:
        self._away.pop("worker", None)

    def stopping(self) -> None:
        self._away["worker"] = "stopping"

    def stuck(self, what: str) -> None:
        if what not in self._stuck:
            log.error("stuck", what=what)
        self._stuck.add(what)

    def unstuck(self, what: str) -> None:
        self._stuck.discard(what)

    def waits(self, reason: str) -> None:
        """The worker cannot start yet."""
        self._away["worker"] = f"{STARTING}, {reason}"

    def unavailable(self, part: str, message: str) -> None:
        """One more waits for `part`; it is away until all that wait have got through."""
        self._waiting[part] += 1
        if part not in self._away:
            log.warning("away", part=part, reason=message)
        self._away[part] = message

    def available(self, part: str) -> None:
        """One of those that wait for `part` has got through, or waits no more."""
        self._waiting[part] -= 1
        if self._waiting[part] <= 0 and self._away.pop(part, None) is not None:
            log.info("back", part=part)
