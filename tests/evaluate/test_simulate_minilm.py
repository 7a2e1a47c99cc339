"""The real model tells the categories of a simulated world apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stream.agents.items import content
from stream.evaluate.simulate import Plan, World
from tests.encoder.parts import opened

pytestmark = pytest.mark.integration


async def test_items_of_a_category_are_nearer_than_others(model_dir: Path) -> None:
    items = list(World(Plan(users=1, items=96, days=1, categories=24)).items())
    kind = np.array([item.categories[0] for item in items])
    encoder = await opened(model_dir, cache_bytes=0)
    try:
        rows = await encoder.encode([content(item) for item in items])
    finally:
        await encoder.close()

    cosines = rows @ rows.T
    others = ~np.eye(len(rows), dtype=bool)
    same = kind[:, None] == kind[None]

    assert cosines[same & others].mean() > 0.5
    assert cosines[~same].mean() < 0.2
    assert (kind[np.where(others, cosines, -1).argmax(axis=1)] == kind).mean() > 0.95
