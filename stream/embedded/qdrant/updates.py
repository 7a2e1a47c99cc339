"""Writes: each request as one operation of the engine, validated before anything is applied."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qdrant_edge as edge
from qdrant_client.grpc import collections_pb2
from qdrant_client.grpc import points_pb2 as points

from stream.embedded.qdrant.convert import Names, optional, payload, point, point_id, vectors
from stream.embedded.qdrant.filters import filter_in, optional_filter
from stream.embedded.qdrant.refusal import unsupported, wrong

MODES = {
    points.UpdateMode.Upsert: edge.UpdateMode.Upsert,
    points.UpdateMode.InsertOnly: edge.UpdateMode.InsertOnly,
    points.UpdateMode.UpdateOnly: edge.UpdateMode.UpdateOnly,
}
# In protobuf's order of FieldType.
INDEXES = ("Keyword", "Integer", "Float", "Geo", "Text", "Bool", "Datetime", "Uuid")
INDEX_OPTIONS = frozenset(
    {"is_tenant", "on_disk", "enable_hnsw", "lookup", "range", "is_principal"}
)
Change = edge.UpdateOperation


def upsert(names: Names, message: points.UpsertPoints) -> Change:
    """Where the filter is false or the mode forbids it a point is left alone, without an error."""
    return Change.upsert_points(
        [point(names, one) for one in message.points],
        condition=optional_filter(message, "update_filter"),
        update_mode=MODES[message.update_mode],
    )


def update_vectors(names: Names, message: points.UpdatePointVectors) -> Change:
    rows = [
        edge.PointVectors(point_id(one.id), vectors(names, one.vectors)) for one in message.points
    ]
    return Change.update_vectors(rows, condition=optional_filter(message, "update_filter"))


def delete_vectors(names: Names, message: points.DeletePointVectors) -> Change:
    gone = list(message.vectors.names)
    for name in gone:
        names.check(name)
    return _selected(
        message.points_selector,
        lambda ids: Change.delete_vectors(ids, gone),
        lambda condition: Change.delete_vectors_by_filter(condition, gone),
    )


def delete_points(selector: points.PointsSelector) -> Change:
    return _selected(selector, Change.delete_points, Change.delete_points_by_filter)


def set_payload(message: points.SetPayloadPoints) -> Change:
    fields, key = payload(message.payload), optional(message, "key")
    return _selected(
        message.points_selector,
        lambda ids: Change.set_payload(ids, fields, key),
        lambda condition: Change.set_payload_by_filter(condition, fields, key),
    )


def overwrite_payload(message: points.SetPayloadPoints) -> Change:
    fields, key = payload(message.payload), optional(message, "key")
    return _selected(
        message.points_selector,
        lambda ids: Change.overwrite_payload(ids, fields, key),
        lambda condition: Change.overwrite_payload_by_filter(condition, fields, key),
    )


def delete_payload(message: points.DeletePayloadPoints) -> Change:
    keys = list(message.keys)
    return _selected(
        message.points_selector,
        lambda ids: Change.delete_payload(ids, keys),
        lambda condition: Change.delete_payload_by_filter(condition, keys),
    )


def clear_payload(selector: points.PointsSelector) -> Change:
    return _selected(selector, Change.clear_payload, Change.clear_payload_by_filter)


def create_index(message: points.CreateFieldIndexCollection) -> Change:
    if message.HasField("field_index_params"):
        return Change.create_field_index(message.field_name, _index(message.field_index_params))
    if not message.HasField("field_type"):
        raise unsupported("a field index without a type")
    kind = INDEXES[message.field_type]
    return Change.create_field_index(message.field_name, getattr(edge.PayloadSchemaType, kind))


def delete_index(message: points.DeleteFieldIndexCollection) -> Change:
    return Change.delete_field_index(message.field_name)


def batched(names: Names, message: points.PointsUpdateOperation) -> Change:
    """One operation of a batch, in which each is a message of its own kind."""
    kind = message.WhichOneof("operation")
    given: Any = getattr(message, kind) if kind else None
    match kind:
        case "upsert":
            return upsert(names, given)
        case "update_vectors":
            return update_vectors(names, given)
        case "delete_vectors":
            return delete_vectors(names, given)
        case "delete_points":
            return delete_points(given.points)
        case "set_payload":
            return set_payload(given)
        case "overwrite_payload":
            return overwrite_payload(given)
        case "delete_payload":
            return delete_payload(given)
        case "clear_payload":
            return clear_payload(given.points)
        case other:
            raise unsupported(f"a batch operation {other}")


def _selected(
    selector: points.PointsSelector,
    by_ids: Callable[[list[Any]], Change],
    by_filter: Callable[[edge.Filter], Change],
) -> Change:
    match selector.WhichOneof("points_selector_one_of"):
        case "points":
            return by_ids([point_id(one) for one in selector.points.ids])
        case "filter":
            return by_filter(filter_in(selector.filter))
        case _:
            raise wrong("PointsSelector is required")


def _index(message: collections_pb2.PayloadIndexParams) -> Any:
    kind = message.WhichOneof("index_params")
    if kind is None:
        raise unsupported("index parameters without a type")
    given = {field.name: value for field, value in getattr(message, kind).ListFields()}
    if other := sorted(given.keys() - INDEX_OPTIONS):
        raise unsupported(f"the index option {other[0]}")
    build = getattr(edge, kind.removesuffix("_index_params").capitalize() + "IndexParams")
    return build(**given)
