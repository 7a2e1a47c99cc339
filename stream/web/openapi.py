"""The OpenAPI 3.1 document of the reads, made from the structs that the code reads and writes."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from stream.web import problems
from stream.web.endpoints import ENDPOINTS, Endpoint

Node = dict[str, Any]
REF = "#/components/schemas/{name}"
ETAG = {"description": "of the body", "schema": {"type": "string"}}
PROBLEMS = {
    "400": "A parameter is not known, not readable or outside its limits",
    "404": "There is no such user, item or segment, or it was forgotten",
    "503": "A part of the service is away, or too many questions are open",
    "default": "Anything else that went wrong",
}


def document() -> Node:
    """The whole document."""
    found = [each.answer for each in ENDPOINTS]
    _, schemas = msgspec.json.schema_components(
        [*dict.fromkeys(found), problems.Problem], ref_template=REF
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "interestream reads",
            "version": "1.0.0",
            "description": "What a worker knows of users, items and segments. Read-only.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": {each.path: {"get": _operation(each)} for each in ENDPOINTS},
        "components": {"schemas": schemas},
    }


def _operation(each: Endpoint) -> Node:
    return {
        "operationId": _name(each.path),
        "summary": each.summary,
        "parameters": [
            *_parameters(each.within, "path"),
            *_parameters(each.asked, "query"),
            {
                "name": "If-None-Match",
                "in": "header",
                "description": "ETag of an answer that is at hand",
                "schema": {"type": "string", "maxLength": 256, "pattern": r"^[\x21-\x7e]*$"},
            },
        ],
        "responses": {
            "200": {
                "description": "The answer",
                "headers": {"ETag": ETAG},
                "content": {"application/json": {"schema": _ref(each.answer)}},
            },
            "304": {"description": "The answer is the one at hand"},
            **{code: _problem(text) for code, text in PROBLEMS.items()},
        },
    }


def _name(path: str) -> str:
    """Such as `user-lookalikes`: plural only where all are meant."""
    parts = path.split("/")[2:]
    following = [*parts[1:], ""]
    singular = [
        p.removesuffix("s") if n.startswith("{") else p
        for p, n in zip(parts, following, strict=True)
    ]
    return "-".join(part for part in singular if not part.startswith("{"))


def _parameters(kind: type[Struct], place: str) -> list[Node]:
    schema = next(iter(msgspec.json.schema_components([kind])[1].values()))
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": place,
            "required": name in required,
            **({"description": about} if (about := given.pop("description", None)) else {}),
            **({"style": "form", "explode": True} if given.get("type") == "array" else {}),
            "schema": given,
        }
        for name, given in schema["properties"].items()
    ]


def _problem(text: str) -> Node:
    return {
        "description": text,
        "content": {problems.MEDIA_TYPE: {"schema": _ref(problems.Problem)}},
    }


def _ref(kind: type[Struct]) -> Node:
    return {"$ref": REF.format(name=kind.__name__)}
