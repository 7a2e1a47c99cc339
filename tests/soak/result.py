"""What the samples of a soak come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tests.soak.samples import Sample, columns, quantile
from tests.soak.trend import growth, trend

WARM_S = 600.0  # or a third of the whole, where that is less: caches fill, allocators settle
COUNTED = ("connections", "files", "threads", "tasks", "lag")
SIZED = ("rss_mib", "store_rss_mib")


def found(samples: Sequence[Sample], latencies: Mapping[float, float]) -> dict[str, Any]:
    """Slopes and growth after the warm-up, and all samples by column.

    latencies  a histogram of all lists since the first sample

    Raises ValueError where less than three samples come after the warm-up.
    """
    warm_s = min(WARM_S, samples[-1].at_s / 3)
    settled = [one for one in samples if one.at_s >= warm_s]
    at_s = [one.at_s for one in settled]
    span_s = samples[-1].at_s - samples[0].at_s
    return {
        "minutes": round(samples[-1].at_s / 60, 2),
        "warm_up_minutes": round(warm_s / 60, 2),
        "events_per_s": round((samples[-1].events - samples[0].events) / span_s, 1),
        "slopes_per_hour": {
            name: _rounded(asdict(trend(at_s, [getattr(one, name) for one in settled])))
            for name in SIZED
        },
        "sizes": {name: _range([getattr(one, name) for one in settled]) for name in SIZED},
        "counts": {
            name: {
                **_range(values := [getattr(one, name) for one in settled]),
                "growth": growth(values),
            }
            for name in COUNTED
        },
        "latency_ms": {
            f"p{round(share * 100)}": None if s is None else round(s * 1000, 1)
            for share in (0.5, 0.99)
            for s in [quantile(latencies, share)]
        },
        "samples": columns(samples),
    }


def _range(values: Sequence[float]) -> dict[str, float]:
    return {"least": min(values), "most": max(values)}


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in values.items()}
