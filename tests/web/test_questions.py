"""What is read of a question's parameters: the same as an independent reader of the document lets
through, whatever is sent."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jsonschema
import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from multidict import MultiDict

from stream.web.endpoints import ENDPOINTS
from stream.web.openapi import document
from stream.web.problems import Refused
from stream.web.questions import AlikeTo, Listed, UserPath, read
from tests.core.samples import law
from tests.web.served import served

DOCUMENT = msgspec.json.decode(msgspec.json.encode(document()))
PARAMETERS = [
    (endpoint.asked, each)
    for endpoint in ENDPOINTS
    for each in DOCUMENT["paths"][endpoint.path]["get"]["parameters"]
    if each["in"] == "query"
]
ODD = [
    *("", "0", "1", "100", "101", "-1", "1.5", "٣", "en", "EN_us", "en\n", "a\0b"),
    *("x" * 256, "x" * 257, "x" * 1024, "x" * 1025),
    *("2026-01-31T08:00:00Z", "2026-02-30T08:00:00Z"),
    *("00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000\n"),
]
texts = st.text(max_size=8) | st.sampled_from(ODD)


def allowed(schema: dict[str, Any], texts: list[str]) -> bool:
    """Whether the document lets this through, by a library that knows nothing of the code."""
    value: Any = texts if schema["type"] == "array" else texts[0]
    if schema["type"] == "integer":
        if not (value.isascii() and value.removeprefix("-").isdigit()):
            return False
        value = int(value)
    return jsonschema.Draft202012Validator(schema).is_valid(value)


def read_or_refused(
    kind: type[msgspec.Struct], sent: MultiDict[str]
) -> tuple[msgspec.Struct | None, Refused | None]:
    try:
        return read(kind, sent), None
    except Refused as why:
        return None, why


@law
@given(st.sampled_from(PARAMETERS), st.lists(texts, min_size=1, max_size=2))
def test_the_code_lets_through_what_the_document_does(
    known: tuple[type[msgspec.Struct], dict[str, Any]], sent: list[str]
) -> None:
    kind, parameter = known
    name, schema = parameter["name"], parameter["schema"]
    # a whole number may be written as 1e1, too: whoever does may be understood or not
    assume(schema["type"] != "integer" or not re.search(r"\d[eE.]", sent[0]))
    expected = allowed(schema, sent) and (schema["type"] == "array" or len(sent) == 1)

    found, why = read_or_refused(kind, MultiDict([(name, one) for one in sent]))
    assert (found is not None) == expected
    if why is not None:
        assert (why.status, name in why.detail) == (400, True)
        assert len(why.detail) < 800


@law
@given(st.dictionaries(st.text(max_size=5), texts, max_size=3))
def test_whatever_is_sent_is_read_or_refused(sent: dict[str, str]) -> None:
    for kind in {endpoint.asked for endpoint in ENDPOINTS}:
        found, why = read_or_refused(kind, MultiDict(sent))
        assert why is None or why.status == 400
        if found is not None:
            assert isinstance(found, kind)
            assert set(sent) <= {field.encode_name for field in msgspec.structs.fields(kind)}


@law
@given(st.binary(max_size=12).filter(bool), st.sampled_from(ENDPOINTS), st.booleans())
async def test_no_bytes_in_a_path_or_a_query_are_a_bug(
    raw: bytes, endpoint: Any, in_path: bool
) -> None:
    name = quote(raw, safe="") if in_path else "s0"
    path = endpoint.path
    for part in ("{user_id}", "{item_id}", "{segment_id}"):
        path = path.replace(part, name)
    async with served() as ask:
        query = "" if in_path else f"?{quote(raw, safe='=&+')}"
        answered = await ask(path + query)

    assert answered.status in (200, 400, 404), answered.body
    assert answered.kind.endswith("json")


def test_defaults_are_those_of_the_document() -> None:
    for kind, parameter in PARAMETERS:
        if "default" in parameter["schema"]:
            found = getattr(read(kind, MultiDict()), parameter["name"])
            assert parameter["schema"]["default"] == (list(found) if found == () else found)


def test_what_is_left_out_asks_for_nothing() -> None:
    filters = read(Listed, MultiDict()).filters()
    asked = read(AlikeTo, MultiDict()).asked()

    assert (filters.domain, filters.lang, filters.exclude) == (None, None, frozenset())
    assert (asked.page, asked.n, asked.segment, asked.since) == (1, 20, None, None)


def test_a_moment_has_an_offset() -> None:
    asked = read(AlikeTo, MultiDict(active_since="2026-01-31T09:00:00+01:00")).asked()

    assert asked.since == 1769846400.0
    with pytest.raises(Refused, match="RFC 3339 with an offset"):
        read(AlikeTo, MultiDict(active_since="2026-01-31T09:00:00")).asked()


def test_languages_are_compared_in_lower_case() -> None:
    assert read(Listed, MultiDict(lang="pt-BR")).filters().lang == "pt-br"


def test_a_name_is_one_character_at_least() -> None:
    assert read(UserPath, MultiDict(user_id="é")).name == "é"
    with pytest.raises(Refused, match="user_id is ''"):
        read(UserPath, MultiDict(user_id=""))


def test_the_page_about_reads_names_every_resource_and_parameter() -> None:
    page = (Path(__file__).parents[2] / "docs" / "http.md").read_text(encoding="utf-8")

    rows = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `/v1")}
    assert list(rows) == [endpoint.path for endpoint in ENDPOINTS]
    for endpoint in ENDPOINTS:
        names = {field.encode_name for field in msgspec.structs.fields(endpoint.asked)}
        told = rows[endpoint.path]
        assert "As for users" in told or all(f"`{name}`" in told for name in names)
