"""A model folder's identity, and what a damaged folder gets."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

from stream.encoder import Encoder, manifest
from stream.encoder.load import load
from stream.encoder.manifest import Prefixes
from stream.encoder.pooling import unit_rows
from stream.encoder.providers import Wanted
from stream.encoder.sessions import INT64, Graph, Session, described
from stream.errors import Misconfigured
from tests.encoder.parts import TINY, TINY_POOLED, declare

REMEDY = r"export it with `interestream-export --model … --out …`"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TINY, tmp_path / "tiny"))


async def open_(folder: Path, *, max_tokens: int = 64) -> Encoder:
    return await Encoder.open(
        folder,
        sessions=1,
        batch_tokens=256,
        max_tokens=max_tokens,
        cache_bytes=0,
        queue_texts=10,
    )


# --- identity


def test_a_manifest_that_fits_is_taken_as_it_is(folder: Path) -> None:
    declared = declare(
        folder, name="exported", max_tokens=100, dtype="int8", prefixes=Prefixes("query: ", "")
    )

    assert manifest.read(folder) == declared


def test_fields_that_later_exports_add_are_ignored_and_new_ones_may_be_missing(
    folder: Path,
) -> None:
    declared = declare(folder)
    content = msgspec.json.decode((folder / "manifest.json").read_bytes())
    content |= {"parity": {"cosine_min": 1}}
    for name in ("format", "dtype", "prefixes"):
        del content[name]
    (folder / "manifest.json").write_bytes(msgspec.json.encode(content))

    assert manifest.read(folder) == declared


def test_the_hash_follows_the_content_and_not_the_name(folder: Path) -> None:
    before = manifest.read(folder)

    assert declare(folder, name="other", dtype="int8", max_tokens=9).hash == before.hash
    assert declare(folder, pooling="cls").hash != before.hash
    assert manifest.read(TINY_POOLED).hash != before.hash
    assert len(before.hash) == 8


def test_prefixes_enter_the_hash_only_where_there_are_some(folder: Path) -> None:
    """Collections are named by it: a model without prefixes keeps the name it always had."""
    hashes = [
        declare(folder, prefixes=prefixes).hash
        for prefixes in (Prefixes(), Prefixes("a", ""), Prefixes("", "a"), Prefixes("a", "a"))
    ]

    assert hashes[0] == "5e9c6c55"
    assert len(set(hashes)) == 4


@pytest.mark.parametrize("name", ["model.onnx_data", "model.onnx.data"])
def test_external_weights_are_part_of_the_hash(folder: Path, name: str) -> None:
    before = declare(folder).hash
    (folder / name).write_bytes(b"weights")

    assert declare(folder).hash != before


def test_a_stray_copy_beside_the_model_is_no_damage(folder: Path) -> None:
    """It was part of the hash, so a folder with a backup in it read as damaged."""
    before = manifest.read(folder)
    shutil.copy(folder / "model.onnx", folder / "model.onnx.bak")

    assert manifest.read(folder) == before


# --- what a damaged folder gets, from the code that a worker starts with


def test_a_missing_folder_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="does not exist: set INTERESTREAM_MODEL_DIR"):
        manifest.read(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "manifest.json"])
@pytest.mark.parametrize("empty", [True, False])
async def test_a_missing_or_empty_file_is_named(folder: Path, name: str, empty: bool) -> None:
    (folder / name).unlink()
    if empty:
        (folder / name).touch()

    with pytest.raises(
        Misconfigured, match=f"{name} is missing or empty: {REMEDY}, or, .* remove {folder} and"
    ):
        await open_(folder)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "model.onnx_data"])
async def test_a_file_that_changed_is_refused(folder: Path, name: str) -> None:
    with (folder / name).open("ab") as file:
        file.write(b" ")

    remedy = f"{REMEDY}, or, where it is the default model, remove {folder} and run again"
    with pytest.raises(Misconfigured, match=f"damaged or mixed from two models; {remedy}"):
        await open_(folder)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"{", "truncated"),
        (b"\xff", "malformed"),
        (b'{"name": "x"}', "missing required field"),
        (b'{"format": "one"}', "Expected `int`"),
    ],
)
async def test_an_unreadable_manifest_is_refused(folder: Path, content: bytes, found: str) -> None:
    (folder / "manifest.json").write_bytes(content)

    with pytest.raises(Misconfigured, match=rf"manifest\.json cannot be read .*{found}.*{REMEDY}"):
        await open_(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"dimension": 0},
        {"max_tokens": -1},
        {"pooling": "max"},
        {"dtype": "fp8"},
        {"model_sha256": ""},
        {"prefixes": None},
    ],
    ids=str,
)
async def test_a_manifest_with_an_impossible_value_names_the_field(
    folder: Path, changes: dict[str, object]
) -> None:
    declare(folder, **changes)

    with pytest.raises(Misconfigured, match=rf"cannot be read .*\$\.{next(iter(changes))}"):
        await open_(folder)


async def test_a_newer_format_is_told_from_a_damaged_file(folder: Path) -> None:
    """Its fields may mean something else, so nothing of it is read."""
    (folder / "manifest.json").write_text('{"format": 2, "pooling": ["mean", "max"]}')

    with pytest.raises(Misconfigured, match=r"has format 2, .* reads 1: update interestream, or"):
        await open_(folder)


async def test_a_damaged_model_is_refused_even_if_its_hash_fits(folder: Path) -> None:
    (folder / "model.onnx").write_bytes((TINY / "model.onnx").read_bytes()[:4000])
    declare(folder)

    with pytest.raises(Misconfigured, match=rf"model\.onnx cannot be loaded .*{REMEDY}"):
        await open_(folder)


async def test_a_damaged_tokenizer_is_refused_even_if_its_hash_fits(folder: Path) -> None:
    (folder / "tokenizer.json").write_text('{"version": "1.0"}')
    declare(folder)

    with pytest.raises(Misconfigured, match=rf"tokenizer\.json is not a tokenizer .*{REMEDY}"):
        await open_(folder)


async def test_texts_are_cut_where_the_model_ends(folder: Path) -> None:
    """Whatever the setting: its default of 256 would refuse models of 128."""
    declare(folder, max_tokens=32)

    encoder = await open_(folder)
    rows = await encoder.encode(["word " * 33, "word " * 60])
    await encoder.close()

    assert encoder.counts.cut_texts == 2
    assert np.array_equal(rows[0], rows[1])


async def test_opening_refuses_a_model_of_another_dimension(folder: Path) -> None:
    declare(folder, dimension=384)

    with pytest.raises(Misconfigured, match=f"vectors of 16, its manifest says 384: .*{REMEDY}"):
        await open_(folder)


# --- a model that loads and cannot be run


async def test_a_model_that_gives_no_finite_vectors_is_refused_at_start(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was found when the first item came, and every item was dead-lettered for it."""
    monkeypatch.setattr(
        Graph, "rows", lambda _self, output, _mask: unit_rows(output[:, 0] * np.nan)
    )

    refusal = rf"model\.onnx cannot be run on cpu ×1 fp32 \(.*not finite\): {REMEDY}"
    with pytest.raises(Misconfigured, match=refusal):
        await open_(folder)


async def test_every_session_is_run_at_start(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions: list[Session] = []

    def run(self: Session, ids: object, mask: object) -> None:
        sessions.append(self)
        if len(sessions) == 3:
            raise RuntimeError("[ONNXRuntimeError] : 6")

    monkeypatch.setattr(Session, "run", run)
    wanted = Wanted(sessions=3, max_tokens=64)

    with pytest.raises(Misconfigured, match=r"cpu ×3 fp32 \(\[ONNXRuntimeError\] : 6\)"):
        load(folder, wanted)
    assert len(set(map(id, sessions))) == 3


def test_inputs_of_another_type_are_refused() -> None:
    """Such a model failed on the first text."""
    inputs = {"input_ids": INT64, "attention_mask": "tensor(int32)"}

    refusal = r"takes attention_mask as tensor\(int32\), not as tensor\(int64\): .*" + REMEDY
    with pytest.raises(Misconfigured, match=refusal):
        described(inputs, {"sentence_embedding": [None, 16]}, TINY / "model.onnx", "mean")
