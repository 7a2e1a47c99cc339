"""numpy arrays and payload values to and from Qdrant's protobuf messages, exactly and fast.

The client's own conversion walks every float through Python (about 90 times slower). Here a
vector is the bytes of its array behind a field header: a packed repeated float on the wire
*is* a little-endian float32 array.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from qdrant_client import grpc as pb

from stream.core.hashes import hash128
from stream.store.rows import NO_PAIRS, Matrix, Pairs, Vector

Scalar = str | int | bool
Field = Scalar | Sequence[str] | None

FLOAT = np.dtype("<f4")
PACKED = b"\x0a"  # field 1, length-delimited: DenseVector.data, SparseVector.values
STANDS_IN = "\0"  # no user's name begins with it: such events are refused
ROW = b"\x0a"  # field 1, length-delimited: MultiDenseVector.vectors


def point_uuid(text_id: str) -> str:
    """The point id of a user, an item or a fact: its 128-bit hash written as a UUID."""
    if text_id.startswith(STANDS_IN):
        return text_id.removeprefix(STANDS_IN)
    return str(uuid.UUID(bytes=hash128(text_id)))


def stand_in(user_id: str) -> str:
    """What stands in the place of a name that is to be forgotten: it leads to the same point."""
    return STANDS_IN + point_uuid(user_id)


def point_id(point: str) -> pb.PointId:
    return pb.PointId(uuid=point)


# --- vectors


def dense(vector: Vector) -> pb.Vector:
    """(d,) float32 -> message. Raises ValueError if it is not finite or not one row."""
    _check(vector, 1)
    return pb.Vector(dense=pb.DenseVector.FromString(_packed(vector)))


def multi(rows: Matrix) -> pb.Vector:
    """(k, d) float32 with k > 0 -> message (the engine refuses an empty one)."""
    _check(rows, 2)
    if not len(rows):
        raise ValueError("a multivector needs a row: leave an empty one out of the point")
    packed = [_packed(row) for row in rows]
    wire = b"".join(ROW + _varint(len(row)) + row for row in packed)
    return pb.Vector(multi_dense=pb.MultiDenseVector.FromString(wire))


def sparse(pairs: Pairs) -> pb.Vector:
    """((m,) uint32 distinct indices, (m,) float32 values) with m > 0 -> message."""
    indices, values = pairs
    _check(values, 1)
    if indices.shape != values.shape or indices.dtype != np.uint32:
        raise ValueError(f"{indices.shape} {indices.dtype} indices for {values.shape} values")
    if len(np.unique(indices)) != len(indices):
        raise ValueError("an index appears twice: sum equal indices before writing")
    message = pb.SparseVector.FromString(_packed(values))
    message.indices.extend(indices.tolist())
    return pb.Vector(sparse=message)


def dense_query(vector: Vector) -> pb.VectorInput:
    """(d,) float32 -> what to search by; see `dense`."""
    return pb.VectorInput(dense=dense(vector).dense)


def multi_query(rows: Matrix) -> pb.VectorInput:
    """(k, d) float32 with k > 0 -> what to search by; see `multi`."""
    return pb.VectorInput(multi_dense=multi(rows).multi_dense)


def read_dense(message: pb.VectorOutput) -> Vector:
    return _floats(message.dense)


def read_multi(message: pb.VectorOutput) -> Matrix:
    return np.stack([_floats(row) for row in message.multi_dense.vectors])


def read_sparse(message: pb.VectorOutput) -> Pairs:
    """Ascending by index, whatever order the store kept."""
    found = message.sparse
    indices = np.fromiter(found.indices, np.uint32, len(found.indices))
    values = np.fromiter(found.values, np.float32, len(found.values))
    if not len(indices):
        return NO_PAIRS
    order = np.argsort(indices)
    return indices[order], values[order]


def named_vectors(point: pb.RetrievedPoint) -> Mapping[str, pb.VectorOutput]:
    """The point's vectors by name; a vector that the point lacks has no entry."""
    found: Mapping[str, pb.VectorOutput] = point.vectors.vectors.vectors
    return found


# --- payloads


def payload(fields: Mapping[str, Field]) -> dict[str, pb.Value]:
    """Strings, integers, truth values and lists of strings; None leaves the field out.

    Floating-point numbers are refused: the server hands some back one bit off, so they travel
    inside a JSON string.
    """
    return {name: _value(value) for name, value in fields.items() if value is not None}


def read_payload(fields: Mapping[str, pb.Value]) -> dict[str, Field]:
    return {name: _plain(value) for name, value in fields.items()}


def text(fields: Mapping[str, Field], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        raise TypeError(f"payload field {name!r} is {value!r}, a string was written")
    return value


def optional_text(fields: Mapping[str, Field], name: str) -> str | None:
    return text(fields, name) if name in fields else None


def integer(fields: Mapping[str, Field], name: str) -> int:
    value = fields[name]
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"payload field {name!r} is {value!r}, an integer was written")
    return value


def optional_integer(fields: Mapping[str, Field], name: str) -> int | None:
    return integer(fields, name) if name in fields else None


def texts(fields: Mapping[str, Field], name: str) -> tuple[str, ...]:
    value = fields.get(name, ())
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"payload field {name!r} is {value!r}, a list was written")
    return tuple(value)


def _value(value: Field) -> pb.Value:
    if isinstance(value, str):
        return pb.Value(string_value=value)
    if isinstance(value, bool):  # before int: a bool is one
        return pb.Value(bool_value=value)
    if isinstance(value, int):
        return pb.Value(integer_value=value)
    if isinstance(value, Sequence):
        entries = [pb.Value(string_value=entry) for entry in value]
        return pb.Value(list_value=pb.ListValue(values=entries))
    raise TypeError(f"a payload holds no {type(value).__name__}: put it into the JSON string")


def _plain(value: pb.Value) -> Field:
    match value.WhichOneof("kind"):
        case "string_value":
            return value.string_value
        case "integer_value":
            return value.integer_value
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [entry.string_value for entry in value.list_value.values]
        case "null_value":
            return None
        case kind:
            raise TypeError(f"nothing here writes a payload value of kind {kind}")


# --- bytes


def _packed(row: Vector) -> bytes:
    data = row.astype(FLOAT, copy=False).tobytes()
    return PACKED + _varint(len(data)) + data


def _floats(message: pb.DenseVector) -> Vector:
    wire = message.SerializeToString()
    length = 4 * len(message.data)
    return np.frombuffer(wire, FLOAT, offset=len(wire) - length)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _check(array: Vector | Matrix, dimensions: int) -> None:
    if array.ndim != dimensions or array.dtype != np.float32:
        raise ValueError(
            f"{array.shape} {array.dtype}: a float32 array of {dimensions} dimensions is needed"
        )
    if not np.isfinite(array).all():  # the engine would accept NaN and rank by it for ever
        raise ValueError("the vector holds NaN or infinite values")
