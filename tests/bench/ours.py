"""The encoder as the worker opens it, but without the cache, under some number of callers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stream.encoder import Encoder
from stream.encoder.providers import Name
from stream.settings import Settings
from tests.bench.contenders import SLOW_SHARE, Contender, Run

NAME = "interestream"
ALL_AT_ONCE = "one call"
CALLERS = (1, 8, 64)
CHUNKS = (1, 16)


@dataclass(slots=True)
class Padding:
    """Tokens of all runs so far, with padding and without."""

    padded: int = 0
    real: int = 0

    def __call__(self, padded: int, real: int, seconds: float) -> None:
        self.padded += padded
        self.real += real


@dataclass(frozen=True, slots=True)
class Ours:
    """An open encoder, the padding of its runs, and how it is called in the tables."""

    encoder: Encoder
    padding: Padding
    model: str


@asynccontextmanager
async def opened(
    folder: Path, model: str, *, provider: Name = "cpu", batch_tokens: int | None = None
) -> AsyncIterator[Ours]:
    """With the settings' defaults, whatever the environment says; no cache.

    model  what it is called in the tables where it runs on the CPU by onnxruntime

    Raises Misconfigured where the provider cannot be had.
    """
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    padding = Padding()
    encoder = await Encoder.open(
        folder,
        sessions=defaults["encoder_sessions"],
        batch_tokens=batch_tokens or defaults["batch_tokens"],
        max_tokens=defaults["max_tokens"],
        cache_bytes=0,
        queue_texts=defaults["encoder_queue_texts"],
        max_wait_ms=defaults["max_wait_ms"],
        provider=provider,
        on_batch=padding,
    )
    try:
        runs = encoder.provider
        label = model if provider == "cpu" else f"{runs.name} {runs.precision}"
        yield Ours(encoder, padding, label)
    finally:
        await encoder.close()


def how(callers: int, chunk: int) -> str:
    """How the texts come, in words."""
    who = "1 caller" if callers == 1 else f"{callers} callers"
    return f"{who}, {'one by one' if chunk == 1 else f'chunks of {chunk}'}"


def contenders(ours: Ours, *, every: bool) -> list[Contender]:
    """In one call, and by callers; `every` number and chunk, or 64 callers one by one."""
    pairs = [(c, k) for c in CALLERS for k in CHUNKS] if every else [(CALLERS[-1], 1)]
    return [
        Contender(NAME, ALL_AT_ONCE, ours.model, all_at_once(ours)),
        *(
            Contender(
                NAME,
                how(callers, chunk),
                ours.model,
                by_callers(ours, callers, chunk),
                SLOW_SHARE if callers * chunk == 1 else 1.0,
            )
            for callers, chunk in pairs
        ),
    ]


def all_at_once(ours: Ours) -> Callable[[Sequence[str]], Awaitable[Run]]:
    """All texts in one call."""

    async def run(texts: Sequence[str]) -> Run:
        padded, real = ours.padding.padded, ours.padding.real
        began = time.perf_counter()
        rows = await ours.encoder.encode(texts)
        elapsed_s = time.perf_counter() - began
        return Run(rows, [elapsed_s], ours.padding.padded - padded, ours.padding.real - real)

    return run


def by_callers(ours: Ours, callers: int, chunk: int) -> Callable[[Sequence[str]], Awaitable[Run]]:
    """Callers that each send `chunk` texts, wait for the vectors, and send the next."""

    async def run(texts: Sequence[str]) -> Run:
        padded, real = ours.padding.padded, ours.padding.real
        rows = np.empty((len(texts), ours.encoder.dimension), np.float32)
        latencies_s: list[float] = []
        starts = iter(range(0, len(texts), chunk))  # shared: whoever is free takes the next

        async def call() -> None:
            for start in starts:
                began = time.perf_counter()
                rows[start : start + chunk] = await ours.encoder.encode(
                    texts[start : start + chunk]
                )
                latencies_s.append(time.perf_counter() - began)

        async with asyncio.TaskGroup() as group:
            for _ in range(callers):
                group.create_task(call())
        return Run(rows, latencies_s, ours.padding.padded - padded, ours.padding.real - real)

    return run
