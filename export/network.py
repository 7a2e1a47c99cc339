"""The graph that is exported: a transformers encoder, pooling and the L2 norm in one module."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

from export.options import Pooling
from stream.errors import Misconfigured

SMALLEST_NORM = 1e-12


class Pool(torch.nn.Module):  # type: ignore[misc]  # torch is not there where types are checked
    """Token vectors (b, l, d) and mask (b, l) to a row a text (b, d), in float32."""

    def __init__(self, pooling: Pooling, normalize: bool) -> None:
        super().__init__()
        self.pooling = pooling
        self.normalize = normalize

    def forward(self, hidden: Any, mask: Any) -> Any:
        """What the manifest calls pooling and normalize."""
        rows = hidden[:, 0] if self.pooling is Pooling.CLS else self._mean(hidden, mask)
        return torch.nn.functional.normalize(rows, eps=SMALLEST_NORM) if self.normalize else rows

    def _mean(self, hidden: Any, mask: Any) -> Any:
        weights = mask.unsqueeze(-1).to(hidden.dtype)  # (b,l) -> (b,l,1)
        return (hidden * weights).sum(1) / weights.sum(1)


class Network(torch.nn.Module):  # type: ignore[misc]  # as above
    """Ids and mask (b, l) int64, for some families type ids too, to rows (b, d)."""

    def __init__(self, encoder: Any, pool: Pool) -> None:
        super().__init__()
        self.encoder = encoder
        self.pool = pool  # its name is the prefix of the nodes that stay float32 in fp16

    def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any = None) -> Any:
        """One row a text; what the mask leaves out has no say."""
        more = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **more)
        return self.pool(hidden.last_hidden_state, attention_mask)


def load(folder: Path, pooling: Pooling, *, normalize: bool) -> Network:
    """The weights of a folder in float32, ready to be called: dropout is off.

    Raises Misconfigured if transformers cannot load them, or some are missing.
    """
    transformers.utils.logging.disable_progress_bar()  # ours tells of it
    try:
        encoder, found = transformers.AutoModel.from_pretrained(
            folder,
            dtype=torch.float32,
            attn_implementation="eager",  # what the fusions know; others are another graph
            local_files_only=True,
            output_loading_info=True,
        )
    except Exception as error:  # transformers, safetensors and torch have no common class
        raise Misconfigured(
            f"transformers cannot load {folder} ({error}): fetch the model again"
        ) from error
    lost = sorted(key for key in found["missing_keys"] if "pooler" not in key)
    if lost:  # transformers would go on with random numbers
        raise Misconfigured(
            f"{folder} lacks {len(lost)} weights, {lost[0]} among them: fetch the model again"
        )
    network = Network(encoder, Pool(pooling, normalize))
    network.eval()
    return network


def tokenizer(folder: Path, embeddings: int) -> Any:
    """The fast tokenizer of a folder.

    embeddings  tokens that the model knows

    Raises Misconfigured if the folder has none, or one of another model.
    """
    try:
        found = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # as above
        raise Misconfigured(
            f"transformers cannot load the tokenizer of {folder} ({error}): fetch the model again"
        ) from error
    if getattr(found, "backend_tokenizer", None) is None:
        raise Misconfigured(
            f"{folder} has only a slow tokenizer ({type(found).__name__}), the worker needs a "
            "tokenizer.json: choose a model with a fast one"
        )
    if len(found) <= len(set(found.all_special_ids)):  # transformers makes up an empty one
        raise Misconfigured(
            f"{folder} has no tokenizer: put the model's tokenizer.json or vocabulary there"
        )
    if len(found) > embeddings:
        raise Misconfigured(
            f"the tokenizer of {folder} has {len(found)} tokens, the model knows {embeddings}: "
            "they belong to two models; fetch the model again"
        )
    if found.pad_token_id is None:
        raise Misconfigured(
            f"the tokenizer of {folder} has no padding token, so texts cannot share a batch: "
            "name one in tokenizer_config.json"
        )
    return found
