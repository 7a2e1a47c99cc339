"""Vectors of a data set's items, kept on disk by what they were made from."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np

from stream.agents.items import content, given_vector
from stream.core.decay import Vector
from stream.encoder.contract import Rows
from stream.evaluate.dataset import is_bare
from stream.wire.inputs import Item

FOLDER = "vectors"
Encode = Callable[[Sequence[str]], Awaitable[Rows]]


async def vectors(
    items: Sequence[Item], encode: Encode, *, encoder: str, cache_dir: Path
) -> Mapping[str, Vector]:
    """(d,) unit float32 by item id, of the text that a worker makes of each item.

    A vector that the item brings is taken as it is; of an item without content there is none.

    encode   asked only where the same texts were not encoded before
    encoder  what names the encoder, its limits included: vectors of two never meet
    """
    found = {item.item_id: own for item in items if (own := given_vector(item)) is not None}
    todo = [item for item in items if item.item_id not in found and not is_bare(item)]
    if todo:
        rows = await _rows([content(item) for item in todo], encode, encoder, cache_dir / FOLDER)
        found.update((item.item_id, row) for item, row in zip(todo, rows, strict=True))
    return found


async def _rows(texts: Sequence[str], encode: Encode, encoder: str, folder: Path) -> Rows:
    path = folder / f"{_hash(texts, encoder)}.npy"
    kept = _kept(path)
    if kept is None:
        kept = await encode(texts)
        _keep(path, kept)
    return kept


def _kept(path: Path) -> Rows | None:
    if not path.is_file():
        return None
    rows: Rows = np.load(path)
    return rows


def _keep(path: Path, rows: Rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".new", delete=False) as file:
        np.save(file, rows)
    Path(file.name).replace(path)  # whole or not at all


def _hash(texts: Sequence[str], encoder: str) -> str:
    digest = blake2b(encoder.encode(), digest_size=16)
    for text in texts:
        digest.update(b"\0" + text.encode("utf-8", "replace"))
    return digest.hexdigest()
