"""Intervals over users, and two methods on the same rankings."""

from __future__ import annotations

import numpy as np
import pytest

from stream.evaluate import intervals
from stream.evaluate.intervals import Users, paired

RNG = np.random.default_rng(5)
USERS = [f"u{n % 40}" for n in range(800)]
OF = Users.of(USERS, resamples=300)


def test_the_mean_lies_in_its_interval_and_a_constant_has_none() -> None:
    values = RNG.random(800)

    found = OF.mean(values)

    assert found.value == pytest.approx(values.mean())
    assert found.low < found.value < found.high
    flat = OF.mean(np.full(800, 0.25))
    assert [flat.low, flat.high] == pytest.approx([0.25, 0.25])


def test_one_user_s_rankings_are_not_independent() -> None:
    """The same values are far less sure where few users have them all."""
    values = np.repeat(RNG.random(40), 20)
    alike, mixed = [f"u{n // 20}" for n in range(800)], [f"u{n}" for n in range(800)]

    def width(users: list[str]) -> float:
        found = Users.of(users, resamples=300).mean(values)
        return found.high - found.low

    assert width(alike) > 2 * width(mixed)


def test_what_is_not_known_is_left_out() -> None:
    values = np.where(np.arange(800) % 2, np.nan, 0.5)

    assert OF.mean(values).value == 0.5
    with pytest.raises(ValueError, match="no value is known"):
        OF.mean(np.full(800, np.nan))


def test_a_small_sure_gain_is_seen_on_the_same_rankings_only() -> None:
    hard = (RNG.random(800) < 0.2).astype(float) * RNG.random(800)
    better = hard + 0.004

    far = paired(OF, better, hard)

    assert far.sure
    assert far.difference.value == pytest.approx(0.004)
    assert far.change == pytest.approx(0.004 / hard.mean())
    apart = OF.mean(hard)
    assert apart.low < OF.mean(better).value < apart.high


def test_a_method_against_itself_is_no_gain() -> None:
    values = RNG.random(800)

    far = paired(OF, values, values)

    assert (far.difference.value, far.change, far.sure) == (0, 0, False)
    assert paired(OF, values, np.zeros(800)).change is None


def test_very_many_users_get_fewer_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "CELLS_MAX", 400)

    assert Users.of(USERS).drawn.shape == (10, 40)
    assert (Users.of(USERS).drawn.sum(axis=1) == 40).all()
