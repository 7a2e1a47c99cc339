"""The real model gives the vectors that its publisher's code gives."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from stream.encoder import Encoder, Lane, manifest
from stream.errors import Misconfigured
from tests.encoder.fixtures.texts import TEXTS
from tests.encoder.parts import FIXTURES, declare, opened

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def reference() -> NDArray[np.float32]:
    """Vectors of TEXTS by transformers and torch (fixtures/make_minilm.py)."""
    with np.load(FIXTURES / "minilm.npz") as stored:
        made_from = str(stored["texts_sha256"])
        vectors = np.asarray(stored["vectors"], dtype=np.float32)
    assert made_from == hashlib.sha256(json.dumps(TEXTS).encode()).hexdigest(), "make it again"
    return vectors


@pytest.fixture
async def encoder(model_dir: Path) -> AsyncIterator[Encoder]:
    made = await opened(model_dir, cache_bytes=0)
    yield made
    await made.close()


def assert_same_vectors(rows: NDArray[np.float32], reference: NDArray[np.float32]) -> None:
    cosines = np.einsum("nd,nd->n", rows, reference)
    assert cosines.min() >= 0.9999, TEXTS[int(cosines.argmin())][:80]


async def test_all_texts_at_once(encoder: Encoder, reference: NDArray[np.float32]) -> None:
    assert_same_vectors(await encoder.encode(TEXTS), reference)
    assert encoder.counts.cut_texts == 2


async def test_each_text_alone(encoder: Encoder, reference: NDArray[np.float32]) -> None:
    rows = [await encoder.encode([text]) for text in TEXTS]

    assert_same_vectors(np.concatenate(rows), reference)


@pytest.mark.parametrize("batch_tokens", [64, 4096])
async def test_any_budget(
    model_dir: Path, reference: NDArray[np.float32], batch_tokens: int
) -> None:
    encoder = await opened(model_dir, batch_tokens=batch_tokens)

    assert_same_vectors(await encoder.encode(TEXTS), reference)
    await encoder.close()


async def test_many_callers_in_both_lanes(encoder: Encoder, reference: NDArray[np.float32]) -> None:
    order = np.random.default_rng(3).permutation(len(TEXTS))
    calls = [
        encoder.encode([TEXTS[i] for i in part], Lane(n % 2))
        for n, part in enumerate(np.array_split(order, 8))
    ]

    rows = np.concatenate(await asyncio.gather(*calls))

    assert_same_vectors(rows, reference[order])


def test_the_folder_is_what_it_says(model_dir: Path) -> None:
    found = manifest.read(model_dir)

    assert (found.dimension, found.max_tokens, found.pooling) == (384, 512, "mean")
    assert found.hash == "c48ba2e3"  # names the collections of every deployment that runs it


async def test_weights_that_end_early_are_refused(model_dir: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(model_dir, tmp_path / "broken"))
    with (broken / "model.onnx_data").open("r+b") as file:
        file.truncate(1 << 20)

    with pytest.raises(Misconfigured, match="damaged or mixed from two models"):
        await opened(broken)
    declare(broken, dimension=384)
    with pytest.raises(Misconfigured, match=r"model\.onnx cannot be loaded"):
        await opened(broken)
