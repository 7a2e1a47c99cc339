"""What stands in a neighbour row's point, also in those that older workers wrote."""

from __future__ import annotations

import json

import numpy as np
from qdrant_client import grpc as pb

from stream.store import convert
from stream.store.neighbours import FORM
from stream.store.rows import NeighbourRow
from tests.support.rows import neighbour_row


def read(sums: str) -> NeighbourRow:
    payload = convert.payload({"item_id": "a", "revision": 1, "etag": 2, "sums": sums})
    return FORM.row(pb.RetrievedPoint(payload=payload))


def written(row: NeighbourRow) -> str:
    return str(FORM.draft(row).fields["sums"])


def test_a_row_without_segments_is_written_as_before_there_were_any() -> None:
    row = neighbour_row("a", count=1.5, hotness=0.5, at=7.0)

    assert json.loads(written(row)) == {"count": 1.5, "hotness": 0.5, "at": 7.0}


def test_a_row_from_before_there_were_segments_is_read() -> None:
    row = read('{"count":1.5,"hotness":0.5,"at":7.0}')

    assert (row.count, row.hotness, row.at) == (1.5, 0.5, 7.0)
    assert [len(each) for each in row.segments] == [0, 0]


def test_segments_come_back_bit_by_bit() -> None:
    hashes = np.array([3, 2**32 - 1], np.uint32)
    weights = np.array([0.1, 1e-9], np.float32)

    row = read(written(neighbour_row("a", segments=(hashes, weights))))

    assert row.segments[0].tolist() == hashes.tolist()
    assert row.segments[1].tobytes() == weights.tobytes()
