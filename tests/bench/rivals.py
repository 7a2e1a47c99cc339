"""Other libraries that run the same model: sentence-transformers and fastembed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from fastembed import TextEmbedding
from fastembed.common.model_description import ModelSource, PoolingType
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

from stream.encoder.contract import Rows
from tests.bench.contenders import SLOW_SHARE, Contender, one_by_one, together

BATCH = 32
MAX_TOKENS = 256

Encode = Callable[[Sequence[str]], Rows]


def sentence_transformers(weights: Path) -> list[Contender]:
    """One by one, and in batches of 32; it sorts by length itself.

    weights  folder of a transformers model, pooled by the mean
    """
    transformer = Transformer(str(weights), max_seq_length=MAX_TOKENS)
    pooling = Pooling(transformer.get_embedding_dimension(), "mean")
    model = SentenceTransformer(modules=[transformer, pooling, Normalize()], device="cpu")

    def encode(texts: Sequence[str]) -> Rows:
        rows = model.encode(list(texts), batch_size=BATCH, show_progress_bar=False)
        return np.asarray(rows, np.float32)

    name = "sentence-transformers"
    return [
        Contender(name, "one by one", "torch fp32", one_by_one(encode), SLOW_SHARE),
        Contender(name, f"batches of {BATCH}, sorted", "torch fp32", together(encode)),
    ]


def fastembed(folder: Path, model: str, pooled: bool, scratch: Path) -> Contender:
    """The model of one of our folders as a custom model of fastembed, nothing downloaded.

    pooled   whether the graph gives one row for each text
    scratch  an empty folder, for the model as fastembed wants it
    """
    for path in folder.glob("model.onnx*"):
        shutil.copy(path, scratch)
    shutil.copy(folder / "tokenizer.json", scratch)
    settings = {"model_max_length": MAX_TOKENS, "pad_token": "[PAD]"}
    (scratch / "tokenizer_config.json").write_text(json.dumps(settings))
    (scratch / "config.json").write_text(json.dumps({"pad_token_id": 0}))
    name = f"local/{model}"
    TextEmbedding.add_custom_model(
        name,
        pooling=PoolingType.DISABLED if pooled else PoolingType.MEAN,
        normalization=not pooled,
        sources=ModelSource(hf=name),
        dim=384,
        model_file="model.onnx",
        output_name="sentence_embedding" if pooled else "last_hidden_state",
    )
    ready = TextEmbedding(
        name, specific_model_path=str(scratch), providers=["CPUExecutionProvider"]
    )

    def encode(texts: Sequence[str]) -> Rows:
        return np.stack(list(ready.embed(list(texts), batch_size=BATCH))).astype(np.float32)

    return Contender("fastembed", f"batches of {BATCH}", model, together(encode))
