"""A web server over the planted world, asked as a reader asks it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from stream.web.api import Api
from stream.web.health import Health
from stream.web.metrics import Metrics
from stream.web.server import WebServer
from tests.reads.world import World


@dataclass
class Answered:
    """A response; `body` is JSON where it says so, else text."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def kind(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0]


@dataclass
class Served:
    """The server, what it knows, and how to ask it; the path is sent as it is."""

    world: World
    api: Api
    url: str
    session: aiohttp.ClientSession

    async def __call__(self, path: str, method: str = "GET", **headers: str) -> Answered:
        url = URL(self.url + path, encoded=True)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(method, url, headers=sent) as response:
            text = await response.text()
            kind = response.content_type
            body = json.loads(text) if kind.endswith("json") and text else text
            return Answered(response.status, response.headers, body)


@asynccontextmanager
async def served(*, at_once: int = 4, started: bool = True) -> AsyncIterator[Served]:
    world, api = World(), Api(at_once=at_once)
    if started:
        api.reads = world.reads
    server = WebServer(Health(), Metrics(), api, bind="127.0.0.1", port=0)
    await server.start()
    async with aiohttp.ClientSession() as session:
        yield Served(world, api, server.url, session)
    await server.stop()
