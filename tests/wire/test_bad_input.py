"""What bad input gets: each fault its own code, and for no bytes anything but Reject."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.errors import Reject
from stream.wire.decode import decode_signals
from stream.wire.reasons import REJECTIONS, Reason
from tests.wire import samples
from tests.wire.samples import (
    EVENT,
    ITEM,
    LIMITS,
    NOW,
    event_bytes,
    fate_of_event,
    fate_of_item,
    item_bytes,
    without,
)

BAD_EVENTS: list[tuple[Reason, bytes | None]] = [
    (Reason.MISSING_VALUE, None),
    (Reason.TOO_LARGE, event_bytes(more="x" * 8192)),
    (Reason.MALFORMED_JSON, b""),
    (Reason.MALFORMED_JSON, event_bytes()[:-1]),
    (Reason.MALFORMED_JSON, event_bytes() + b"x"),
    (Reason.MALFORMED_JSON, b"\xef\xbb\xbf" + event_bytes()),
    (Reason.MALFORMED_JSON, b'{"context":{"a":' + b"[" * 4000),
    (Reason.MALFORMED_JSON, b'{"more":' + b"[" * 4000),
    (Reason.MALFORMED_JSON, b'{"user_id":"\\ud800x","more":' + b"[" * 4000),
    (Reason.INVALID_UTF8, event_bytes(item_id="?").replace(b"?", b"\xff")),
    (Reason.INVALID_UTF8, event_bytes(more="?").replace(b"?", b"\xff")),
    (Reason.INVALID_UTF8, event_bytes(item_id="?").replace(b"?", b"\xed\xa0\x80")),
    (Reason.INVALID_UTF8, event_bytes().decode().encode("utf-16")),
    (Reason.INVALID_UTF8, event_bytes(item_id="\ud800")),
    (Reason.INVALID_UTF8, event_bytes(item_id="\ud800x")),
    (Reason.INVALID_UTF8, event_bytes(context={"page": "\udfff"})),
    (Reason.WRONG_TYPE, b"null"),
    (Reason.WRONG_TYPE, b"[]"),
    (Reason.WRONG_TYPE, b'"text"'),
    (Reason.WRONG_TYPE, event_bytes(user_id=5)),
    (Reason.WRONG_TYPE, event_bytes(dwell_s="5")),
    (Reason.WRONG_TYPE, event_bytes(position=1.5)),
    (Reason.WRONG_TYPE, event_bytes(offers=["a", 1])),
    (Reason.WRONG_TYPE, event_bytes(context=[])),
    (Reason.WRONG_TYPE, event_bytes(at=True)),
    (Reason.WRONG_TYPE, b'{"user_id":5,"more":' + b"[" * 4000),
    (Reason.WRONG_TYPE, b'{"offers":["a",1],"offers":[]}'),
    (Reason.WRONG_TYPE, b'{"offers":["a",1],"offers":null}'),
    (Reason.WRONG_TYPE, b'{"position":"a","position":'),
    (Reason.WRONG_TYPE, event_bytes(at=None)),
    (Reason.MISSING_FIELD, b"{}"),
    (Reason.MISSING_FIELD, without(EVENT, "user_id")),
    (Reason.MISSING_FIELD, without(EVENT, "type")),
    (Reason.MISSING_FIELD, without(EVENT, "at")),
    (Reason.MISSING_FIELD, without(EVENT, "item_id")),
    (Reason.MISSING_FIELD, event_bytes(type="rating")),
    (Reason.MISSING_FIELD, event_bytes(type="review", text="")),
    (Reason.MISSING_FIELD, event_bytes(type="impression", item_id=None, offers=[])),
    (Reason.NOT_FINITE, event_bytes(dwell_s=float("nan"))),
    (Reason.NOT_FINITE, event_bytes(rating=float("inf"))),
    (Reason.NOT_FINITE, event_bytes(rating=float("-inf"))),
    (Reason.NOT_FINITE, event_bytes(more=float("nan"))),
    (Reason.NOT_FINITE, event_bytes(dwell_s=0).replace(b'"dwell_s": 0', b'"dwell_s": 1e999')),
    (
        Reason.NOT_FINITE,
        event_bytes(dwell_s=0).replace(b'"dwell_s": 0', b'"dwell_s": 1' + b"0" * 400),
    ),
    (Reason.OUT_OF_RANGE, event_bytes(dwell_s=-0.1)),
    (Reason.OUT_OF_RANGE, event_bytes(dwell_s=12_000_000)),
    (Reason.OUT_OF_RANGE, event_bytes(rating=-1)),
    (Reason.OUT_OF_RANGE, event_bytes(rating=5.5)),
    (Reason.OUT_OF_RANGE, event_bytes(rating=0, rating_max=0)),
    (Reason.OUT_OF_RANGE, event_bytes(position=-1)),
    (Reason.OUT_OF_RANGE, event_bytes(position=10**30)),
    (
        Reason.OUT_OF_RANGE,
        event_bytes(context={"n": 0}).replace(b'"n": 0', b'"n": 1' + b"0" * 5000),
    ),
    (Reason.EMPTY_ID, event_bytes(user_id=" ")),
    (Reason.EMPTY_ID, event_bytes(user_id="\0user")),
    (Reason.EMPTY_ID, event_bytes(item_id="")),
    (Reason.EMPTY_ID, event_bytes(event_id="")),
    (Reason.EMPTY_ID, event_bytes(recommendation_id="\t")),
    (Reason.EMPTY_ID, event_bytes(offers=["a", ""])),
    (Reason.ID_TOO_LONG, event_bytes(user_id="u" * 1000)),
    (Reason.ID_TOO_LONG, event_bytes(item_id="é" * 17)),
    (Reason.ID_TOO_LONG, event_bytes(offers=["a" * 33])),
    (Reason.TEXT_TOO_LONG, event_bytes(text="é" * 129)),
    (Reason.TEXT_TOO_LONG, event_bytes(item_title="t" * 257)),
    (Reason.TEXT_TOO_LONG, event_bytes(lang="x" * 36)),
    (Reason.TOO_MANY, event_bytes(offers=["a"] * 1001).replace(b" ", b"")),
    (Reason.INVALID_TIME, event_bytes(at="yesterday")),
    (Reason.INVALID_TIME, event_bytes(at="1738310400")),
    (Reason.INVALID_TIME, event_bytes(at="2025-01-31")),
    (Reason.INVALID_TIME, event_bytes(at="2025-02-30T08:00:00Z")),
    (Reason.INVALID_TIME, event_bytes(at=-1e300)),
    (Reason.IN_FUTURE, event_bytes(at="9999-12-31T23:59:59.999999Z")),
    (Reason.IN_FUTURE, event_bytes(at="9999-12-31T23:59:59-14:00")),
    (Reason.NO_TIME_ZONE, event_bytes(at="2025-01-31T08:00:00")),
    (Reason.TIME_IN_MILLISECONDS, event_bytes(at=NOW * 1000)),
    (Reason.IN_FUTURE, event_bytes(at=NOW + 301)),
    (Reason.IN_FUTURE, event_bytes(at="2025-01-31T08:05:01Z")),
    (Reason.UNKNOWN_TYPE, event_bytes(type="glance")),
    (Reason.UNKNOWN_TYPE, event_bytes(type="")),
    (Reason.TOO_OLD, event_bytes(at=NOW - 401 * 86_400)),
    (Reason.TOO_OLD, event_bytes(at="0001-01-01T00:00:00+14:00")),
    (Reason.IGNORED_USER, event_bytes(user_id="anonymous")),
    (Reason.IGNORED_USER, event_bytes(user_id="")),
]

BAD_ITEMS: list[tuple[Reason, bytes | None, bytes | None]] = [
    (Reason.MISSING_KEY, None, None),
    (Reason.MISSING_KEY, item_bytes(), None),
    (Reason.EMPTY_ID, None, b""),
    (Reason.EMPTY_ID, item_bytes(item_id=""), b"i"),
    (Reason.ID_TOO_LONG, None, b"i" * 33),
    (Reason.INVALID_UTF8, None, b"\xff"),
    (Reason.KEY_MISMATCH, item_bytes(), b"j"),
    (Reason.TOO_LARGE, item_bytes(more="x" * 8192), b"i"),
    (Reason.MALFORMED_JSON, item_bytes()[:-1], b"i"),
    (Reason.MISSING_FIELD, without(ITEM, "title"), b"i"),
    (Reason.MISSING_FIELD, item_bytes(title=" "), b"i"),
    (Reason.WRONG_TYPE, item_bytes(available="yes"), b"i"),
    (Reason.TEXT_TOO_LONG, item_bytes(title="t" * 257), b"i"),
    (Reason.TOO_MANY, item_bytes(categories=["a", "b", "c", "d"]), b"i"),
    (Reason.EMPTY_ID, item_bytes(categories=[""]), b"i"),
    (Reason.NO_TIME_ZONE, item_bytes(published_at="2025-01-31T08:00:00"), b"i"),
    (Reason.TIME_IN_MILLISECONDS, item_bytes(expires_at=NOW * 1000), b"i"),
    (Reason.VECTOR_DIMENSION, item_bytes(vectors={"text": [1.0]}), b"i"),
    (Reason.VECTOR_DIMENSION, item_bytes(vectors={"text": []}), b"i"),
    (Reason.NOT_FINITE, item_bytes(vectors={"text": [1.0, float("nan")]}), b"i"),
    (Reason.OUT_OF_RANGE, item_bytes(vectors={"text": [0.0, 0.0]}), b"i"),
    (Reason.OUT_OF_RANGE, item_bytes(vectors={"text": [1e200, 1e200]}), b"i"),
    (Reason.TOO_MANY, item_bytes(vectors={str(n): [1.0, 0.0] for n in range(9)}), b"i"),
    (Reason.TOO_MANY, item_bytes(attributes={str(n): n for n in range(33)}), b"i"),
    (Reason.TOO_LARGE, item_bytes(attributes={"a": "é" * 509}), b"i"),
    (Reason.EMPTY_ID, item_bytes(attributes={" ": 1}), b"i"),
    (Reason.ID_TOO_LONG, item_bytes(attributes={"é" * 33: 1}), b"i"),
    (Reason.OUT_OF_RANGE, item_bytes(attributes={"a": 2**63}), b"i"),
    (Reason.OUT_OF_RANGE, item_bytes(attributes={"a": -(2**63) - 1}), b"i"),
    (
        Reason.OUT_OF_RANGE,
        item_bytes(attributes={"a": 0}).replace(b'"a": 0', b'"a": 1' + b"0" * 5000),
        b"i",
    ),
    (Reason.NOT_FINITE, item_bytes(attributes={"a": float("nan")}), b"i"),
    (
        Reason.NOT_FINITE,
        item_bytes(attributes={"a": 0}).replace(b'"a": 0', b'"a": 1e999'),
        b"i",
    ),
    (Reason.WRONG_TYPE, item_bytes(attributes=[]), b"i"),
    (Reason.WRONG_TYPE, item_bytes(attributes={"a": None}), b"i"),
    (Reason.WRONG_TYPE, item_bytes(attributes={"a": {}}), b"i"),
    (Reason.WRONG_TYPE, item_bytes(attributes={"a": ["b", 1]}), b"i"),
    (Reason.INVALID_UTF8, item_bytes(attributes={"\ud800": 1}), b"i"),
]


@pytest.mark.parametrize(("reason", "value"), BAD_EVENTS)
def test_each_fault_of_an_event_has_its_code(reason: Reason, value: bytes | None) -> None:
    assert fate_of_event(value) == reason


@pytest.mark.parametrize(("reason", "value", "key"), BAD_ITEMS)
def test_each_fault_of_an_item_has_its_code(
    reason: Reason, value: bytes | None, key: bytes | None
) -> None:
    assert fate_of_item(value, key) == reason


def test_every_rejection_is_shown_by_some_record() -> None:
    """A bug is the service's own; everything else has an example above."""
    shown = {reason for reason, *_ in [*BAD_EVENTS, *BAD_ITEMS]}

    assert set(REJECTIONS) - shown == {Reason.BUG}


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        (event_bytes(user_id=5), ["user_id", "5", "`str`"]),
        (event_bytes(offers=["a", 7]), ["offers[1]", "7"]),
        (event_bytes(at=NOW * 1000), ["at", "1738310400000", "milliseconds?"]),
        (event_bytes(at=NOW + 900), ["08:15:00", "900 s", "300", "INTERESTREAM_MAX_FUTURE_S"]),
        (event_bytes(item_id="i" * 40), ["item_id", "40 bytes", "32", "INTERESTREAM_MAX_ID_BYTES"]),
        (event_bytes(text="t" * 300), ["text", "300 bytes", "256", "INTERESTREAM_MAX_TEXT_BYTES"]),
        (event_bytes(more="x" * 9000), ["bytes", "8192", "INTERESTREAM_MAX_VALUE_BYTES"]),
        (event_bytes(rating=80), ["rating", "80.0", "5", "rating_max"]),
        (event_bytes(item_id="?").replace(b"?", b"\xff"), ["0xff", "UTF-8"]),
        (event_bytes(dwell_s=float("nan")), ["NaN", "dwell_s"]),
        (event_bytes()[:20], ["truncated", "20 bytes"]),
    ],
)
def test_a_message_names_value_limit_and_remedy(value: bytes, parts: list[str]) -> None:
    with pytest.raises(Reject) as caught:
        samples.read_event(value)

    assert [part for part in parts if part not in caught.value.message] == []
    assert len(caught.value.message) < 400


