"""Laws of doing something for ever."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from stream.errors import Unavailable
from stream.rounds import repeat


async def test_an_outage_is_told_once_and_its_end_too() -> None:
    outcomes = iter([None, "down", "down", None, None, "down", None])
    ended = asyncio.Event()

    async def step() -> None:
        outcome = next(outcomes, "end")
        if outcome == "end":
            ended.set()
        elif outcome:
            raise Unavailable("qdrant", outcome)

    with capture_logs() as lines:
        running = asyncio.create_task(repeat("sweep", step, every_s=0))
        await ended.wait()
    running.cancel()

    assert [line["event"] for line in lines] == ["sweep waits", "sweep goes on"] * 2
    assert lines[0]["reason"] == "qdrant: down"


async def test_a_bug_ends_it() -> None:
    async def step() -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        await repeat("sweep", step, every_s=0)
