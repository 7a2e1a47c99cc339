"""int8 for the CPU: dynamic quantisation a channel, and what it takes to keep the vectors right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

from export import smooth, store
from export.to_onnx import quiet

#: Of 36 products of all-MiniLM-L6-v2 one in float32 takes the worst cosine over the tuning texts
#: from .975 to .984 and the mean from .9949 to .9957; two give .987 and .9960, six .990 and .9971.
MOST_KEPT = 6
#: The worst of other texts is worse: over 176 words and pairs of words out of the tuning texts, in
#: batches with these, .978 with one product in float32, .981 with two, .986 with six. And another
#: processor rounds differently.
MARGIN = 0.01


@dataclass(frozen=True, slots=True)
class Quantized:
    """The graph's file, and the worst cosine by which it was chosen: other texts must judge it."""

    path: Path
    worst_cosine: float


def to_int8(
    model: onnx.ModelProto,
    feeds: list[smooth.Feeds],
    scratch: Path,
    worst_cosine: Callable[[Path], float],
    bound: float,
) -> Quantized:
    """The quantised graph, a file in `scratch`.

    Weights are signed and have a scale a column, token embeddings are int8 too (they are most of
    a small model). While the worst cosine is below `bound` + MARGIN, one product more of those that
    suffer most stays float32, at most MOST_KEPT; the best attempt is the answer, good or not.

    model         not fused; it is changed
    worst_cosine  how near a graph comes to torch over the tuning texts
    """
    smooth.smooth(model, feeds)
    sensitive = smooth.down_projections(model)
    smoothed = scratch / "smoothed.onnx"
    store.save(model, smoothed)
    attempts: dict[Path, float] = {}
    for kept in range(min(MOST_KEPT, len(sensitive)) + 1):
        attempt = scratch / f"int8-{kept}.onnx"
        _quantize(smoothed, attempt, sensitive[:kept])
        attempts[attempt] = worst_cosine(attempt)
        if attempts[attempt] >= bound + MARGIN:
            break
    return Quantized(*max(attempts.items(), key=lambda attempt: attempt[1]))


def _quantize(model: Path, out: Path, kept: list[str]) -> None:
    with quiet():
        quantize_dynamic(
            model, out, per_channel=True, weight_type=QuantType.QInt8, nodes_to_exclude=kept
        )
