"""The head: what it says of vectors, and what stops the worker at start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stream.encoder.fake import FakeEncoder
from stream.errors import Misconfigured
from stream.sentiment.head import HEAD, HEAD_MANIFEST, Head
from tests.sentiment.parts import DIMENSION, encoder, head_folder, pointing, review


@pytest.mark.parametrize("first", [-1.0, -0.4, 0.0, 0.4, 1.0])
async def test_polarity_is_how_far_the_probability_is_from_a_half(
    tmp_path: Path, first: float
) -> None:
    head = await Head.open(head_folder(tmp_path), encoder())

    (found,) = await head.polarity([review(first=first, lang="xx")])

    positive = 1 / (1 + np.exp(-4 * first))
    assert found == pytest.approx(2 * positive - 1, abs=1e-4)


async def test_probabilities_come_in_the_order_of_the_vectors(tmp_path: Path) -> None:
    head = await Head.open(head_folder(tmp_path), encoder())
    firsts = [0.9, -0.9, 0.1]

    found = head.positive(np.stack([pointing(first) for first in firsts]))

    assert found.shape == (3,)
    assert list(np.argsort(found)) == list(np.argsort(firsts))


def without(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def holding(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (without(HEAD), r"head\.onnx is missing: set INTERESTREAM_SENTIMENT_DIR"),
        (without(HEAD_MANIFEST), r"head\.json is missing: set INTERESTREAM_SENTIMENT_DIR"),
        (holding(HEAD_MANIFEST, b"{"), "cannot be read"),
        (holding(HEAD_MANIFEST, b"\xff"), "cannot be read"),
        (holding(HEAD_MANIFEST, b"{}"), "missing required field"),
        (holding(HEAD, b"no graph"), r"sha256 .*damaged or mixed"),
    ],
)
async def test_a_folder_that_is_not_whole_is_refused(
    tmp_path: Path, spoil: Callable[[Path], object], message: str
) -> None:
    spoil(head_folder(tmp_path))

    with pytest.raises(Misconfigured, match=message) as caught:
        await Head.open(tmp_path, encoder())
    assert "interestream-export sentiment-head" in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"encoder": "12345678"}, r"trained on encoder 12345678, running is \w{8} \(fake\)"),
        ({"dimension": 16}, r"takes vectors of 16, fake gives 8"),
        ({"accuracy": 1.5}, "cannot be read"),
        ({"head_sha256": "0" * 64}, "head.json says 000000000000…"),
    ],
)
async def test_a_head_that_does_not_fit_is_refused(
    tmp_path: Path, changed: dict[str, object], message: str
) -> None:
    with pytest.raises(Misconfigured, match=message):
        await Head.open(head_folder(tmp_path, **changed), encoder())


async def test_a_graph_of_another_shape_is_refused(tmp_path: Path) -> None:
    """head.json may have been written by hand."""
    wide = FakeEncoder(16).manifest

    with pytest.raises(Misconfigured, match=r"inputs \{'vector': 8\}.* of 16"):
        await Head.open(head_folder(tmp_path, encoder=wide.hash, dimension=16), wide)


async def test_what_is_no_graph_is_refused(tmp_path: Path) -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    holding(HEAD, b"")(head_folder(tmp_path, head_sha256=empty))

    with pytest.raises(Misconfigured, match="cannot be loaded"):
        await Head.open(tmp_path, encoder())


async def test_what_a_later_exporter_adds_is_ignored(tmp_path: Path) -> None:
    head = await Head.open(head_folder(tmp_path, calibration="isotonic"), encoder())

    assert head.manifest.dimension == DIMENSION
