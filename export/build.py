"""One export, from a model's files to a folder that the worker takes.

torch and transformers take seconds to import, so that waits until nothing more can be refused.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from export import folder, options, source
from export.options import Dtype, Options
from export.parity import BOUNDS, Parity, Rows, parity, plan
from export.progress import Reports
from export.source import Source
from export.texts import TEXTS
from export.tuning_texts import TUNING
from stream.encoder.manifest import MODEL, TOKENIZER

if TYPE_CHECKING:
    import onnx

    from export.network import Network


@dataclass(frozen=True, slots=True)
class Work:
    """What the steps of one export share.

    made     the folder that will take the place of `asked.out`
    scratch  for what is thrown away, on the same disk
    """

    asked: Options
    found: Source
    module: Network
    tokenizer: Any
    made: Path
    scratch: Path
    reports: Reports


def build(asked: Options, reports: Reports) -> Parity:
    """Export a model to `asked.out`, in this order:

    1. refuse what cannot succeed, before anything slow; find the model's files;
    2. load the weights and the tokenizer;
    3. encode the parity texts by torch, each alone;
    4. trace the graph and rewrite it for its target, choosing by the tuning texts alone;
    5. write model and tokenizer into a folder beside `out`;
    6. compare with torch; below the bound nothing stays;
    7. write the manifest, and read it as the worker does;
    8. let the folder take its place.

    Raises Misconfigured or Failed; then, and after Ctrl-C, `out` is as it was before.
    """
    options.check(asked)
    folder.refuse(asked.out, force=asked.force)  # 1
    found = source.find(asked, _in_cache)

    from export import manifest, network

    reports.step(f"loading {found.label}")  # 2
    module = network.load(found.folder, found.pooling, normalize=asked.normalize)
    tokenizer = network.tokenizer(found.folder, module.encoder.config.vocab_size)
    with (
        folder.whole(asked.out, force=asked.force) as made,
        tempfile.TemporaryDirectory(prefix="scratch-", dir=made.parent) as scratch,
    ):
        work = Work(asked, found, module, tokenizer, made, Path(scratch), reports)
        reference = _by_torch(work, TEXTS)  # 3
        _write_tokenizer(tokenizer, made / TOKENIZER, found.max_tokens)
        tuned = _write_model(work)
        measured = _measured(work, made / MODEL, TEXTS, reference)  # 6
        measured.require()
        reports.step("writing the manifest")  # 7
        manifest.write(made, found, asked, measured, reference.shape[1], tuned)
    return measured  # 8: done by `whole`


def _in_cache(name: str) -> Path | None:
    """Folder of a model that transformers has downloaded before."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        config = try_to_load_from_cache(name, "config.json")
    except HFValidationError:
        return None
    return Path(config).parent if isinstance(config, str) else None


def _by_torch(work: Work, texts: Sequence[str]) -> Rows:
    """(n, d) float32: what the exported model must come near."""
    import torch

    kind = "parity" if texts is TEXTS else "tuning"
    advance = work.reports.step(f"encoding the {kind} texts by torch", len(texts))
    limit = work.found.max_tokens
    rows = []
    for text in texts:
        tokens = work.tokenizer(text, truncation=True, max_length=limit, return_tensors="pt")
        with torch.no_grad():
            rows.append(work.module(tokens["input_ids"], tokens["attention_mask"]).numpy())
        advance()
    return np.concatenate(rows)


def _write_tokenizer(tokenizer: Any, path: Path, max_tokens: int) -> None:
    """tokenizer.json with the model's own padding, which the worker reads there."""
    from tokenizers import Tokenizer

    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.enable_padding(pad_id=tokenizer.pad_token_id, pad_token=tokenizer.pad_token)
    backend.enable_truncation(max_tokens)
    backend.save(str(path))


def _write_model(work: Work) -> float | None:
    """Steps 4 and 5; the worst cosine over the tuning texts where they were needed."""
    from export import fuse, half, store, to_onnx

    asked, module = work.asked, work.module
    work.reports.step(f"tracing the graph (opset {asked.opset})")
    traced = to_onnx.trace(module, work.scratch, asked.opset)
    work.reports.step(f"rewriting it as {asked.dtype}")
    if asked.dtype is Dtype.INT8:
        return _write_int8(work, traced)
    if asked.dtype is Dtype.FP16:
        model = half.to_half(fuse.for_gpu(traced, module.encoder.config))
    else:
        model = fuse.for_cpu(traced, module.encoder.config)
    store.save(model, work.made / MODEL)
    return None


def _write_int8(work: Work, traced: onnx.ModelProto) -> float:
    import onnx

    from export import quantize, smooth, store

    feeds = smooth.calibration(
        [wanted.name for wanted in traced.graph.input],
        work.module.encoder.config.vocab_size,
        work.tokenizer.cls_token_id,
        work.tokenizer.sep_token_id,
    )
    reference = _by_torch(work, TUNING)

    def worst_cosine(path: Path) -> float:
        return _measured(work, path, TUNING, reference).cosine_min

    chosen = quantize.to_int8(traced, feeds, work.scratch, worst_cosine, BOUNDS[Dtype.INT8])
    store.save(onnx.load(chosen.path), work.made / MODEL)
    return chosen.worst_cosine


def _measured(work: Work, model: Path, texts: Sequence[str], reference: Rows) -> Parity:
    from export import run

    advance = work.reports.step("comparing with torch", len(plan(len(texts))))
    encode = run.encoder(model, work.made / TOKENIZER, work.found.max_tokens)
    return parity(reference, encode, work.asked.dtype, texts=texts, advance=advance)
