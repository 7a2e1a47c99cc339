"""Saying yes or no to a model of segments that is held."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from stream.core.segment_history import ACCEPTED, REJECTED, Standing
from stream.errors import Unavailable
from stream.store.segment_history import SegmentHistory

ROUNDS = 8


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether it is as was asked for now; where not, why, for a person."""

    done: bool
    why: str = ""


class DecidesSegments(Protocol):
    """What is needed of `stream.store.segments.Segments`."""

    async def check_open(self) -> None: ...

    async def standing(self) -> Standing: ...

    async def accept(self, version: int) -> bool: ...

    async def reject(self, version: int) -> bool: ...


async def accept(segments: DecidesSegments, history: SegmentHistory, version: int) -> Decision:
    """Put the held model `version` in force; again is as good as once.

    Raises Unavailable, also while the store is closed for a move or a restore.
    """
    return await _decide(segments, history, version, segments.accept, ACCEPTED)


async def reject(segments: DecidesSegments, history: SegmentHistory, version: int) -> Decision:
    """Drop the held model `version`; again is as good as once. Raises Unavailable as `accept`."""
    return await _decide(segments, history, version, segments.reject, REJECTED)


async def _decide(
    segments: DecidesSegments,
    history: SegmentHistory,
    version: int,
    step: Callable[[int], Awaitable[bool]],
    as_what: str,
) -> Decision:
    """1. Complete the records, which the last decision may not be in yet. 2. Decide, by
    compare-and-set. 3. Complete them again: what is not written now, the next one writes."""
    for _ in range(ROUNDS):
        await segments.check_open()
        now = await segments.standing()
        if (now.decided, now.as_what) == (version, as_what):
            return Decision(True)
        if now.held != version:
            return Decision(False, _why_not(now, version))
        await history.settle()  # 1
        if await step(version):  # 2
            with suppress(Unavailable):
                await history.settle()  # 3
            return Decision(True)
    now = await segments.standing()
    if now.held != version:
        return Decision(False, _why_not(now, version))
    return Decision(
        False,
        f"model {version} is held and could not be {as_what}: its points are not there, or others "
        "keep changing what is in force. The next fit takes its place; ask for one with "
        "`interestream segments refit`",
    )


def _why_not(now: Standing, version: int) -> str:
    if now.decided == version:
        return f"model {version} is not held any more: it was {now.as_what}"
    if now.version == version:
        return f"model {version} is in force already"
    held = f"model {now.held} is" if now.held else "no model is"
    return f"model {version} is not held: {held}. Look with `interestream segments list`"
