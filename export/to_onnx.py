"""From a torch module to an ONNX graph.

The TorchScript exporter is used although torch calls it the older one: onnxruntime's fusions
know its graphs, and find nothing to fuse in those of torch.export.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import torch

from export.network import Network

OUTPUT = "sentence_embedding"  # torch's newer exporter wrote broken graphs for `embedding`
LENGTH = 12
REAL = 7  # tokens of the second text, so that the mask does something while it is traced


def trace(network: Network, folder: Path, opset: int) -> onnx.ModelProto:
    """The graph, batch and length dynamic; files in `folder` are for the time of the call.

    network  in evaluation mode
    """
    encoder = network.encoder
    ids = torch.full((2, LENGTH), encoder.config.pad_token_id or 0)
    ids[0] = ids[1, :REAL] = encoder.config.vocab_size - 1
    mask = torch.ones_like(ids)
    mask[1, REAL:] = 0
    inputs = {"input_ids": ids, "attention_mask": mask}
    if (getattr(encoder.config, "type_vocab_size", 0) or 0) > 1:
        inputs["token_type_ids"] = torch.zeros_like(ids)
    path = folder / "traced.onnx"
    with quiet(), torch.no_grad():
        torch.onnx.export(
            network,
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=[OUTPUT],
            dynamic_axes={
                **{name: {0: "batch", 1: "length"} for name in inputs},
                OUTPUT: {0: "batch"},
            },
            opset_version=opset,
            dynamo=False,
        )
    model = onnx.load(path)
    _share(model)
    return model


def _share(model: onnx.ModelProto) -> None:
    """Let layers with the same weights read the same initializer; the exporter puts an Identity
    between, behind which neither quantisation nor fusion knows them for weights."""
    weights = initializers(model)
    nodes = model.graph.node
    copies = [node for node in nodes if node.op_type == "Identity" and node.input[0] in weights]
    original = {node.output[0]: node.input[0] for node in copies}
    for node in copies:
        nodes.remove(node)
    for node in nodes:
        for position, name in enumerate(node.input):
            node.input[position] = original.get(name, name)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Tracing and rewriting warn of what parity checks here; their chatter hides our messages."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def initializers(model: onnx.ModelProto) -> dict[str, Any]:
    """The weights of a graph by name, as their protobuf messages."""
    return {weight.name: weight for weight in model.graph.initializer}
