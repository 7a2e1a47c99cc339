"""Vectors of a data set are made once."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from stream.core.decay import Vector
from stream.encoder.fake import FakeEncoder
from stream.evaluate.dataset import bare
from stream.evaluate.vectors import vectors
from stream.wire.inputs import Item

ITEMS = (
    Item("a", "Alien", categories=("SF", "Horror")),
    Item("b", "Brazil"),
    bare("c"),
    Item("d", "Dune", vectors={"text": (3.0, 4.0)}),
)


async def made(folder: Path, encoder: FakeEncoder, *, name: str = "e") -> dict[str, Vector]:
    return dict(await vectors(ITEMS, encoder.encode, encoder=name, cache_dir=folder))


async def test_the_same_texts_are_encoded_once(tmp_path: Path) -> None:
    encoder = FakeEncoder(2)
    first = await made(tmp_path, encoder)
    asked = list(encoder.seen)

    again = await made(tmp_path, encoder)

    assert asked == ["Alien. SF, Horror", "Brazil"]
    assert encoder.seen == asked
    assert {name: row.tolist() for name, row in again.items()} == {
        name: row.tolist() for name, row in first.items()
    }


async def test_another_encoder_s_vectors_are_not_taken(tmp_path: Path) -> None:
    encoder = FakeEncoder(2)
    await made(tmp_path, encoder)
    await made(tmp_path, encoder, name="other")

    assert len(encoder.seen) == 4


async def test_an_item_s_own_vector_counts_and_an_id_says_nothing(tmp_path: Path) -> None:
    found = await made(tmp_path, FakeEncoder(2))

    assert "c" not in found
    assert found["d"].tolist() == np.array([0.6, 0.8], np.float32).tolist()
