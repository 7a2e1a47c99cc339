"""What becomes of samples: figures, a table, a picture."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from tests.bench import docs
from tests.soak import picture
from tests.soak.page import part
from tests.soak.result import found
from tests.soak.samples import Sample

SVG = "{http://www.w3.org/2000/svg}"


def sample(number: int, *, files: int = 30, rss: float = 300.0) -> Sample:
    return Sample(
        at_s=5.0 * number,
        rss_mib=rss,
        store_rss_mib=150.0,
        connections=5,
        files=files,
        threads=20,
        tasks=70,
        lag=number % 7,
        held=3,
        events=500 * number,
        p50_ms=20.0 if number else None,
        p99_ms=80.0 if number else None,
    )


def result(samples: list[Sample], **more: Any) -> dict[str, Any]:
    about = {"on": "embedded", "users": 1000, "highest_per_s": 200.0, "rate_per_s": 140.0}
    settings = {"signals_flush_s": 10}
    latencies = {0.05: 90.0, 0.1: 100.0, float("inf"): 100.0}
    return {**about, "settings": settings, **found(samples, latencies), **more}


def test_a_leak_after_the_warm_up_is_in_the_figures_and_one_before_is_not() -> None:
    filling = [sample(n, rss=200.0 + n) for n in range(120)]
    flat = [sample(n, rss=320.0, files=30 + n // 100) for n in range(120, 361)]

    told = result([*filling, *flat])

    assert told["warm_up_minutes"] == 10
    assert told["slopes_per_hour"]["rss_mib"] == {"per_hour": 0, "low": 0, "high": 0}
    assert told["counts"]["files"] == {"least": 31, "most": 33, "growth": 2}
    assert told["counts"]["threads"]["growth"] == 0
    assert told["events_per_s"] == 100


def test_the_warm_up_of_a_short_run_is_a_third_of_it() -> None:
    assert result([sample(n) for n in range(37)])["warm_up_minutes"] == 1


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="no trend"):
        result([sample(0), sample(1), sample(2)])


def test_the_table_says_what_was_aimed_at_and_what_grew() -> None:
    lines = part(result([sample(n, rss=300.0 + n / 10) for n in range(361)]))

    text = "\n".join(lines)
    assert "30 minutes at 100 events a second (140 were aimed at, 70 % of 200)" in text
    assert "p50 28 ms, p99 95 ms" in text
    assert "| worker's resident memory | 312 MiB | 336 MiB | +72 MiB an hour | +72 to +72 |" in text
    assert "| worker's threads | 20 | 20 | +0 |  |" in text


def test_a_run_at_a_given_rate_has_no_share() -> None:
    text = "\n".join(part(result([sample(n) for n in range(60)], highest_per_s=None)))

    assert "(140 were aimed at) of 1,000 users" in text


def test_a_latency_beyond_the_last_edge_is_that_or_more() -> None:
    told = result([sample(n) for n in range(60)], latency_ms={"p50": None, "p99": 10_000.0})

    assert "p50 –, p99 10000 ms or more" in "\n".join(part(told))


def test_the_picture_is_well_formed_and_has_a_line_for_every_series() -> None:
    drawn = ET.fromstring(picture.svg(result([sample(n) for n in range(60)])))

    lines = drawn.findall(f".//{SVG}polyline")
    assert len(lines) == sum(len(names) for _, names in picture.PANELS)
    for line in lines:
        for point in line.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= picture.WIDTH
            assert 0 <= y <= picture.HEIGHT


@pytest.mark.parametrize(("value", "top"), [(0, 4), (4, 4), (5, 8), (338, 400), (1285, 2000)])
def test_an_axis_ends_at_a_round_number(value: float, top: float) -> None:
    assert picture.round_up(value) == top


def test_page_and_picture_are_of_the_committed_run() -> None:
    """`python -m tests.bench.docs` after a change of the table; the soak draws the picture."""
    committed = docs.RESULTS / "soak.json"
    page = (docs.ROOT / "docs" / "operations" / "soak.md").read_text("utf-8")

    assert page == docs.rendered(page, ["soak"])
    drawn = picture.svg(json.loads(committed.read_text("utf-8")))
    assert committed.with_suffix(".svg").read_text("utf-8") == drawn
