"""Graphs rewritten for where they run: attention, GELU and embeddings as one operator each.

Measured with all-MiniLM-L6-v2 on one core (milliseconds for 16 texts of 16 tokens, one of 12, one
of 256; onnxruntime fuses some of it by itself when it loads a graph):

    fp32  not fused 30.3, 4.2, 33.9 · all fused 35.9, 3.9, 38.8 · without skip + norm 31.3, 3.7, 33
    int8  not fused 14.2, 1.75, 18.0 · all fused before 17.7, 1.6, 20.2 · without skip + norm 17.6

So for the CPU the operator that adds and normalises at once stays apart (its kernel is the slow
one), and what becomes int8 is not fused at all. A GPU gets everything.
"""

from __future__ import annotations

from typing import Any

import onnx
from onnxruntime.transformers import optimizer
from onnxruntime.transformers.fusion_options import FusionOptions

from export.to_onnx import quiet

FUSED_OPERATORS = "com.microsoft"


def for_cpu(model: onnx.ModelProto, config: Any) -> onnx.ModelProto:
    """Attention and GELU fused."""
    options = FusionOptions("bert")
    options.enable_skip_layer_norm = False
    options.enable_bias_skip_layer_norm = False
    options.enable_embed_layer_norm = False  # it needs the operator above
    return _fused(model, config, options)


def for_gpu(model: onnx.ModelProto, config: Any) -> onnx.ModelProto:
    """All that the BERT family has fusions for."""
    return _fused(model, config, FusionOptions("bert"))


def _fused(model: onnx.ModelProto, config: Any, options: FusionOptions) -> onnx.ModelProto:
    with quiet():
        found = optimizer.optimize_model(
            model,
            model_type="bert",
            num_heads=config.num_attention_heads,
            hidden_size=config.hidden_size,
            optimization_options=options,
            opt_level=0,  # 1 and 2 would write what only this machine's kernels know
        )
    if all(known.domain != FUSED_OPERATORS for known in found.model.opset_import):
        found.model.opset_import.append(onnx.helper.make_opsetid(FUSED_OPERATORS, 1))
    return found.model
