"""The items nearest to a vector, over either store and over what stands in for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stream.core.allowed import Filters
from stream.core.attributes import Attribute
from stream.core.candidates import Near
from stream.core.decay import Vector
from stream.store.collections import Store
from stream.store.convert import point_uuid
from stream.store.items import UNTIL
from tests.contracts.conftest import DIMENSION
from tests.support.rows import item_row, unit_rows

pytestmark = pytest.mark.integration

NOW = 1_700_000_000.5
LOUD: dict[str, Attribute] = {"moods": ("loud", "fast"), "stars": 4.0, "new": True}
LONG: dict[str, Attribute] = {"moods": ("slow",), "stars": 1, "minutes": 200.5}
ALL = {"en", "de", "everywhere", "music", "film"}


async def stocked(store: Store) -> None:
    """Items of every state around one direction."""
    rows = [
        item_row("en", lang="en", categories=("a", "b"), domain="film", vector=along(0.1)),
        item_row("de", lang="de", categories=("b",), domain="music", vector=along(0.2)),
        item_row("everywhere", expires_at=NOW + 10, vector=along(0.3)),
        item_row("music", domain="music", categories=("c",), attributes=LOUD, vector=along(0.4)),
        item_row("film", domain="film", attributes=LONG, vector=along(0.5)),
        item_row("expired", expires_at=NOW - 10, vector=along(0.0)),
        item_row("gone", deleted_at=NOW - 5, vector=along(0.0)),
        item_row("sold out", available=False, vector=along(0.0)),
        item_row("without a vector"),
    ]
    assert len(await store.items.save(rows, dict.fromkeys(r.item_id for r in rows))) == len(rows)


def along(angle: float) -> Vector:
    """A unit vector at an angle (radians) to the first axis."""
    vector = np.zeros(DIMENSION, np.float32)
    vector[:2] = np.cos(angle), np.sin(angle)
    return vector


async def near(store: Store, limit: int = 10, **given: Any) -> list[str]:
    # twice as long as a unit vector: only the direction counts
    asked = Near(np.stack([2 * along(0.0)]), NOW, **given)
    ((found,),) = await store.items.nearest([asked], limit)
    names = {point_uuid(name): name for name in ALL}
    return [names[point] for point in found]


async def test_the_nearest_come_first_and_what_is_not_on_offer_not_at_all(store: Store) -> None:
    await stocked(store)

    assert await near(store) == ["en", "de", "everywhere", "music", "film"]
    assert await near(store, limit=2) == ["en", "de"]


async def test_what_was_seen_is_left_out(store: Store) -> None:
    await stocked(store)

    assert await near(store, seen=frozenset({"en", "unknown"})) == [
        *("de", "everywhere", "music", "film")
    ]


async def test_what_an_older_version_stored_is_found(store: Store) -> None:
    """It has no time from which on it may not be offered; the ranking knows it."""
    await stocked(store)
    await store.client.delete_payload(store.items.points.collection, [UNTIL], [point_uuid("de")])

    assert await near(store) == ["en", "de", "everywhere", "music", "film"]


async def test_an_item_without_a_language_is_for_everybody(store: Store) -> None:
    await stocked(store)

    assert await near(store, langs=frozenset({"de"})) == ["de", "everywhere", "music", "film"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(domain="film"), ["en", "film"]),
        (Filters(categories=frozenset({"b", "c"})), ["en", "de", "music"]),
        (Filters(without=frozenset({"a", "c"})), ["de", "everywhere", "film"]),
        (Filters(categories=frozenset({"b"}), without=frozenset({"a"})), ["de"]),
        (Filters(where={"moods": ["loud", "quiet"]}), ["music"]),
        (Filters(where={"stars": [4, 1.0]}), ["music", "film"]),
        (Filters(where={"stars": [1], "minutes": [200.5]}), ["film"]),
        (Filters(where={"new": [1]}), []),
        (Filters(where={"new": [True]}), ["music"]),
    ],
    ids=["domain", "categories", "without", "both", "words", "numbers", "two", "no", "truth"],
)
async def test_filters_hold_in_the_store(
    store: Store, filters: Filters, expected: list[str]
) -> None:
    await stocked(store)

    assert await near(store, filters=filters) == expected


async def test_many_questions_are_answered_in_their_order(store: Store) -> None:
    vectors = unit_rows(20, DIMENSION, seed=4)
    rows = [item_row(f"i{n}", vector=vector) for n, vector in enumerate(vectors)]
    await store.items.save(rows, dict.fromkeys(row.item_id for row in rows))

    asked = [Near(vectors[:2], NOW), Near(vectors[:0], NOW), Near(vectors[2:], NOW)]
    found = await store.items.nearest(asked, 1)

    one = [[point_uuid(f"i{n}")] for n in range(20)]
    assert found == [one[:2], [], one[2:]]
    assert await store.items.nearest([], 1) == []


async def test_an_index_may_be_asked_for_again_and_again(store: Store) -> None:
    assert await store.index_items() == await store.index_items()

    await stocked(store)

    assert await near(store, limit=1) == ["en"]


async def test_vectors_come_without_the_rest(store: Store) -> None:
    await stocked(store)

    found = await store.items.vectors(["de", "without a vector", "unknown"])

    assert list(found) == ["de"]
    assert np.allclose(found["de"], along(0.2), atol=1e-6)
