"""What is compared: something that encodes texts, and what one run of it came to."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stream.encoder.contract import Rows

#: Where callers wait for each text, a quarter of the texts says as much in a quarter of the time.
SLOW_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Run:
    """One pass over some texts.

    rows         (n, d) float32, in the order of the texts
    latencies_s  of each call, seconds
    padded       tokens that went through the model, padding included; 0 where not known
    real         tokens of the texts among them
    """

    rows: Rows
    latencies_s: Sequence[float]
    padded: int = 0
    real: int = 0


@dataclass(frozen=True, slots=True)
class Contender:
    """name   what it is, `how` it is called, and which `model` it runs
    share  of the texts that it gets
    run    all of them, once
    """

    name: str
    how: str
    model: str
    run: Callable[[Sequence[str]], Awaitable[Run]]
    share: float = 1.0

    @property
    def key(self) -> str:
        return f"{self.name} | {self.how} | {self.model}"

    def part(self, texts: Sequence[str]) -> Sequence[str]:
        return texts[: max(int(len(texts) * self.share), 1)]


async def figures(contender: Contender, texts: Sequence[str]) -> dict[str, Any]:
    """Raw figures of one run: rates a second, times in milliseconds, cpu of the whole process."""
    part = contender.part(texts)
    cpu, began = time.process_time(), time.perf_counter()
    run = await contender.run(part)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    p50, p99 = np.percentile(run.latencies_s, [50, 99]) * 1000
    return {
        "texts": len(part),
        "calls": len(run.latencies_s),
        "seconds": round(seconds, 4),
        "texts_per_s": round(len(part) / seconds, 2),
        "cpu_ms_per_text": round(1000 * cpu / len(part), 4),
        "p50_ms": round(float(p50), 3),
        "p99_ms": round(float(p99), 3),
        "padding_waste": round(1 - run.real / run.padded, 4) if run.padded else None,
    }


def together(encode: Callable[[Sequence[str]], Rows]) -> Callable[[Sequence[str]], Awaitable[Run]]:
    """A blocking function given all texts in one call."""

    async def run(texts: Sequence[str]) -> Run:
        began = time.perf_counter()
        rows = encode(texts)
        return Run(rows, [time.perf_counter() - began])

    return run


def one_by_one(
    encode: Callable[[Sequence[str]], Rows],
) -> Callable[[Sequence[str]], Awaitable[Run]]:
    """A blocking function given each text in a call of its own."""

    async def run(texts: Sequence[str]) -> Run:
        rows, latencies_s = [], []
        for text in texts:
            began = time.perf_counter()
            rows.append(encode([text])[0])
            latencies_s.append(time.perf_counter() - began)
        return Run(np.stack(rows), latencies_s)

    return run


def agreement(rows: Rows, reference: Rows) -> dict[str, float]:
    """Cosines of unit rows to the reference's, the least and the mean; (n, d) both."""
    cosines = np.einsum("nd,nd->n", rows, reference)
    return {
        "cosine_min": round(float(cosines.min()), 6),
        "cosine_mean": round(float(cosines.mean()), 6),
    }
