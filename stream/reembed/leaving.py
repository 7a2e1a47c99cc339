"""A worker's part in a move: it leaves when its encoder does."""

from __future__ import annotations

import asyncio

import structlog

from stream.rounds import repeat
from stream.store.moves import EncoderId, ReadsFacts, obstacle, standing

log = structlog.get_logger(__name__)

POLL_S = 2.0


class Leaving:
    """Sets `stop`, as SIGTERM would, once this worker's encoder is being replaced or has been."""

    def __init__(
        self,
        facts: ReadsFacts,
        ours: EncoderId,
        stop: asyncio.Event,
        *,
        poll_s: float = POLL_S,
    ) -> None:
        self._facts = facts
        self._ours = ours
        self._stop = stop
        self._poll_s = poll_s

    async def look(self) -> None:
        """Raises Unavailable."""
        reason = obstacle(await standing(self._facts), self._ours)
        if reason is not None and not self._stop.is_set():
            log.warning("leaves", reason=reason)
            self._stop.set()

    async def run(self) -> None:
        """Look for ever; an outage of the store says nothing about the encoder."""
        await repeat("encoder in force", self.look, every_s=self._poll_s)
