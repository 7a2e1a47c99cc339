"""Filters: conditions on payload, ids and vectors, in the engine's terms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import qdrant_edge as edge
from qdrant_client.grpc import qdrant_common_pb2 as common

from stream.embedded.qdrant.convert import optional, point_id
from stream.embedded.qdrant.refusal import unsupported

LIMITS = ("gte", "gt", "lte", "lt")


def filter_in(message: common.Filter) -> edge.Filter:
    """Raises Refused for conditions that the embedded store does not have."""
    return edge.Filter(
        must=_conditions(message.must),
        should=_conditions(message.should),
        must_not=_conditions(message.must_not),
        min_should=_min_should(message.min_should) if message.HasField("min_should") else None,
    )


def optional_filter(message: Any, field: str = "filter") -> edge.Filter | None:
    return filter_in(getattr(message, field)) if message.HasField(field) else None


def _conditions(messages: Iterable[common.Condition]) -> list[Any] | None:
    return [_condition(message) for message in messages] or None


def _min_should(message: common.MinShould) -> edge.MinShould:
    return edge.MinShould(_conditions(message.conditions) or [], message.min_count)


def _condition(message: common.Condition) -> Any:
    match message.WhichOneof("condition_one_of"):
        case "field":
            return _field(message.field)
        case "has_id":
            return edge.HasIdCondition({point_id(one) for one in message.has_id.has_id})
        case "has_vector":
            return edge.HasVectorCondition(message.has_vector.has_vector)
        case "is_empty":
            return edge.IsEmptyCondition(message.is_empty.key)
        case "is_null":
            return edge.IsNullCondition(message.is_null.key)
        case "nested":
            return edge.NestedCondition(message.nested.key, filter_in(message.nested.filter))
        case "filter":
            return filter_in(message.filter)
        case other:
            raise unsupported(f"a condition {other}")


def _field(message: common.FieldCondition) -> edge.FieldCondition:
    wanted: dict[str, Any] = {}
    if message.HasField("match"):
        wanted["match"] = _match(message.match)
    if message.HasField("range"):
        limits = {name: optional(message.range, name) for name in LIMITS}
        wanted["range"] = edge.RangeFloat(**limits)
    if message.HasField("datetime_range"):
        wanted["range"] = _times(message.datetime_range)
    if message.HasField("values_count"):
        counts = {name: optional(message.values_count, name) for name in LIMITS}
        wanted["values_count"] = edge.ValuesCount(**counts)
    if message.HasField("is_empty"):
        wanted["is_empty"] = message.is_empty
    if message.HasField("is_null"):
        wanted["is_null"] = message.is_null
    if not wanted:
        raise unsupported(f"this condition on the field {message.key!r}")
    return edge.FieldCondition(message.key, **wanted)


def _times(message: Any) -> edge.RangeDateTime:
    given = [name for name in LIMITS if message.HasField(name)]
    return edge.RangeDateTime(**{name: getattr(message, name).ToJsonString() for name in given})


def _match(message: common.Match) -> Any:
    match message.WhichOneof("match_value"):
        case "keyword":
            return edge.MatchValue(message.keyword)
        case "integer":
            return edge.MatchValue(message.integer)
        case "boolean":
            # The engine takes a Python bool for an integer, which matches nothing.
            return edge.MatchValue(np.bool_(message.boolean))  # type: ignore[arg-type]  # see above
        case "keywords":
            return edge.MatchAny(list(message.keywords.strings))
        case "integers":
            return edge.MatchAny(list(message.integers.integers))
        case "except_keywords":
            return edge.MatchExcept(list(message.except_keywords.strings))
        case "except_integers":
            return edge.MatchExcept(list(message.except_integers.integers))
        case "text":
            return edge.MatchText(message.text)
        case "text_any":
            return edge.MatchTextAny(message.text_any)
        case "phrase":
            return edge.MatchPhrase(message.phrase)
        case other:
            raise unsupported(f"a match {other}")
