"""A model folder's identity, and what a damaged folder gets."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from stream.encoder import Encoder, Manifest, manifest
from stream.errors import Misconfigured
from tests.encoder.parts import TINY, TINY_POOLED


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TINY, tmp_path / "tiny"))


def declare(folder: Path, **changes: object) -> Manifest:
    """Write manifest.json as an export would."""
    found = msgspec.structs.replace(manifest.read(TINY), **changes)
    (folder / "manifest.json").write_bytes(msgspec.json.encode(found))
    return found


async def open_(folder: Path, *, max_tokens: int = 64) -> Encoder:
    return await Encoder.open(
        folder,
        sessions=1,
        batch_tokens=256,
        max_tokens=max_tokens,
        cache_bytes=0,
        queue_texts=10,
    )


def test_a_folder_without_manifest_is_described_by_its_files() -> None:
    found = manifest.read(TINY)

    assert (found.name, found.dimension, found.max_tokens) == ("tiny", 16, 512)
    assert (found.pooling, manifest.read(TINY_POOLED).pooling) == ("mean", "graph")


def test_max_tokens_come_from_the_models_configuration(folder: Path) -> None:
    (folder / "config.json").write_text('{"max_position_embeddings": 128, "layers": 6}')

    assert manifest.read(folder).max_tokens == 128


def test_the_hash_follows_the_content_and_not_the_name(folder: Path) -> None:
    before = manifest.read(folder)
    renamed = folder.rename(folder.with_name("other"))
    after = manifest.read(renamed)

    assert after.name == "other"
    assert after.hash == before.hash
    assert len(before.hash) == 8
    assert manifest.read(TINY_POOLED).hash != before.hash


@pytest.mark.parametrize("name", ["model.onnx_data", "model.onnx.data"])
def test_external_weights_are_part_of_the_hash(folder: Path, name: str) -> None:
    before = manifest.read(folder)
    (folder / name).write_bytes(b"weights")

    assert manifest.read(folder).hash != before.hash


def test_a_manifest_that_fits_is_taken_as_it_is(folder: Path) -> None:
    declared = declare(folder, name="exported", max_tokens=100)

    assert manifest.read(folder) == declared


def test_fields_that_later_exports_add_are_ignored(folder: Path) -> None:
    declared = declare(folder)
    content = msgspec.json.decode((folder / "manifest.json").read_bytes())
    (folder / "manifest.json").write_bytes(msgspec.json.encode({**content, "parity": {"min": 1}}))

    assert manifest.read(folder) == declared


@pytest.mark.parametrize("field", ["model_sha256", "tokenizer_sha256"])
def test_a_file_that_is_not_the_declared_one_is_refused(folder: Path, field: str) -> None:
    declare(folder, **{field: "0" * 64})

    with pytest.raises(Misconfigured, match="damaged or mixed from two models; fetch or export"):
        manifest.read(folder)


@pytest.mark.parametrize("content", [b"{", b'{"name": "x"}', b"\xff"])
def test_an_unreadable_manifest_is_refused(folder: Path, content: bytes) -> None:
    (folder / "manifest.json").write_bytes(content)

    with pytest.raises(Misconfigured, match=r"manifest\.json cannot be read .*export"):
        manifest.read(folder)


def test_a_missing_folder_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="does not exist: set INTERESTREAM_MODEL_DIR"):
        manifest.read(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
@pytest.mark.parametrize("empty", [True, False])
def test_a_missing_or_empty_file_is_named(folder: Path, name: str, empty: bool) -> None:
    (folder / name).unlink()
    if empty:
        (folder / name).touch()

    with pytest.raises(Misconfigured, match=f"{name} is missing or empty: fetch"):
        manifest.read(folder)


def test_a_damaged_model_is_refused(folder: Path) -> None:
    (folder / "model.onnx").write_bytes((TINY / "model.onnx").read_bytes()[:4000])

    with pytest.raises(Misconfigured, match=r"model\.onnx cannot be loaded .*fetch or export"):
        manifest.read(folder)


async def test_opening_refuses_more_tokens_than_the_model_takes(folder: Path) -> None:
    declare(folder, max_tokens=32)

    with pytest.raises(Misconfigured, match="INTERESTREAM_MAX_TOKENS is 64, tiny takes at most 32"):
        await open_(folder)


async def test_opening_refuses_a_model_of_another_dimension(folder: Path) -> None:
    declare(folder, dimension=384)

    with pytest.raises(Misconfigured, match="vectors of 16, its manifest says 384"):
        await open_(folder)
