"""The file of points: what was written is read, and a file that was cut is recognised."""

from __future__ import annotations

from pathlib import Path

import pytest
from qdrant_client import grpc as pb

from stream.backup import folder, pointfile
from stream.errors import Misconfigured
from tests.backup import points


def written(path: Path, found: list[pb.PointStruct]) -> int:
    with folder.writing(path) as sink:
        writer = pointfile.PointWriter(sink)
        for point in found:
            writer.write(point)
        writer.finish()
    return writer.count


@pytest.mark.parametrize("part", ["users", "items", "neighbours", "segments", "meta"])
@pytest.mark.parametrize("count", [0, 1, 30])
def test_what_is_read_is_what_was_written(tmp_path: Path, part: str, count: int) -> None:
    found = points.some(part, count, 8)

    assert written(tmp_path / "file", found) == count
    assert list(pointfile.read(tmp_path / "file")) == found


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "file"
    written(path, points.some("users", 20, 8))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])

    with pytest.raises(Misconfigured, match="restore another"):
        list(pointfile.read(path))


def test_a_point_as_it_is_read_is_saved_with_all_that_it_has() -> None:
    (point,) = points.some("users", 1, 8, seed=3)
    read = pb.RetrievedPoint.FromString(b"")
    read.id.CopyFrom(point.id)
    for name, value in point.payload.items():
        read.payload[name].CopyFrom(value)
    for name, vector in point.vectors.vectors.vectors.items():
        same = pb.VectorOutput.FromString(vector.SerializeToString())
        read.vectors.vectors.vectors[name].CopyFrom(same)

    assert pointfile.stored(read) == point
