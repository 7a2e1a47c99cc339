"""OpenVINO on the CPU: one compiled model, a stream and an infer request for each session.

In bfloat16 it runs an fp32 model about 1.5 times as fast as ONNX Runtime does (AVX512-BF16, cosine
at least 0.9999); an int8 model is slower here than there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.encoder.manifest import again
from stream.encoder.sessions import INT64, Graph, described
from stream.errors import Misconfigured

BF16 = "BF16"


class OpenvinoSession:
    """One infer request; `run` is for one thread at a time and takes one core."""

    def __init__(self, request: Any, graph: Graph) -> None:
        self._request = request
        self._graph = graph

    def run(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Unit rows (b, d) float32 of a padded batch, both arguments (b, l) int64."""
        graph = self._graph
        self._request.infer(graph.feeds(ids, mask), share_inputs=True)
        output = np.asarray(self._request.get_tensor(graph.output).data, dtype=np.float32)
        return graph.rows(output, mask)


def open_openvino(
    model: Path, count: int, pooling: str
) -> tuple[Graph, list[OpenvinoSession], str]:
    """`count` sessions that share the weights, and the precision that they calculate in.

    bfloat16 where the CPU has instructions for it (AMX or AVX512-BF16), else float32; an int8
    model calculates in int8 in either case.

    Raises Misconfigured if the file is no model or not one of this kind, ImportError where
    OpenVINO is not installed.
    """
    import openvino  # an extra that only this provider needs

    core = openvino.Core()
    native = BF16 in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    precision = "bf16" if native else "f32"
    options = {
        "INFERENCE_PRECISION_HINT": precision,
        "NUM_STREAMS": str(count),
        "INFERENCE_NUM_THREADS": str(count),
        "ENABLE_CPU_PINNING": False,  # two workers on a machine would take the same cores
    }
    try:
        compiled = core.compile_model(str(model), "CPU", options)
    except Exception as error:  # the binding has no common class for its errors
        raise Misconfigured(
            f"{model} cannot be loaded by OpenVINO ({error}): {again(model.parent)}"
        ) from error
    graph = _graph(compiled, model, pooling)
    sessions = [OpenvinoSession(compiled.create_infer_request(), graph) for _ in range(count)]
    return graph, sessions, precision


def _graph(compiled: Any, model: Path, pooling: str) -> Graph:
    kinds = {node.any_name: node.element_type.get_type_name() for node in compiled.inputs}
    inputs = {name: INT64 if kind == "i64" else kind for name, kind in kinds.items()}
    outputs = {
        name: [axis.get_length() if axis.is_static else None for axis in node.partial_shape]
        for node in compiled.outputs
        for name in node.names
    }
    return described(inputs, outputs, model, pooling)
