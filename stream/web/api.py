"""The reads over HTTP: questions in, answers or problems out, a few at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from hashlib import blake2b
from urllib.parse import unquote_to_bytes

import msgspec
import structlog
from aiohttp import web
from multidict import MultiDict

from stream.errors import Unavailable
from stream.reads.reads import Reads
from stream.web import problems
from stream.web.endpoints import ENDPOINTS, Endpoint
from stream.web.openapi import document
from stream.web.problems import Refused, shown
from stream.web.questions import read

log = structlog.get_logger(__name__)

DOCUMENT = "/openapi.json"
NO_RESOURCE = "none"  # of a path, or a method, that nothing answers
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Api:
    """Serves what `reads` answers, once that is set; until then, it is away.

    at_once  questions that are worked on at the same time: more are told to come again, because
             what holds up answers here holds up the pipeline as well
    """

    def __init__(self, *, at_once: int) -> None:
        self.reads: Reads | None = None
        self._at_once = at_once
        self._open = 0
        self._document = msgspec.json.encode(document())

    def routes(self) -> Iterable[web.RouteDef]:
        yield web.get(DOCUMENT, self._described)
        for endpoint in ENDPOINTS:
            yield web.get(endpoint.path, self._handler(endpoint))

    def _handler(self, endpoint: Endpoint) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            return _answer(request, await self._asked(endpoint, request))

        return handle

    async def _described(self, request: web.Request) -> web.StreamResponse:
        return _answer(request, self._document)

    async def _asked(self, endpoint: Endpoint, request: web.Request) -> bytes:
        _check_readable(request)
        within = read(endpoint.within, MultiDict(request.match_info))
        name = getattr(within, "name", "")
        asked = read(endpoint.asked, request.query)
        if self.reads is None:
            raise Unavailable("worker", "it starts or stops: ask again")
        if self._open >= self._at_once:
            raise Unavailable(
                "worker",
                f"{self._open} questions are open, limit {self._at_once}: ask again, or raise "
                "INTERESTREAM_WEB_READS_AT_ONCE",
            )
        self._open += 1
        try:
            found = await endpoint.ask(self.reads, name, asked)
        finally:
            self._open -= 1
        if found is None:
            raise Refused(
                404,
                f"unknown-{endpoint.kind}",
                f"{endpoint.kind} {shown(name)} is not known here: check the id, percent-encoded "
                "in the path",
            )
        return msgspec.json.encode(found)


@web.middleware
async def as_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever goes wrong is told as a problem."""
    try:
        return await handler(request)
    except Refused as why:
        return problems.response(why.status, why.kind, why.detail)
    except Unavailable as why:
        return problems.response(503, "unavailable", str(why))
    except web.HTTPMethodNotAllowed as why:
        answer = problems.response(
            405,
            "method-not-allowed",
            f"{shown(request.method)} is not possible here: use {', '.join(why.allowed_methods)}",
        )
        answer.headers["Allow"] = why.headers["Allow"]
        return answer
    except web.HTTPError as why:
        detail = f"{shown(request.path)}: {why.reason}; {DOCUMENT} lists what there is"
        return problems.response(why.status, why.reason.lower().replace(" ", "-"), detail)
    except Exception:
        log.exception("a read failed", method=request.method, resource=resource(request))
        return problems.response(500, "bug", "the worker's log has the trace: report it")


def resource(request: web.Request) -> str:
    """The path without its parameters: no ids in logs and metrics."""
    found = request.match_info.route.resource
    return found.canonical if found else NO_RESOURCE


def _check_readable(request: web.Request) -> None:
    """What is not UTF-8 would be read as something else."""
    for part, raw in (
        ("path", request.rel_url.raw_path),
        ("query", request.rel_url.raw_query_string),
    ):
        try:
            unquote_to_bytes(raw).decode()
        except UnicodeDecodeError:
            raise Refused(
                400, "bad-parameter", f"the {part} is not UTF-8, percent-encoded: encode it so"
            ) from None


def _answer(request: web.Request, body: bytes) -> web.Response:
    """With an ETag; without the body where the reader has it already."""
    etag = blake2b(body, digest_size=12).hexdigest()
    headers = {"ETag": f'"{etag}"', "Cache-Control": "private, no-cache"}
    if any(known.value in ("*", etag) for known in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type="application/json", headers=headers)
