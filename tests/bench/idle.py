"""What one short text costs when nothing else is to do: the encoder against the bare session."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.bench.ours import Ours
from tests.bench.raw import RawLoop

WARM_TEXTS = 20


async def idle(ours: Ours, bare: RawLoop, texts: Sequence[str]) -> dict[str, Any]:
    """Latencies in milliseconds, both of every text, in an order drawn for each."""
    chance = random.Random(0)
    found: dict[str, list[float]] = {"encoder": [], "session": []}
    for place, text in enumerate(texts):
        for who in chance.sample(sorted(found), 2):
            began = time.perf_counter()
            if who == "encoder":
                await ours.encoder.encode([text])
            else:
                bare.one(text)
            if place >= WARM_TEXTS:
                found[who].append(time.perf_counter() - began)
    return {
        "texts": len(found["session"]),
        **{
            f"{who}_p{p}_ms": round(float(np.percentile(times, p)) * 1000, 3)
            for who, times in found.items()
            for p in (50, 99)
        },
    }
