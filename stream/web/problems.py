"""Errors as RFC 9457 tells them: `application/problem+json`."""

from __future__ import annotations

from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1
SHOWN_CHARS = 100

TITLES = {
    400: "A parameter does not fit",
    404: "There is no such thing here",
    405: "These resources can only be read",
    500: "The service has a bug",
    503: "Try again later",
}


class Problem(Struct, frozen=True, kw_only=True):
    """Why a question was not answered."""

    type: Annotated[
        str, Meta(description="kind of problem, stable", extra_json_schema={"format": "uri"})
    ]
    title: Annotated[str, Meta(description="the kind, for people")]
    status: Annotated[int, Meta(ge=400, le=599, description="as in the status line")]
    detail: Annotated[str, Meta(description="this one: value, limit and remedy")]


class Refused(Exception):
    """A question that is not answered."""

    def __init__(self, status: int, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail


def response(status: int, kind: str, detail: str) -> web.Response:
    """The answer that says so; what passes says when to ask again."""
    problem = Problem(
        type=f"urn:interestream:problem:{kind}",
        title=TITLES.get(status, "The question was not understood"),
        status=status,
        detail=detail,
    )
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else {}
    body = msgspec.json.encode(problem)
    return web.Response(status=status, body=body, content_type=MEDIA_TYPE, headers=headers)


def shown(value: str) -> str:
    """A value as messages show it: quoted, not longer than a line."""
    return repr(value if len(value) <= SHOWN_CHARS else f"{value[: SHOWN_CHARS - 1]}…")
