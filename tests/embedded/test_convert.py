"""Points on their way between protobuf and the engine: nothing lost, nothing wrong let in."""

from __future__ import annotations

import math
from typing import Any

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qdrant_client.grpc import json_with_int_pb2, points_pb2, qdrant_common_pb2

from stream.embedded.qdrant import convert
from stream.embedded.qdrant.convert import Dense, Names
from stream.embedded.qdrant.refusal import Refused

NAMES = Names(
    dense={"": Dense(2, multi=False), "interests": Dense(2, multi=True)},
    sparse=frozenset({"pairs"}),
)
int64 = st.integers(min_value=-(2**63), max_value=2**63 - 1)
scalars = st.none() | st.booleans() | int64 | st.floats(allow_nan=False) | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=4
)


@settings(max_examples=50)
@given(st.dictionaries(st.text(), values, max_size=3))
def test_a_payload_survives_there_and_back(fields: dict[str, Any]) -> None:
    """Types included: true does not come back as 1, nor 1.0 as 1."""
    message = points_pb2.PointStruct(payload=convert.payload_out(fields))

    back = convert.payload(message.payload)

    assert back == fields
    assert [type(back[key]) for key in fields] == [type(value) for value in fields.values()]


def test_an_unset_value_is_null() -> None:
    assert convert.payload({"key": json_with_int_pb2.Value()}) == {"key": None}


@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_numbers_are_ids(number: int) -> None:
    assert convert.point_id(qdrant_common_pb2.PointId(num=number)) == number


def test_every_spelling_of_a_uuid_is_one_id() -> None:
    spellings = ("6f1f7f7e7a0b4b6e9d0a0a4b8f0a1c11", "6F1F7F7E-7A0B-4B6E-9D0A-0A4B8F0A1C11")

    ids = {convert.point_id(qdrant_common_pb2.PointId(uuid=one)) for one in spellings}

    assert ids == {"6f1f7f7e-7a0b-4b6e-9d0a-0a4b8f0a1c11"}


def dense(*data: float) -> points_pb2.Vector:
    return points_pb2.Vector(dense=points_pb2.DenseVector(data=data))


def sparse(indices: list[int], values: list[float]) -> points_pb2.Vector:
    return points_pb2.Vector(sparse=points_pb2.SparseVector(indices=indices, values=values))


@pytest.mark.parametrize(
    ("name", "vector"),
    [
        ("", dense(1.0)),
        ("", dense(1.0, 2.0, 3.0)),
        ("", dense(1.0, math.nan)),
        ("", dense(math.inf, -math.inf)),
        ("", sparse([1], [1.0])),
        ("nobody", dense(1.0, 2.0)),
        ("interests", points_pb2.Vector(multi_dense=points_pb2.MultiDenseVector())),
        ("pairs", dense(1.0, 2.0)),
        ("pairs", sparse([1, 2], [1.0])),
        ("pairs", sparse([1, 1], [1.0, 2.0])),
        ("pairs", sparse([1], [math.nan])),
    ],
)
def test_a_vector_that_does_not_fit_is_refused(name: str, vector: points_pb2.Vector) -> None:
    """Before the engine sees it: the engine writes to its log first and complains later."""
    with pytest.raises(Refused) as refused:
        convert.vector(NAMES, name, vector)

    assert refused.value.code == grpc.StatusCode.INVALID_ARGUMENT


def test_vectors_become_lists() -> None:
    rows = points_pb2.MultiDenseVector(vectors=[points_pb2.DenseVector(data=[1.0, 2.0])] * 2)

    assert convert.vector(NAMES, "", dense(1.0, 2.0)) == [1.0, 2.0]
    assert convert.vector(NAMES, "interests", dense(1.0, 2.0)) == [[1.0, 2.0]]
    multi = convert.vector(NAMES, "interests", points_pb2.Vector(multi_dense=rows))
    assert multi == [[1.0, 2.0], [1.0, 2.0]]


def test_the_flat_form_of_old_clients_is_read() -> None:
    flat = points_pb2.Vector(data=[1.0, 2.0, 3.0, 4.0], vectors_count=2)

    assert convert.vector(NAMES, "", points_pb2.Vector(data=[1.0, 2.0])) == [1.0, 2.0]
    assert convert.vector(NAMES, "interests", flat) == [[1.0, 2.0], [3.0, 4.0]]
