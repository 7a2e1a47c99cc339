"""A small sequence model opened for a test: it knows item-0 to item-11 and reads five of them."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream.sequence.manifest import FORMAT, IDS, MANIFEST, NETWORK, VECTORS
from stream.sequence.model import SequenceModel, open_sequence

FIXTURES = Path(__file__).parent / "fixtures"
ITEMS, LENGTH, DIMENSION = 12, 5, 4
LEARNED = [f"item-{n}" for n in range(ITEMS)]
MIDPOINT, SPREAD = 0.5, 2.0


def model_folder(folder: Path, ids: Sequence[str] = LEARNED, **changed: object) -> Path:
    """The fixture with a manifest that fits, but for what is `changed` in it.

    ids  (ITEMS,) of what it has learned
    """
    folder.mkdir(exist_ok=True)
    for name in (NETWORK, VECTORS):
        shutil.copy(FIXTURES / name, folder / name)
    (folder / IDS).write_bytes(msgspec.json.encode(ids))
    right = {
        "format": FORMAT,
        "length": LENGTH,
        "dimension": DIMENSION,
        "items": ITEMS,
        "midpoint": MIDPOINT,
        "spread": SPREAD,
        "trained_until": 1000.0,
        "trained_on": 5000,
    }
    (folder / MANIFEST).write_bytes(msgspec.json.encode(right | hashes(folder) | changed))
    return folder


def hashes(folder: Path) -> dict[str, str]:
    """What the manifest says of the files that are there."""
    names = {"network_sha256": NETWORK, "vectors_sha256": VECTORS, "ids_sha256": IDS}
    return {
        key: hashlib.sha256((folder / name).read_bytes()).hexdigest() for key, name in names.items()
    }


def opened(ids: Sequence[str] = LEARNED, **changed: object) -> SequenceModel:
    """A model of its own, read from a folder that is gone again."""
    with TemporaryDirectory() as folder:
        return open_sequence(model_folder(Path(folder), ids, **changed))


@cache
def model() -> SequenceModel:
    """Shared by tests that only ask it."""
    return opened()


def vectors() -> NDArray[np.float32]:
    """(ITEMS, DIMENSION) of what it has learned."""
    found: NDArray[np.float32] = np.load(FIXTURES / VECTORS)
    return found
