"""Rows of the store for tests: everything has a default, vectors are unit and repeatable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from stream.store.rows import ItemRow, Matrix, NeighbourRow, Pairs, UserRow, fresh_etag


def unit_rows(count: int, dimension: int = 8, seed: int = 0) -> Matrix:
    """(count, dimension) float32, each row of length 1."""
    rows = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def user_row(user_id: str, **given: Any) -> UserRow:
    defaults: dict[str, Any] = {
        "user_id": user_id,
        "etag": fresh_etag(),
        "state": "{}",
        "interests": unit_rows(2),
        "taste": unit_rows(1)[0],
        "segment": None,
        "updated_at": 1_700_000_000_000,
        "outbox_at": None,
        "active_at": None,
    }
    return UserRow(**(defaults | given))


def item_row(item_id: str, **given: Any) -> ItemRow:
    defaults: dict[str, Any] = {
        "item_id": item_id,
        "title": f"title of {item_id}",
        "text": "",
        "categories": (),
        "domain": None,
        "lang": None,
        "published_at": None,
        "expires_at": None,
        "available": True,
        "content_hash": "",
        "deleted_at": None,
        "revision": 1,
        "etag": fresh_etag(),
        "marks": {},
        "vector": None,
    }
    return ItemRow(**(defaults | given))


def neighbour_row(item_id: str, **given: Any) -> NeighbourRow:
    defaults: dict[str, Any] = {
        "item_id": item_id,
        "count": 1.0,
        "hotness": 1.0,
        "at": 1_700_000_000.0,
        "revision": 1,
        "etag": fresh_etag(),
    }
    return NeighbourRow(**(defaults | given))


def pairs_of(weights: Mapping[int, float]) -> Pairs:
    """Hashes, ascending, and their weights."""
    hashes = sorted(weights)
    values = [weights[each] for each in hashes]
    return np.array(hashes, np.uint32), np.array(values, np.float32)
