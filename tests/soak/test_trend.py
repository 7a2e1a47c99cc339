"""Growth is told from noise, steps and outliers."""

from __future__ import annotations

import numpy as np
import pytest

from tests.soak.trend import HOUR_S, growth, trend

TIMES = [5.0 * number for number in range(360)]
NOISE = np.random.default_rng(1).normal(0, 3, len(TIMES))


def test_a_leak_is_seen_through_noise_and_outliers() -> None:
    """Where a collection or a fit puts some samples far off."""
    values = 300 + 12 * np.array(TIMES) / HOUR_S + NOISE
    values[::50] += 80

    found = trend(TIMES, values.tolist())

    assert found.per_hour == pytest.approx(12, abs=4)
    assert found.low < found.per_hour < found.high
    assert found.low > 0


def test_what_is_flat_has_an_interval_around_nothing() -> None:
    found = trend(TIMES, (300 + NOISE).tolist())

    assert found.low < 0 < found.high


def test_an_exact_line_has_its_slope_and_nothing_around_it() -> None:
    found = trend([0.0, 1800.0, 3600.0], [1.0, 2.0, 3.0])

    assert (found.per_hour, found.low, found.high) == pytest.approx((2.0, 2.0, 2.0))


def test_two_samples_have_no_trend() -> None:
    with pytest.raises(ValueError, match="2 samples have no trend: at least 3"):
        trend([0.0, 1.0], [1.0, 2.0])


def test_growth_compares_the_ends_by_their_medians() -> None:
    """One sample that is far off at the very end is no growth."""
    assert growth([5.0] * 14 + [99.0]) == 0
    assert growth([5, 5, 5, 9, 9, 9, 9, 7, 7, 7]) == 2
    assert growth([3]) == 0
