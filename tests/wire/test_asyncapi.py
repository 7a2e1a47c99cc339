"""The AsyncAPI document is current, valid, and true of its own examples."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator

from stream.wire import asyncapi, cloudevents, examples
from stream.wire.decode import Limits
from stream.wire.reasons import Reason

SCHEMA = Path(__file__).with_name("asyncapi-3.0.0.json")
WORDS = Path(__file__).parents[2] / "docs" / "messages.md"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The document as readers get it."""
    read = yaml.safe_load(asyncapi.PATH.read_text(encoding="utf-8"))
    assert isinstance(read, dict)
    return read


def test_the_committed_document_is_what_the_structs_make() -> None:
    assert asyncapi.PATH.read_text(encoding="utf-8") == asyncapi.render(), (
        "stale: run python -m stream.wire.asyncapi"
    )


def test_check_tells_stale_from_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(asyncapi, "PATH", tmp_path / "asyncapi.yaml")

    assert asyncapi.main(["--check"]) == 1
    assert asyncapi.main([]) == 0
    assert asyncapi.main(["--check"]) == 0
    asyncapi.PATH.write_text(asyncapi.render() + "# old\n", encoding="utf-8")
    assert asyncapi.main(["--check"]) == 1
    assert "stale" in capsys.readouterr().err


def test_it_is_an_asyncapi_document(document: dict[str, Any]) -> None:
    validator = Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))

    assert [error.json_path for error in validator.iter_errors(document)] == []


def test_the_schema_would_object(document: dict[str, Any]) -> None:
    """A validator that takes anything would prove nothing."""
    validator = Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))

    assert not validator.is_valid(document | {"channels": {"items": {"adress": "x"}}})


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found = list(_references(document))

    assert found
    for reference in found:
        assert _resolved(document, reference) is not None, reference


@pytest.mark.parametrize("name", [topic.message for topic in asyncapi.topics()])
def test_examples_fit_their_own_schema(document: dict[str, Any], name: str) -> None:
    message = document["components"]["messages"][name]
    assert message["examples"]

    for example in message["examples"]:
        for part in example.keys() & {"payload", "headers"}:
            _validator(document, message[part]).validate(example[part])


def test_the_example_schemas_would_object(document: dict[str, Any]) -> None:
    messages = document["components"]["messages"]
    validator = _validator(document, messages["Event"]["payload"])

    assert not validator.is_valid(examples.EVENT | {"user_id": 5})
    assert not validator.is_valid({})


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        (
            "Recommendation",
            cloudevents.recommendation_headers(examples.RECOMMENDATION, source="/s"),
        ),
        ("SegmentChange", cloudevents.segment_headers(examples.SEGMENT_CHANGE, source="/s")),
        ("Signals", cloudevents.signal_headers(examples.SIGNALS, target=0, source="/s")),
    ],
)
def test_headers_are_as_documented(
    document: dict[str, Any], name: str, headers: cloudevents.Headers
) -> None:
    schema = document["components"]["messages"][name]["headers"]
    sent = {header: value.decode() for header, value in headers}

    _validator(document, schema).validate(sent)
    assert set(sent) == set(schema["properties"])


# --- the words beside it


def test_every_reason_is_explained_in_the_words_of_its_own() -> None:
    rows = set(re.findall(r"^\| `(\w+)` \| (\w+) \| (.+) \|$", WORDS.read_text(), re.MULTILINE))

    assert rows == {(str(reason), str(reason.fate), reason.explanation) for reason in Reason}


def test_every_limit_and_header_is_in_the_words() -> None:
    words = WORDS.read_text(encoding="utf-8")
    settings = {name.upper() for name in Limits.__slots__} - {"MAX_AGE_S"}
    letter = asyncapi.document()["components"]["messages"]["DeadLetter"]["headers"]["properties"]

    assert [name for name in settings if f"INTERESTREAM_{name}`" not in words] == []
    assert [name for name in letter if f"`{name}`" not in words] == []


def _references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _resolved(document: dict[str, Any], reference: str) -> object:
    here: Any = document
    for step in reference.removeprefix("#/").split("/"):
        here = here[step]
    return here


def _validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    """A validator in which the document's references resolve."""
    return Draft202012Validator(
        {"components": document["components"], "allOf": [schema]},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )
