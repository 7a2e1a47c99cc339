"""What every encoder promises, the fake included."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from stream.encoder import FakeEncoder, Lane, Role, TextEncoder
from stream.encoder.manifest import Prefixes
from stream.errors import Unavailable
from tests.encoder.fixtures.texts import TEXTS
from tests.encoder.parts import TINY, TINY_POOLED, declare, opened

KINDS = [
    "fake",
    "tiny",
    "tiny_pooled",
    pytest.param("minilm", marks=pytest.mark.integration),
]


@pytest.fixture(params=KINDS)
async def encoder(request: pytest.FixtureRequest) -> AsyncIterator[TextEncoder]:
    if request.param == "fake":
        made: TextEncoder = FakeEncoder()
    else:
        folders = {"tiny": TINY, "tiny_pooled": TINY_POOLED}
        folder: Path = folders.get(request.param) or request.getfixturevalue("model_dir")
        made = await opened(folder)
    yield made
    await made.close()


async def test_rows_are_unit_float32_in_the_order_of_the_texts(encoder: TextEncoder) -> None:
    rows = await encoder.encode(TEXTS)

    assert rows.shape == (len(TEXTS), encoder.dimension)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)
    alone = np.concatenate([await encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(rows, alone, atol=1e-5)


async def test_no_texts_give_no_rows(encoder: TextEncoder) -> None:
    assert (await encoder.encode([])).shape == (0, encoder.dimension)


async def test_equal_texts_get_equal_rows(encoder: TextEncoder) -> None:
    rows = await encoder.encode(["a film", "another", "a film"])

    np.testing.assert_array_equal(rows[0], rows[2])
    assert not np.array_equal(rows[0], rows[1])


@pytest.mark.parametrize("blank", [" ", "\n\t ", "\u2003"])
async def test_blank_text_is_the_empty_text(encoder: TextEncoder, blank: str) -> None:
    empty, other = await encoder.encode(["", blank])

    np.testing.assert_array_equal(empty, other)


async def test_a_lone_surrogate_harms_nobody(encoder: TextEncoder) -> None:
    rows = await encoder.encode(["half \ud83d emoji", "a film"])

    assert np.isfinite(rows).all()


async def test_texts_that_share_words_are_nearer(encoder: TextEncoder) -> None:
    one, near, far = await encoder.encode(
        ["space war adventure", "adventure war comedy", "zyx qvj kkp"]
    )

    assert one @ near > one @ far


async def test_callers_cannot_change_what_later_callers_get(encoder: TextEncoder) -> None:
    rows = await encoder.encode(["a film"])

    with pytest.raises(ValueError, match="read-only"):
        rows[0, 0] = 9.0
    with pytest.raises(ValueError, match="read-only"):
        rows[0][0] = 9.0


async def test_lanes_change_the_order_and_not_the_result(encoder: TextEncoder) -> None:
    events = await encoder.encode(["a film"], Lane.EVENTS)
    items = await encoder.encode(["a film"], Lane.ITEMS)

    np.testing.assert_allclose(events, items, atol=1e-6)


async def test_without_prefixes_roles_are_the_same(encoder: TextEncoder) -> None:
    query = await encoder.encode(["a film"], role=Role.QUERY)
    passage = await encoder.encode(["a film"], role=Role.PASSAGE)

    np.testing.assert_array_equal(query, passage)


async def test_the_manifest_names_the_dimension(encoder: TextEncoder) -> None:
    assert encoder.manifest.dimension == encoder.dimension
    assert len(encoder.manifest.hash) == 8


async def test_a_closed_encoder_is_unavailable(encoder: TextEncoder) -> None:
    await encoder.close()
    await encoder.close()

    with pytest.raises(Unavailable, match="encoder: closed"):
        await encoder.encode(["a film"])


@pytest.fixture(params=["fake", "tiny"])
async def prefixed(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TextEncoder]:
    """An encoder whose model was trained with prefixes."""
    prefixes = Prefixes(query="query: ", passage="passage: ")
    if request.param == "fake":
        made: TextEncoder = FakeEncoder(prefixes=prefixes)
    else:
        folder = Path(shutil.copytree(TINY_POOLED, tmp_path / "prefixed"))
        declare(folder, prefixes=prefixes)
        made = await opened(folder)
    yield made
    await made.close()


@pytest.fixture
async def plain(prefixed: TextEncoder) -> AsyncIterator[TextEncoder]:
    """The same model without prefixes."""
    made = FakeEncoder() if isinstance(prefixed, FakeEncoder) else await opened(TINY_POOLED)
    yield made
    await made.close()


async def test_a_role_puts_its_prefix_in_front(prefixed: TextEncoder, plain: TextEncoder) -> None:
    texts = ["a film", "", " \n"]
    queries = await plain.encode([f"query: {text.strip()}" for text in texts])
    passages = await plain.encode([f"passage: {text.strip()}" for text in texts])

    np.testing.assert_allclose(await prefixed.encode(texts, role=Role.QUERY), queries, atol=1e-6)
    np.testing.assert_allclose(await prefixed.encode(texts), passages, atol=1e-6)
    assert not np.allclose(queries, passages)
