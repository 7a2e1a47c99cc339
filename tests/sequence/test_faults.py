"""A folder that is damaged or does not fit is refused, with the file, the limit and the remedy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from stream.errors import Misconfigured
from stream.sequence.manifest import IDS, MANIFEST, NETWORK, VECTORS
from stream.sequence.model import open_sequence
from tests.sequence.parts import DIMENSION, FIXTURES, ITEMS, LEARNED, hashes, model_folder

REMEDY = "interestream-export sequence"


def refused(folder: Path) -> str:
    with pytest.raises(Misconfigured) as caught:
        open_sequence(folder)
    assert REMEDY in str(caught.value)
    return str(caught.value)


def changed(folder: Path, **fields: Any) -> None:
    """Change fields of the manifest, and let its hashes fit the files again."""
    found = json.loads((folder / MANIFEST).read_bytes())
    (folder / MANIFEST).write_text(json.dumps(found | hashes(folder) | fields))


@pytest.mark.parametrize("name", [NETWORK, VECTORS, IDS, MANIFEST])
def test_a_file_that_is_missing_is_named(tmp_path: Path, name: str) -> None:
    (model_folder(tmp_path) / name).unlink()

    message = refused(tmp_path)

    assert f"{tmp_path / name} cannot be read (No such file or directory)" in message
    assert "INTERESTREAM_SEQUENCE_MODEL_DIR" in message


@pytest.mark.parametrize("name", [NETWORK, VECTORS, IDS, MANIFEST])
@pytest.mark.parametrize("kept", [0, 100])
def test_a_truncated_file_is_refused(tmp_path: Path, name: str, kept: int) -> None:
    path = model_folder(tmp_path) / name
    path.write_bytes(path.read_bytes()[:kept])

    assert str(path) in refused(tmp_path)


@pytest.mark.parametrize("name", [NETWORK, VECTORS, IDS])
def test_a_truncated_file_is_refused_though_its_hash_fits(tmp_path: Path, name: str) -> None:
    path = model_folder(tmp_path) / name
    path.write_bytes(path.read_bytes()[:100])
    changed(tmp_path)

    assert str(path) in refused(tmp_path)


@pytest.mark.parametrize("name", [NETWORK, VECTORS, IDS])
def test_a_file_of_another_model_is_refused(tmp_path: Path, name: str) -> None:
    path = model_folder(tmp_path) / name
    path.write_bytes(path.read_bytes() + b" ")

    message = refused(tmp_path)

    assert f"{path} has sha256" in message
    assert "damaged or mixed from two models" in message


def test_a_manifest_of_a_later_version_is_refused(tmp_path: Path) -> None:
    message = refused(model_folder(tmp_path, format=2))

    assert "has format 2, this version of interestream reads 1" in message


@pytest.mark.parametrize(("field", "value"), [("spread", 0), ("items", -1), ("midpoint", "half")])
def test_a_manifest_that_makes_no_sense_is_refused(tmp_path: Path, field: str, value: Any) -> None:
    message = refused(model_folder(tmp_path, **{field: value}))

    assert f"$.{field}" in message


def test_a_network_of_another_dimension_is_refused(tmp_path: Path) -> None:
    np.save(model_folder(tmp_path) / VECTORS, np.zeros((ITEMS, 3), np.float32))
    changed(tmp_path, dimension=3)

    message = refused(tmp_path)

    assert f"{NETWORK} has inputs" in message
    assert f"{{'state': {DIMENSION}}}" in message
    assert "{'state': 3}" in message


def test_a_network_of_another_length_is_refused(tmp_path: Path) -> None:
    message = refused(model_folder(tmp_path, length=7))

    assert "('tensor(int64)', 5)" in message
    assert "('tensor(int64)', 7)" in message


@pytest.mark.parametrize(
    "vectors",
    [
        np.zeros((ITEMS + 1, DIMENSION), np.float32),
        np.zeros((ITEMS, DIMENSION), np.float64),
        np.full((ITEMS, DIMENSION), np.nan, np.float32),
    ],
)
def test_vectors_that_do_not_fit_are_refused(tmp_path: Path, vectors: np.ndarray[Any, Any]) -> None:
    np.save(model_folder(tmp_path) / VECTORS, vectors)
    changed(tmp_path)

    message = refused(tmp_path)

    assert f"{VECTORS} is {vectors.dtype} of shape {vectors.shape}" in message
    assert f"float32 of shape {(ITEMS, DIMENSION)}" in message


def test_vectors_are_never_unpickled(tmp_path: Path) -> None:
    np.save(model_folder(tmp_path) / VECTORS, np.array([object()]), allow_pickle=True)
    changed(tmp_path)

    assert f"{VECTORS} cannot be read" in refused(tmp_path)


@pytest.mark.parametrize(
    ("ids", "shown"), [(LEARNED[:-1], "11 ids, 11 of them different"), (["a"] * 12, "12 ids, 1 of")]
)
def test_ids_that_do_not_fit_are_refused(tmp_path: Path, ids: list[str], shown: str) -> None:
    (model_folder(tmp_path) / IDS).write_bytes(msgspec.json.encode(ids))
    changed(tmp_path)

    message = refused(tmp_path)

    assert shown in message
    assert "says 12" in message


def test_the_fixture_itself_is_read(tmp_path: Path) -> None:
    assert open_sequence(model_folder(tmp_path)).manifest.items == ITEMS
    assert sum(path.stat().st_size for path in FIXTURES.iterdir() if path.is_file()) < 8192
