"""Ratios compare what they say they compare, and the target stands beside the value."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bench import raw
from tests.bench.ours import ALL_AT_ONCE, CALLERS, CHUNKS, NAME, how
from tests.bench.ratios import RIVAL, ratios


def row(name: str, way: str, model: str, rate: float, waste: float | None = None) -> dict[str, Any]:
    median = {"texts_per_s": rate, "padding_waste": waste}
    return {"name": name, "how": way, "model": model, "median": median}


def own(model: str, at_once: float, many: float, waste: float) -> list[dict[str, Any]]:
    ways = [how(callers, chunk) for callers in CALLERS for chunk in CHUNKS]
    callers = [row(NAME, way, model, many, waste) for way in ways]
    return [row(NAME, ALL_AT_ONCE, model, at_once, 0.01), *callers]


@pytest.fixture
def result() -> dict[str, Any]:
    rows = [
        row(RIVAL, "one by one", "torch fp32", 50),
        row(RIVAL, "batches", "torch fp32", 100),
        row(raw.NAME, "tuned", "fp32", 200),
        row(raw.NAME, "tuned", "int8", 400),
        *own("fp32", 210, 190, 0.05),
        *own("int8", 420, 360, 0.12),
        *own("openvino", 300, 290, 0.04),
    ]
    idle = {
        "fp32": {"median": {"encoder_p99_ms": 3.0, "session_p99_ms": 2.0}},
        "int8": {"median": {"encoder_p99_ms": 2.0, "session_p99_ms": 1.0}},
    }
    return {"throughput": {"mixed": rows}, "idle": idle}


def test_the_fastest_model_meets_the_fastest_way_of_the_rival(result: dict[str, Any]) -> None:
    found = ratios(result)["vs_sentence_transformers"]

    assert (found["value"], found["of"], found["reached"]) == (4.2, "int8", True)
    assert found["each"][ALL_AT_ONCE] == {"fp32": 2.1, "int8": 4.2, "openvino": 3.0}


def test_the_loop_is_met_by_the_same_model_and_the_worst_one_counts(result: dict[str, Any]) -> None:
    found = ratios(result)["vs_raw_onnxruntime"]

    assert (found["value"], found["of"], found["reached"]) == (0.9, "int8", False)
    assert found["each"][how(64, 1)] == {"fp32": 0.95, "int8": 0.9}


def test_idle_and_padding_are_judged_by_the_worst(result: dict[str, Any]) -> None:
    found = ratios(result)

    assert (found["idle_p99"]["value"], found["idle_p99"]["reached"]) == (2.0, False)
    assert (found["padding_waste"]["value"], found["padding_waste"]["reached"]) == (0.12, False)
    assert found["padding_waste"]["of"].startswith("int8, ")
