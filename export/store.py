"""ONNX graphs on disk, their weights beside them where protobuf could not hold them."""

from __future__ import annotations

from pathlib import Path

import onnx

from stream.errors import Misconfigured

INLINE_BYTES = 1_500_000_000  # protobuf ends at 2 GiB, and the graph itself needs some


def save(model: onnx.ModelProto, path: Path, *, inline_bytes: int = INLINE_BYTES) -> None:
    """Write a graph; more than `inline_bytes` of weights go into a file beside it.

    Raises Misconfigured if the graph is not valid ONNX.
    """
    outside = sum(len(weight.raw_data) for weight in model.graph.initializer) > inline_bytes
    onnx.save_model(
        model,
        path,
        save_as_external_data=outside,
        all_tensors_to_one_file=True,
        location=f"{path.name}_data" if outside else None,
    )
    try:
        onnx.checker.check_model(str(path))
    except onnx.checker.ValidationError as error:
        raise Misconfigured(
            f"the exported graph is not valid ONNX ({error}): try another --opset, or report it"
        ) from error
