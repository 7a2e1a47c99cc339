"""What the figures come to: ratios within one run, each beside the target it is held to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.bench import raw
from tests.bench.ours import ALL_AT_ONCE, CALLERS, CHUNKS, NAME, how

LEAST = {"vs_sentence_transformers": 3.0, "vs_raw_onnxruntime": 0.95}
MOST = {"idle_p99": 1.5, "padding_waste": 0.10}
RIVAL = "sentence-transformers"
MANY = tuple(how(CALLERS[-1], chunk) for chunk in CHUNKS)


def ratios(result: Mapping[str, Any]) -> dict[str, Any]:
    """The four ratios on mixed texts, `of` saying what `value` compares, `each` with the others.

    vs_sentence_transformers  our fastest model in one call, to theirs in sorted batches
    vs_raw_onnxruntime        64 callers, one by one, to the tuned loop: the worst model
    idle_p99                  the worst model
    padding_waste             the worst of all models and ways to call
    """
    rows = result["throughput"]["mixed"]
    rates = {(r["name"], r["how"], r["model"]): r["median"]["texts_per_s"] for r in rows}
    waste = {
        f"{r['model']}, {r['how']}": r["median"]["padding_waste"] for r in rows if r["name"] == NAME
    }
    idle = {
        model: round(row["median"]["encoder_p99_ms"] / row["median"]["session_p99_ms"], 3)
        for model, row in result["idle"].items()
    }
    theirs = max(rate for (name, _, _), rate in rates.items() if name == RIVAL)
    loops = {model: rate for (name, _, model), rate in rates.items() if name == raw.NAME}
    own = {(way, model): rate for (name, way, model), rate in rates.items() if name == NAME}
    to_theirs = _each(own, lambda model: theirs, (ALL_AT_ONCE, *MANY), {m for _, m in own})
    to_loop = _each(own, loops.__getitem__, (ALL_AT_ONCE, *MANY), loops)
    return {
        "vs_sentence_transformers": _judged(
            "vs_sentence_transformers", *_best(to_theirs[ALL_AT_ONCE]), to_theirs
        ),
        "vs_raw_onnxruntime": _judged("vs_raw_onnxruntime", *_worst(to_loop[MANY[0]]), to_loop),
        "idle_p99": _judged("idle_p99", *_best(idle), idle),
        "padding_waste": _judged("padding_waste", *_best(waste), waste),
    }


def _each(
    own: Mapping[tuple[str, str], float], other: Any, ways: Iterable[str], models: Iterable[str]
) -> dict[str, dict[str, float]]:
    names = sorted(models)
    return {way: {name: round(own[way, name] / other(name), 3) for name in names} for way in ways}


def _judged(name: str, of: str, value: float, each: Mapping[str, Any]) -> dict[str, Any]:
    least = name in LEAST
    target = LEAST[name] if least else MOST[name]
    reached = value >= target if least else value <= target
    return {"value": value, "target": target, "reached": reached, "of": of, "each": each}


def _best(values: Mapping[str, float]) -> tuple[str, float]:
    return max(values.items(), key=lambda row: row[1])


def _worst(values: Mapping[str, float]) -> tuple[str, float]:
    return min(values.items(), key=lambda row: row[1])
