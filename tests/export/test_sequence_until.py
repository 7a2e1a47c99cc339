"""A model learns what comes before a moment, and nothing else."""

from __future__ import annotations

import pytest

from export.sequence.until import learned
from stream.errors import Misconfigured
from stream.wire.inputs import Event

EVENTS = [Event("u", "click", 1000.0 + n, f"e{n}", "i") for n in range(10)]


@pytest.mark.parametrize(
    ("until", "count"),
    [
        (None, 10),
        ("0.8", 8),
        ("0.99", 9),
        ("1004", 4),
        ("1004.5", 5),
        ("1970-01-01T00:16:44Z", 4),
        ("1970-01-01T01:16:44+01:00", 4),
        ("2100-01-01T00:00:00Z", 10),
    ],
)
def test_it_is_a_share_of_the_events_or_a_time(until: str | None, count: int) -> None:
    assert learned(EVENTS, until) == count


@pytest.mark.parametrize("until", ["yesterday", "2026-01-31T00:00:00", "80%", ""])
def test_what_is_neither_is_refused(until: str) -> None:
    with pytest.raises(Misconfigured, match=r"a share of the events.*or a time with its offset"):
        learned(EVENTS, until)


@pytest.mark.parametrize("until", ["0", "-1", "0.01", "1000", "1"])
def test_a_moment_with_nothing_before_it_is_refused(until: str) -> None:
    with pytest.raises(Misconfigured, match="1970-01-01T00:16:40"):
        learned(EVENTS, until)