@pytest.mark.parametrize(
    ("attributes", "parts"),
    [
        ({str(n): n for n in range(40)}, ["attributes", "40 entries", "32", "filtered by"]),
        ({"a": "x" * 2000}, ["attributes", "2008 bytes", "1024", "filtered by"]),
        ({"k" * 70: 1}, ["attribute's name", "70 bytes", "64", "shorten"]),
        ({"a": 2**70}, ["attribute 'a'", str(2**70), "64-bit"]),
    ],
)
def test_what_is_too_much_of_attributes_is_named_with_its_limit(
    attributes: dict[str, Any], parts: list[str]
) -> None:
    with pytest.raises(Reject) as caught:
        samples.read_item(item_bytes(attributes=attributes))

    assert [part for part in parts if part not in caught.value.message] == []
    assert len(caught.value.message) < 400


def test_a_long_value_is_quoted_short() -> None:
    with pytest.raises(Reject) as caught:
        samples.read_event(event_bytes(user_id=["x" * 1000] * 3))

    assert len(caught.value.message) < 300


# --- laws: whatever the bytes


def _mutations(valid: bytes) -> st.SearchStrategy[bytes]:
    """The message with a stretch replaced, cut out or inserted."""
    junk = st.one_of(
        st.binary(max_size=8),
        st.sampled_from([b"NaN", b"1e999", b'"\\ud800"', b"[" * 1500, b"null", b"-", b"\\", b"{}"]),
        st.integers().map(lambda number: str(number).encode()),
    )
    places = st.tuples(st.integers(0, len(valid)), st.integers(0, 12))
    return st.builds(
        lambda place, new: valid[: place[0]] + new + valid[place[0] + place[1] :], places, junk
    )


