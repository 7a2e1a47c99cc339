"""Tastes are put together from the pages of a scroll."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import cast

import numpy as np
import pytest
from qdrant_client import grpc as pb

from stream.store.client import Points
from stream.store.users import TASTE, USER_ID, Users
from tests.support.rows import unit_rows


class Pages:
    """A collection of users that comes in pages of `size`."""

    collection = "users"

    def __init__(self, size: int) -> None:
        self._size = size

    async def count(self) -> int:
        return 9  # two of them without a taste

    async def scroll(
        self, _: pb.Filter, *, limit: int, **__: object
    ) -> AsyncIterator[Sequence[pb.RetrievedPoint]]:
        points = [_point(number, row) for number, row in enumerate(unit_rows(7)[:limit])]
        for first in range(0, len(points), self._size):
            yield points[first : first + self._size]


def _point(number: int, row: np.typing.NDArray[np.float32]) -> pb.RetrievedPoint:
    named = {TASTE: pb.VectorOutput(dense=pb.DenseVector(data=row.tolist()))}
    vectors = pb.VectorsOutput(vectors=pb.NamedVectorsOutput(vectors=named))
    payload = {USER_ID: pb.Value(string_value=f"u{number}")}
    return pb.RetrievedPoint(payload=payload, vectors=vectors)


@pytest.mark.parametrize("size", [1, 3, 7, 100])
async def test_pages_of_any_size_make_one_matrix_in_their_order(size: int) -> None:
    users = Users(cast(Points, Pages(size)), dimension=8)

    for limit, there in ((5, 5), (100, 7)):
        ids, found = await users.tastes(limit)

        assert ids == [f"u{number}" for number in range(there)]
        assert np.array_equal(found, unit_rows(7)[:there])
        assert found.dtype == np.float32
