"""The fast conversion says what the client's slow one says, and loses nothing."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from qdrant_client import grpc as pb
from qdrant_client import models
from qdrant_client.conversions.conversion import RestToGrpc, grpc_to_payload, payload_to_grpc

from stream.store import convert
from stream.store.rows import Matrix, Pairs, Vector

finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
vectors = arrays.arrays(np.float32, st.integers(1, 600), elements=finite)
matrices = arrays.arrays(
    np.float32, st.tuples(st.integers(1, 5), st.integers(1, 40)), elements=finite
)
fields = st.dictionaries(
    st.text(max_size=8),
    st.text()
    | st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
    | st.lists(st.text(), min_size=1, max_size=4),
    max_size=6,
)


@st.composite
def pairs(draw: st.DrawFn) -> Pairs:
    indices = draw(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=50, unique=True))
    values = draw(arrays.arrays(np.float32, len(indices), elements=finite))
    return np.array(indices, np.uint32), values


def as_received(message: pb.Vector) -> pb.VectorOutput:
    """The three kinds of vector look the same in both directions on the wire."""
    received: pb.VectorOutput = pb.VectorOutput.FromString(message.SerializeToString())
    return received


def slow(vector: Any) -> pb.Vector:
    message: pb.Vector = RestToGrpc.convert_vector_struct({"v": vector}).vectors.vectors["v"]
    return message


def same_bits(found: Vector | Matrix, written: Vector | Matrix) -> bool:
    return found.shape == written.shape and found.tobytes() == written.tobytes()


@given(vectors)
def test_a_dense_vector_goes_and_comes_back_exactly(vector: Vector) -> None:
    message = convert.dense(vector)

    assert message == slow(vector.tolist())
    assert same_bits(convert.read_dense(as_received(message)), vector)


@given(matrices)
def test_a_multivector_goes_and_comes_back_exactly(rows: Matrix) -> None:
    message = convert.multi(rows)

    assert message == slow(rows.tolist())
    assert same_bits(convert.read_multi(as_received(message)), rows)


@given(pairs())
def test_a_sparse_vector_goes_and_comes_back_exactly(given_pairs: Pairs) -> None:
    indices, values = given_pairs
    message = convert.sparse(given_pairs)
    order = np.argsort(indices)

    found_indices, found_values = convert.read_sparse(as_received(message))
    expected = models.SparseVector(indices=indices.tolist(), values=values.tolist())
    assert message == slow(expected)
    assert np.array_equal(found_indices, indices[order])
    assert same_bits(found_values, values[order])


@given(fields)
def test_a_payload_goes_and_comes_back_exactly(written: dict[str, convert.Field]) -> None:
    message = convert.payload(written)

    assert message == payload_to_grpc(written)
    assert convert.read_payload(message) == grpc_to_payload(message) == written


def test_a_view_with_strides_is_written_in_its_own_order() -> None:
    """An array that is a column of another must not bring its neighbours along."""
    table = np.arange(12, dtype=np.float32).reshape(4, 3)

    assert convert.dense(table[:, 1]).dense.data == [1, 4, 7, 10]
    assert [row.data[0] for row in convert.multi(table.T).multi_dense.vectors] == [0, 1, 2]


def test_what_is_read_cannot_be_changed() -> None:
    found = convert.read_dense(as_received(convert.dense(np.ones(3, np.float32))))

    with pytest.raises(ValueError, match="read-only"):
        found[0] = 2


def test_absent_fields_are_left_out_and_read_as_absent() -> None:
    message = convert.payload({"a": None, "b": "x", "n": 0})
    found = convert.read_payload(message)

    assert set(message) == {"b", "n"}
    assert convert.optional_text(found, "a") is None
    assert convert.optional_integer(found, "n") == 0
    assert convert.texts(found, "a") == ()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_vectors_that_are_not_finite_are_refused(bad: float) -> None:
    """The engine accepts NaN and would rank by it for ever."""
    row = np.array([1, bad], np.float32)

    with pytest.raises(ValueError, match="NaN or infinite"):
        convert.dense(row)
    with pytest.raises(ValueError, match="NaN or infinite"):
        convert.multi(row[None])
    with pytest.raises(ValueError, match="NaN or infinite"):
        convert.sparse((np.array([1, 2], np.uint32), row))


def test_arrays_of_another_form_are_refused() -> None:
    with pytest.raises(ValueError, match="float32 array of 1"):
        convert.dense(np.ones(3))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="float32 array of 2"):
        convert.multi(np.ones(3, np.float32))
    with pytest.raises(ValueError, match="needs a row"):
        convert.multi(np.ones((0, 3), np.float32))
    with pytest.raises(ValueError, match="twice"):
        convert.sparse((np.array([4, 4], np.uint32), np.ones(2, np.float32)))
    with pytest.raises(ValueError, match="indices for"):
        convert.sparse((np.array([4], np.uint32), np.ones(2, np.float32)))


def test_a_float_in_a_payload_is_refused() -> None:
    with pytest.raises(TypeError, match="JSON string"):
        convert.payload({"x": 0.1})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (convert.text, 1),
        (convert.integer, "1"),
        (convert.integer, True),
        (convert.texts, "not a list"),
    ],
)
def test_a_field_of_another_type_than_written_is_a_bug(read: Any, value: Any) -> None:
    with pytest.raises(TypeError, match="'f' is"):
        read({"f": value}, "f")


def test_point_ids_are_uuids_and_tell_names_apart() -> None:
    ids = {convert.point_uuid(f"user-{i}") for i in range(1000)}

    assert len(ids) == 1000
    assert all(str(uuid.UUID(each)) == each for each in ids)
    assert convert.point_uuid("ü") == convert.point_uuid("ü")
