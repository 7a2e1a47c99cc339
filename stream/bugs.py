"""Bugs in pure steps: the record that fails alone goes to the dead letters, a few an hour.

Beyond that the worker stops with nothing acknowledged: a bug that hits many records is one that a
person must see. The count is kept in the store, or every restart would grant as many again.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from stream.errors import InterestreamError, TooManyBugs

R = TypeVar("R")


class PureStepFailed(Exception):
    """A step without I/O raised something that is none of the known fates.

    trace  the stack trace, for the dead letter
    """

    def __init__(self, cause: Exception) -> None:
        super().__init__(repr(cause))
        self.trace = "".join(traceback.format_exception(cause))


async def one_by_one(
    records: Sequence[R],
    apply: Callable[[Sequence[R]], Awaitable[None]],
    bury: Callable[[R, PureStepFailed], Awaitable[None]],
) -> None:
    """Apply all records at once; where a pure step fails, each alone.

    The record that fails alone is buried. `apply` must be repeatable: some of what it does may
    have been done before it failed.
    """
    try:
        await apply(records)
    except PureStepFailed as failure:
        if len(records) == 1:
            await bury(records[0], failure)
            return
        for record in records:
            await one_by_one([record], apply, bury)


@contextmanager
def pure() -> Iterator[None]:
    """Mark a pure step: what it raises beyond the known fates becomes PureStepFailed."""
    try:
        yield
    except (InterestreamError, PureStepFailed):
        raise
    except Exception as cause:
        raise PureStepFailed(cause) from cause


class Facts(Protocol):
    """The part of `store.meta` that is needed here."""

    async def get(self, name: str) -> Any: ...

    async def put(self, name: str, value: dict[str, Any], read_etag: int | None) -> bool: ...


class BugBudget:
    """At most `per_hour` records of the deployment may be buried as bugs in an hour."""

    def __init__(
        self, facts: Facts, per_hour: int, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._facts = facts
        self._per_hour = per_hour
        self._clock = clock

    async def spend(self, failure: PureStepFailed) -> None:
        """Count one more. Raises TooManyBugs where the hour's budget is spent."""
        hour = int(self._clock() // 3600)
        while True:
            fact = await self._facts.get("bugs")
            spent = fact.value["count"] if fact is not None and fact.value["hour"] == hour else 0
            if spent >= self._per_hour:
                raise TooManyBugs(
                    f"{spent} records failed on bugs this hour, limit {self._per_hour} "
                    "(INTERESTREAM_MAX_BUG_RECORDS_PER_HOUR); nothing is acknowledged until the "
                    f"bug is mended or the limit raised. The last one:\n{failure.trace}"
                ) from failure
            value = {"hour": hour, "count": spent + 1}
            if await self._facts.put("bugs", value, None if fact is None else fact.etag):
                return
