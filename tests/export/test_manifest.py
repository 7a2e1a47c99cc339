"""The manifest says what is there, and the worker reads it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from export import manifest, run
from export.options import Dtype, Options, Pooling
from export.parity import Parity
from export.source import PrefixesFrom, Source
from stream.encoder import manifest as worker
from stream.errors import Misconfigured

FOUND = Parity(89, 0.98431511, 0.9959, 0.94, 0.98, "", 1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(manifest, "version", lambda package: f"{package} 1.0")
    monkeypatch.setattr(manifest, "provider", lambda model: f"what ran {model.name}")
    made = tmp_path / "made"
    made.mkdir()
    (made / "model.onnx").write_bytes(b"graph")
    (made / "model.onnx_data").write_bytes(b"weights")
    (made / "tokenizer.json").write_bytes(b"{}")
    return made


def source(tmp_path: Path) -> Source:
    (tmp_path / "model.safetensors").write_bytes(b"torch")
    return Source(
        folder=tmp_path,
        name="tiny",
        label="owner/tiny",
        family="bert",
        pooling=Pooling.CLS,
        max_tokens=128,
        query="query: ",
        passage="passage: ",
        prefixes_from=PrefixesFrom.NAME,
    )


def write(folder: Path, tmp_path: Path) -> None:
    options = Options(model="owner/tiny", out=tmp_path / "out", dtype=Dtype.INT8, normalize=False)
    manifest.write(folder, source(tmp_path), options, FOUND, 384)


def test_the_worker_reads_what_was_written(folder: Path, tmp_path: Path) -> None:
    write(folder, tmp_path)

    found = worker.read(folder)
    assert (found.name, found.dimension, found.max_tokens) == ("tiny", 384, 128)
    assert (found.pooling, found.dtype) == ("cls", "int8")
    assert (found.prefixes.query, found.prefixes.passage) == ("query: ", "passage: ")
    assert found.model_sha256 == hashlib.sha256(b"graphweights").hexdigest()


def test_what_people_want_to_know_is_beside_it(folder: Path, tmp_path: Path) -> None:
    write(folder, tmp_path)

    content = json.loads((folder / worker.MANIFEST).read_text())
    assert content["source"] == {
        "model": "owner/tiny",
        "model_type": "bert",
        "prefixes_from": "name",
        "weights_sha256": {"model.safetensors": hashlib.sha256(b"torch").hexdigest()},
    }
    assert content["parity"] == {
        "texts": 89,
        "cosine_min": 0.984315,
        "cosine_mean": 0.9959,
        "rank_agreement": 0.94,
        "bound": 0.98,
        "provider": "what ran model.onnx",
    }
    assert (content["format"], content["opset"], content["normalize"]) == (1, 17, False)
    assert set(content["versions"]) == {"torch", "transformers", "onnx", "onnxruntime"}
    assert str(tmp_path) not in json.dumps(content)


def test_the_tuning_figure_is_told_apart(folder: Path, tmp_path: Path) -> None:
    """It chose the recipe, so it is no measure of it."""
    options = Options(model="owner/tiny", out=tmp_path / "out", dtype=Dtype.INT8)
    manifest.write(folder, source(tmp_path), options, FOUND, 384, 0.98712345)

    figures = json.loads((folder / worker.MANIFEST).read_text())["parity"]
    assert (figures["cosine_min"], figures["tuning_cosine_min"]) == (0.984315, 0.987123)
    assert worker.read(folder).name == "tiny"


def test_a_folder_that_the_worker_would_refuse_is_an_error(folder: Path, tmp_path: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer.json").touch()

    with pytest.raises(Misconfigured, match="missing or empty"):
        write(folder, tmp_path)


@pytest.mark.parametrize(
    ("half", "available", "expected"),
    [
        (True, [run.CUDA, run.CPU], [run.CUDA, run.CPU]),
        (True, [run.CPU], [run.CPU]),
        (False, [run.CUDA, run.CPU], [run.CPU]),  # its graph is fused for the CPU
    ],
)
def test_float16_is_compared_on_a_gpu_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, half: bool, available: list[str], expected: list[str]
) -> None:
    """On the CPU its graph is computed in float32, which says nothing of a GPU's overflows."""

    class Session:
        def __init__(self, model: str, options: object, providers: list[Any]) -> None:
            self.names = [each if isinstance(each, str) else each[0] for each in providers]

        def get_providers(self) -> list[str]:
            return self.names

    monkeypatch.setattr(run, "_is_half", lambda model: half)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: available)
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: None)
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)

    assert run._session(Path("model.onnx")).get_providers() == expected
    assert run.provider(Path("model.onnx")) == expected[0]