TEXTS = st.text('aZ9 \t\n\0é😀\ud800\udc00"\\{', max_size=8)


def _json_values() -> st.SearchStrategy[Any]:
    leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS)
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=5,
    )


def _misfits(message: dict[str, Any], names: list[str]) -> st.SearchStrategy[bytes]:
    """The message with any JSON in any of its fields."""
    changes = st.dictionaries(st.sampled_from(names), _json_values(), max_size=4)
    return changes.map(lambda fields: json.dumps(message | fields).encode())


FULL_EVENT = json.dumps(
    EVENT | {"dwell_s": 3.5, "text": "größer", "offers": ["a"], "context": {"a": [1]}},
    ensure_ascii=False,
).encode()
FULL_ITEM = json.dumps(
    ITEM
    | {"text": "größer", "categories": ["a"], "vectors": {"text": [0.6, 0.8]}}
    | {"attributes": {"a": ["b"], "c": 1.5, "d": True, "e": 5}},
    ensure_ascii=False,
).encode()
EVENT_FIELDS = [*EVENT, "event_id", "dwell_s", "rating", "rating_max", "text", "lang", "position"]
EVENT_FIELDS += ["item_title", "recommendation_id", "offers", "context"]
ITEM_FIELDS = [*ITEM, "text", "categories", "domain", "lang", "published_at", "expires_at"]
ITEM_FIELDS += ["available", "vectors", "attributes"]


@given(st.binary(max_size=64) | _mutations(FULL_EVENT) | _misfits(EVENT, EVENT_FIELDS))
def test_no_bytes_make_an_event_raise_anything_but_reject(value: bytes) -> None:
    fate = fate_of_event(value)

    assert fate == "event" or fate in set(Reason)


@given(
    st.binary(max_size=64) | _mutations(FULL_ITEM) | _misfits(ITEM, ITEM_FIELDS),
    st.just(b"i") | st.none() | st.binary(max_size=40),
)
def test_no_bytes_make_an_item_raise_anything_but_reject(value: bytes, key: bytes | None) -> None:
    fate = fate_of_item(value, key)

    assert fate == "item" or fate in set(Reason)


@given(st.binary(max_size=64))
def test_no_bytes_make_signals_raise_anything_but_reject(value: bytes) -> None:
    with pytest.raises(Reject):
        decode_signals(value, limits=LIMITS)
