"""Callers of an encoder whose session waits for the test."""

from __future__ import annotations

import asyncio

from stream.encoder import Encoder, Lane
from tests.encoder.parts import Gate


async def occupy(encoder: Encoder, gate: Gate) -> asyncio.Task[object]:
    """Start a call that holds the only session until the gate opens."""
    task: asyncio.Task[object] = asyncio.create_task(encoder.encode(["occupying"]))
    await asyncio.to_thread(gate.await_run)
    return task


async def waiting(encoder: Encoder, lane: Lane, count: int) -> None:
    """Let other tasks go on until so many texts wait."""
    while encoder.waiting(lane) != count:  # noqa: ASYNC110  # the encoder has no such event
        await asyncio.sleep(0)


async def running_texts(gates: tuple[Gate, ...], count: int) -> None:
    while sum(gate.texts_run for gate in gates) != count:  # noqa: ASYNC110  # as `waiting`
        await asyncio.sleep(0)
