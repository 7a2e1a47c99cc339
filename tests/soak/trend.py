"""Whether something grows: a robust slope with its interval, and the end beside the beginning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import theilslopes

WINDOWS = 40  # neighbouring samples are alike: medians of windows are nearer to being independent
CONFIDENCE = 0.95
END_SHARE = 0.2
HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Trend:
    """Growth an hour, with the ends of its 95 % interval."""

    per_hour: float
    low: float
    high: float


def trend(at_s: Sequence[float], values: Sequence[float]) -> Trend:
    """The slope through the medians of equal windows, after Theil and Sen.

    The interval is Sen's; it takes the windows to be independent.

    Raises ValueError where there are less than three samples.
    """
    if len(at_s) < 3:
        raise ValueError(f"{len(at_s)} samples have no trend: at least 3")
    windows = min(WINDOWS, len(at_s))
    parts = zip(np.array_split(at_s, windows), np.array_split(values, windows), strict=True)
    times, medians = np.array([(np.median(at), np.median(own)) for at, own in parts]).T
    slope, _, low, high = theilslopes(medians, times, CONFIDENCE)
    return Trend(*(float(each) * HOUR_S for each in (slope, low, high)))


def growth(values: Sequence[float]) -> float:
    """The median of the last fifth minus that of the first. Raises ValueError without values."""
    if not values:
        raise ValueError("no values, no growth")
    part = max(int(len(values) * END_SHARE), 1)
    return float(np.median(values[-part:]) - np.median(values[:part]))
