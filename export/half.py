"""float16 for a GPU; pooling and the norm, whose sums float16 would spoil, stay float32."""

from __future__ import annotations

import onnx
from onnxruntime.transformers.onnx_model import OnnxModel

from export.to_onnx import quiet

KEPT = "/pool/"  # the name of the module `Network.pool` in the graph


def to_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with float16 weights; ids go in as int64, rows come out as float32."""
    rewritten = OnnxModel(model)
    with quiet():
        rewritten.convert_float_to_float16(
            keep_io_types=True,
            node_block_list=[node.name for node in model.graph.node if KEPT in node.name],
        )
    rewritten.topological_sort()  # the casts stand at the end
    return rewritten.model
