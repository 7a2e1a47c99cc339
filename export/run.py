"""The exported folder as the worker reads it: its tokenizer, its padding, onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from export.parity import Encode, Rows
from stream.encoder.batches import pad
from stream.encoder.bound import CUDA_OPTIONS, PROVIDERS
from stream.encoder.tokens import Tokenizer

CPU, CUDA = PROVIDERS["cpu"], PROVIDERS["cuda"]


def encoder(model: Path, tokenizer: Path, max_tokens: int) -> Encode:
    """Texts to rows by a model file, on the `provider` that it is for."""
    tokens = Tokenizer.from_file(tokenizer, max_tokens=max_tokens)
    session = _session(model)
    typed = "token_type_ids" in {wanted.name for wanted in session.get_inputs()}

    def encode(texts: Sequence[str]) -> Rows:
        ids, mask = pad([each.ids for each in tokens.encode(texts)], tokens.pad_id)
        feeds = {"input_ids": ids, "attention_mask": mask}
        if typed:
            feeds["token_type_ids"] = np.zeros_like(ids)
        (rows,) = session.run(None, feeds)
        return np.asarray(rows, dtype=np.float32)

    return encode


def provider(model: Path) -> str:
    """What really runs a model file in `encoder`, by onnxruntime's name: CUDA for float16 weights
    where it can be had, else the CPU, which computes float16 graphs in float32."""
    return str(_session(model).get_providers()[0])


def _session(model: Path) -> Any:
    options = ort.SessionOptions()
    options.enable_mem_pattern = False
    options.log_severity_level = 3  # of an fp16 graph it says that casts were put in
    wanted: list[Any] = [CPU]
    if CUDA in ort.get_available_providers() and _is_half(model):
        ort.preload_dlls()
        wanted.insert(0, (CUDA, CUDA_OPTIONS))
    return ort.InferenceSession(str(model), options, providers=wanted)


def _is_half(model: Path) -> bool:
    """Asked of the file, since int8 and float32 graphs are fused for the CPU."""
    import onnx

    weights = onnx.load(model, load_external_data=False).graph.initializer
    return any(weight.data_type == onnx.TensorProto.FLOAT16 for weight in weights)
