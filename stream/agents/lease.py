"""Leadership: a fact with a holder and an expiry that one process at a time keeps renewing."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

import structlog

from stream.store.meta import KeepsFacts

log = structlog.get_logger(__name__)

RENEW_AT = 1 / 3  # share of the lease that has passed; two more tries fit before it ends


class Lease:
    """One process's view of the lease `name`.

    lease_s  the longest that the others wait after the holder has gone
    clock    seconds since the epoch. Clocks that differ let two lead for as long as they differ,
             so what a leader does must be guarded by itself
    """

    def __init__(
        self,
        facts: KeepsFacts,
        name: str,
        *,
        lease_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._facts = facts
        self._name = name
        self._lease_s = lease_s
        self._clock = clock
        self._me = secrets.token_hex(8)
        self._until = 0.0

    @property
    def held(self) -> bool:
        """Whether this process leads now; false as soon as a renewal is overdue."""
        return self._clock() < self._until

    async def hold(self) -> bool:
        """Take the lease if it is free, renew it when a third has passed; whether it is held.

        Raises Unavailable; a lease that was held stays so until it expires.
        """
        now = self._clock()
        if self._until - now > self._lease_s * (1 - RENEW_AT):
            return True
        fact = await self._facts.get(self._name)
        if fact is not None and fact.value["holder"] != self._me and fact.value["until"] > now:
            self._lead(0.0)
            return False
        # The expiry counts from before the write: whatever the write takes, the others wait longer.
        until = now + self._lease_s
        ours = {"holder": self._me, "until": until}
        won = await self._facts.put(self._name, ours, fact.etag if fact else None)
        self._lead(until if won else 0.0)
        return self.held

    def _lead(self, until: float) -> None:
        if bool(until) != bool(self._until):
            log.info("leads" if until else "leads no more", lease=self._name)
        self._until = until
