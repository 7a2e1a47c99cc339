"""The worker's HTTP server: /healthz, /readyz, /metrics, /v1; on loopback unless told otherwise."""

from __future__ import annotations

import time

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from stream.web.api import NO_RESOURCE, Api, Handler, as_problems, resource
from stream.web.health import Health
from stream.web.metrics import Metrics

#: A path and a query hold many ids, each character up to 12 bytes.
MAX_LINE_BYTES = 1 << 16


class WebServer:
    """Starts on `port`, or on a free one where that is 0; `url` says where."""

    def __init__(self, health: Health, metrics: Metrics, api: Api, *, bind: str, port: int) -> None:
        self._health = health
        self._metrics = metrics
        self._api = api
        self._bind = bind
        self._port = port
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://{self._bind}:{self._port}"

    async def start(self) -> None:
        """Raises OSError where the port is taken."""
        app = web.Application(middlewares=[self._measured, as_problems])
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._scrape)
        app.router.add_routes(self._api.routes())
        for endpoint in (*(each.canonical for each in app.router.resources()), NO_RESOURCE):
            self._metrics.serves(endpoint)
        self._runner = web.AppRunner(app, access_log=None, max_line_size=MAX_LINE_BYTES)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._bind, self._port).start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _measured(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Outermost: what is counted is what the reader gets."""
        began = time.perf_counter()
        answer = await handler(request)
        self._metrics.answered(resource(request), answer.status, time.perf_counter() - began)
        return answer

    async def _healthz(self, request: web.Request) -> web.Response:
        return self._answer(self._health.live)

    async def _readyz(self, request: web.Request) -> web.Response:
        return self._answer(self._health.ready)

    def _answer(self, good: bool) -> web.Response:
        body = {"ok": good, **self._health.report()}
        return web.json_response(body, status=200 if good else 503)

    async def _scrape(self, request: web.Request) -> web.Response:
        body = generate_latest(self._metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
