"""Points between protobuf and the engine: ids, vectors, payloads, without a model in between.

This is the hot path. Protobuf is read into lists and dicts, which the engine takes fastest, and
answers are nested dicts, from which protobuf's constructors build without copies in Python.
Everything is validated here: the engine writes its log first and complains later.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import qdrant_edge as edge
from qdrant_client.grpc import json_with_int_pb2, points_pb2, qdrant_common_pb2

from stream.embedded.qdrant.refusal import wrong

SCALARS = frozenset({"string_value", "integer_value", "double_value", "bool_value"})
Engine = Any  # what the engine takes or gives where its stubs say a union of everything
Fields = Any  # a dict that protobuf's constructors take for a message, though their stubs do not


@dataclass(frozen=True)
class Dense:
    """A dense vector's shape: (size,), or (n, size) with n >= 1 if `multi`."""

    size: int
    multi: bool


@dataclass(frozen=True)
class Names:
    """The vectors of a collection by name; "" is the one without a name."""

    dense: dict[str, Dense]
    sparse: frozenset[str]

    def check(self, name: str) -> None:
        if name not in self.dense and name not in self.sparse:
            raise wrong(f"Not existing vector name error: {name}")


# --- in


def point_id(message: qdrant_common_pb2.PointId) -> int | str:
    if message.WhichOneof("point_id_options") == "num":
        return message.num
    try:
        return str(uuid.UUID(message.uuid))
    except ValueError:
        raise wrong(f"Unable to parse UUID: {message.uuid}") from None


def point(names: Names, message: points_pb2.PointStruct) -> edge.Point:
    return edge.Point(
        point_id(message.id), vectors(names, message.vectors), payload(message.payload)
    )


def vectors(names: Names, message: points_pb2.Vectors) -> Engine:
    if message.WhichOneof("vectors_options") == "vector":
        return {"": vector(names, "", message.vector)}
    named = message.vectors.vectors
    return {name: vector(names, name, named[name]) for name in named}


def vector(names: Names, name: str, message: points_pb2.Vector) -> Engine:
    kind = message.WhichOneof("vector")
    if kind is None:
        return _flat_vector(names, name, message)
    return vector_of(names, name, message, kind)


def vector_of(names: Names, name: str, message: Any, kind: str) -> Engine:
    """A stored vector or a query's, whose `kind` is "dense", "multi_dense" or "sparse".

    Raises Refused when it does not fit what the collection holds under `name`.
    """
    names.check(name)
    if name in names.sparse:
        if kind != "sparse":
            raise wrong(f"vector {name!r} is sparse, a {kind} one was given")
        return _sparse(message.sparse.indices, message.sparse.values, name)
    shape = names.dense[name]
    if kind == "dense":
        row = _row(message.dense.data, shape.size, name)
        return [row] if shape.multi else row
    if kind == "multi_dense" and shape.multi:
        if not message.multi_dense.vectors:
            raise wrong("MultiDenseVector cannot be empty")
        return [_row(one.data, shape.size, name) for one in message.multi_dense.vectors]
    raise wrong(f"vector {name!r} does not accept a {kind} one")


def _flat_vector(names: Names, name: str, message: points_pb2.Vector) -> Engine:
    """The encoding of clients before 1.16: everything in `data`."""
    names.check(name)
    if name in names.sparse:
        return _sparse(message.indices.data, message.data, name)
    shape = names.dense[name]
    if not shape.multi:
        return _row(message.data, shape.size, name)
    count = message.vectors_count or 1
    size = len(message.data) // count
    rows = [message.data[i * size : (i + 1) * size] for i in range(count)]
    return [_row(row, shape.size, name) for row in rows]


def _row(data: Sequence[float], size: int, name: str) -> list[float]:
    row = list(data)
    if len(row) != size:
        raise wrong(f"Vector dimension error: expected dim: {size}, got {len(row)}")
    if not math.isfinite(sum(row)):
        raise wrong(f"vector {name!r} has NaN or infinite values")
    return row


def _sparse(indices: Sequence[int], values: Sequence[float], name: str) -> edge.SparseVector:
    index, value = list(indices), list(values)
    if len(index) != len(value):
        raise wrong(f"sparse vector {name!r}: {len(index)} indices, {len(value)} values")
    if len(set(index)) != len(index):
        raise wrong(f"sparse vector {name!r}: indices must be unique")
    if not math.isfinite(sum(value)):
        raise wrong(f"vector {name!r} has NaN or infinite values")
    return edge.SparseVector(index, value)


def payload(fields: Any) -> dict[str, Any]:
    return {key: _value(fields[key]) for key in fields}


def _value(message: json_with_int_pb2.Value) -> Any:
    kind = message.WhichOneof("kind")
    if kind in SCALARS:
        return getattr(message, kind)
    if kind == "list_value":
        return [_value(one) for one in message.list_value.values]
    if kind == "struct_value":
        return payload(message.struct_value.fields)
    return None


# --- out


def id_out(value: Engine) -> Fields:
    return {"num": value} if isinstance(value, int) else {"uuid": str(value)}


def record_out(record: Engine, *, with_vectors: bool = True, **more: Any) -> Fields:
    """A RetrievedPoint or a ScoredPoint; `more` are those that only one of them has."""
    more["id"] = id_out(record.id)
    if fields := record.payload:
        more["payload"] = payload_out(fields)
    if with_vectors and (found := record.vector) is not None:
        more["vectors"] = _vectors_out(found)
    if (order := record.order_value) is not None:
        more["order_value"] = {"int": order} if isinstance(order, int) else {"float": order}
    return more


def payload_out(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: _value_out(value) for key, value in fields.items()}


def _value_out(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"string_value": value}
    if isinstance(value, bool):  # before int, which it is too
        return {"bool_value": value}
    if isinstance(value, int):
        return {"integer_value": value}
    if isinstance(value, float):
        return {"double_value": value}
    if isinstance(value, list):
        return {"list_value": {"values": [_value_out(one) for one in value]}}
    if isinstance(value, dict):
        return {"struct_value": {"fields": payload_out(value)}}
    return {"null_value": 0}


def _vectors_out(found: Engine) -> dict[str, Any]:
    if not isinstance(found, dict):
        return {"vector": _vector_out(found)}
    if list(found) == [""]:
        return {"vector": _vector_out(found[""])}
    return {"vectors": {"vectors": {name: _vector_out(one) for name, one in found.items()}}}


def _vector_out(found: Engine) -> dict[str, Any]:
    if isinstance(found, edge.SparseVector):
        return {"sparse": {"indices": found.indices, "values": found.values}}
    if found and isinstance(found[0], list):
        return {"multi_dense": {"vectors": [{"data": row} for row in found]}}
    return {"dense": {"data": found}}


# --- what of a point is wanted


def wanted_payload(message: points_pb2.WithPayloadSelector) -> Engine:
    kind = message.WhichOneof("selector_options")
    if kind == "include":
        return list(message.include.fields)
    if kind == "exclude":
        return edge.PayloadSelector.Exclude(list(message.exclude.fields))
    return message.enable


def wanted_vectors(names: Names, message: points_pb2.WithVectorsSelector) -> bool | list[str]:
    if message.WhichOneof("selector_options") != "include":
        return message.enable
    for name in message.include.names:
        names.check(name)
    return list(message.include.names)


def optional(message: Any, field: str) -> Any:
    """The value of an optional field, None where it was not given."""
    return getattr(message, field) if message.HasField(field) else None
