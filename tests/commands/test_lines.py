"""JSON lines in, and records of each topic out, as one line."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import msgspec
import pytest

from stream.commands.lines import Kind, Line, read
from stream.commands.oneline import is_about, pretty, raw
from stream.commands.produce import check
from stream.commands.shown import age, columns, plain
from stream.commands.topics import full_name
from stream.errors import Misconfigured
from stream.settings import load
from stream.wire import examples
from stream.wire.encode import encode
from stream.wire.ids import user_hash

NOW = 1_738_310_400.0
SETTINGS = load(max_text_bytes=256)


@dataclass
class Record:
    value: bytes | None
    key: bytes | None = b"user-17"
    timestamp: int = int(NOW * 1000)
    headers: list[tuple[str, bytes]] = field(default_factory=list)


def lines(kind: Kind, *given: bytes) -> list[Line]:
    return list(read([line + b"\n" for line in given], kind, SETTINGS, clock=lambda: NOW))


def event(**given: object) -> bytes:
    return json.dumps(
        {"user_id": "ada", "item_id": "i", "type": "click", "at": NOW} | given
    ).encode()


def test_blank_lines_are_passed_over_but_counted() -> None:
    assert [line.number for line in lines(Kind.EVENTS, b"", event(), b"  ", event())] == [2, 4]


def test_the_key_is_the_id_and_the_value_the_line() -> None:
    (one,) = lines(Kind.EVENTS, event())
    (item,) = lines(Kind.ITEMS, b' {"item_id": "film-1", "title": "One"}\r')

    assert (one.key, one.value, one.refused) == (b"ada", event(), None)
    assert (item.key, item.value) == (b"film-1", b'{"item_id": "film-1", "title": "One"}')


@pytest.mark.parametrize(
    ("kind", "value", "reason", "key"),
    [
        (Kind.EVENTS, b"\xff\xfe", "invalid_utf8", None),
        (Kind.EVENTS, event(at=NOW * 1000), "time_in_milliseconds", b"ada"),
        (Kind.EVENTS, event(text="x" * 257), "text_too_long", b"ada"),
        (Kind.EVENTS, b'{"context": ' * 10_000, "malformed_json", None),
        (Kind.ITEMS, b'{"title": "no id"}', "missing_field", None),
        (Kind.ITEMS, b'{"item_id": "", "title": "x"}', "empty_id", b""),
        (Kind.ITEMS, b'{"item_id": "a", "title": 5}', "wrong_type", b"a"),
        (Kind.ITEMS, b'{"item_id": "\\ud800", "title": "x"}', "invalid_utf8", None),
    ],
)
def test_a_refusal_is_the_one_the_service_would_give(
    kind: Kind, value: bytes, reason: str, key: bytes | None
) -> None:
    (line,) = lines(kind, value)

    assert line.refused is not None
    assert (line.refused.reason, line.key) == (reason, key)


def test_check_counts_and_names_lines() -> None:
    said: list[str] = []
    given = (event(), b"{", event(type="x"), event(at=NOW - 500 * 86_400))

    tally = check(lines(Kind.EVENTS, *given), said.append)

    assert not tally.ok
    assert tally.summary(checked_only=True) == (
        "3 valid · 1 refused: malformed_json · 1 without effect: too_old · "
        "1 without effect: unknown_type"
    )
    assert [line.split(": ")[0] for line in said] == ["line 2", "line 3", "line 4"]


@pytest.mark.parametrize(
    ("kind", "value", "gist"),
    [
        ("events", msgspec.json.encode(examples.EVENT), "rating"),
        ("items", msgspec.json.encode(examples.ITEM), str(examples.ITEM["title"])),
        (
            "recommendations",
            encode(examples.RECOMMENDATION),
            examples.RECOMMENDATION.items[0].title,
        ),
        ("segments", encode(examples.SEGMENT_CHANGE), f"-> {examples.SEGMENT_CHANGE.to}"),
        ("signals", encode(examples.SIGNALS), "1 items, 2 pairs of"),
        ("items", None, "deleted"),
        ("dead-letters", None, "taken back"),
        ("events", b"{ \x1b[2J \xff", "{ �[2J �"),
        ("events", b"5", "5"),
        ("segments", b"{}", "{}"),
        ("recommendations", b'{"items": 5}', '{"items": 5}'),
    ],
)
def test_every_record_is_one_harmless_line(kind: str, value: bytes | None, gist: str) -> None:
    line = pretty(kind, Record(value))

    assert line.startswith("2025-01-31 08:00:00  user-17  ")
    assert gist in line
    assert line.isprintable()


def test_raw_lines_are_json_whatever_comes() -> None:
    assert raw(Record(b'{\n "a": 1\n}')) == '{"a":1}'
    assert raw(Record(None)) == "null"
    assert json.loads(raw(Record(b"{\xff\n"))) == "{�\n"


def test_a_user_is_known_by_key_or_by_hash() -> None:
    hashed = [("dl_user", user_hash("ada").encode())]

    assert is_about(Record(None, key=b"ada"), "ada")
    assert is_about(Record(b"", key=b"t/0/1", headers=hashed), "ada")
    assert not is_about(Record(b"", key=b"t/0/1", headers=hashed), "bob")


def test_topics_go_by_short_or_full_names() -> None:
    assert full_name(SETTINGS, "events") == full_name(SETTINGS, "interestream.events")
    with pytest.raises(Misconfigured, match="'evnts' is not one of items, events"):
        full_name(SETTINGS, "evnts")


def test_ages_and_columns() -> None:
    assert [age(s) for s in (0, 59, 60, 7200, 3 * 86_400, -5)] == [
        *("0 s", "59 s", "1 min", "2 h", "3 d", "in 5 s"),
    ]
    assert columns([("a", "bb", "c"), ("aa", "b", "")]) == ["  a   bb  c", "  aa  b"]
    assert columns([]) == []
    assert plain("abcdef", 4) == "abc…"
