"""Waiting out an outage in place: a step is tried again until it works or is no longer ours."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type, wait_random_exponential

from stream.errors import Overloaded, Unavailable
from stream.kafka.deliveries import Delivery
from stream.kafka.health import Health

T = TypeVar("T")


class Patience:
    """Runs steps; meets `Unavailable` with jittered back-off and everything else not at all.

    shortest_s, longest_s  bounds of the random waiting time, which doubles from try to try. What
                           waits longest when a part returns is what recovery takes at least: with
                           5 s events stood still for up to 8 s more after 2 s of outage, and one
                           try a second of each partition is no load
    """

    def __init__(self, health: Health, *, shortest_s: float = 0.05, longest_s: float = 1.0) -> None:
        self._health = health
        self._wait = wait_random_exponential(multiplier=shortest_s, max=longest_s)

    async def __call__(self, delivery: Delivery, part: str, step: Callable[[], Awaitable[T]]) -> T:
        """The result of `step`; it runs again after each `Unavailable`, so it must be repeatable.

        part  what the step needs: "kafka", "qdrant" or "encoder"

        Time spent on failed tries and between them counts as waited, not as work. Raises
        OwnershipLost before a try when the partition is no longer the delivery's.
        """

        away: list[Unavailable] = []

        async def attempt() -> T:
            delivery.check_owned()
            started = time.monotonic()
            try:
                return await step()
            except Unavailable as outage:
                delivery.progress.exclude(time.monotonic() - started)
                # Busy is not away: the queue in front of the encoder is the back-pressure.
                if not away and not isinstance(outage, Overloaded):
                    away.append(outage)
                    self._health.unavailable(part, str(outage))
                raise

        async def rest(seconds: float) -> None:
            with delivery.progress.waiting():
                await asyncio.sleep(seconds)

        again = retry_if_exception_type(Unavailable)
        try:
            return await AsyncRetrying(retry=again, wait=self._wait, sleep=rest)(attempt)
        finally:  # also where the partition was lost meanwhile: nobody waits here any more
            if away:
                self._health.available(part)
